import type { Log, Refusal } from '../../server/index.ts';
import { type Store, StoreUnavailable } from '../../server/store/index.ts';
import { Aggregates, type Placeable } from '../kernel/aggregate.ts';
import { sizeRefusal } from '../kernel/fields.ts';
import { isId, newId } from '../kernel/ids.ts';
import { refuse } from '../kernel/reasons.ts';
import { requestDigest } from '../kernel/request_digest.ts';
import type { Agents } from '../principals/principals.ts';
import { inboxFields, inboxType, messageType, SHOWN } from './codec.ts';
import { Delivery, type Inboxes, type Sent } from './delivery.ts';
import { emptyInbox, type InboxHead, ORDER } from './inbox.ts';
import type { Pile } from './reader.ts';
import { PAYLOAD_KIB, type SendRequest } from './schema.ts';
import { readEntry, type Settled, Settlements } from './settlement.ts';
import {
  type Draft,
  isSettled,
  type Message,
  type MessageCommand,
  type MessageEvent,
  type Settlement,
} from './state.ts';

export interface MessagesOptions {
  readonly store: Store;
  readonly agents: Pick<Agents, 'read'>;
  readonly log: Log;
  /** Called after a message is durably in its inbox; for some messages twice. */
  readonly onPlaced: (message: Message, ordinal: number) => void;
  /** Called after a message has durably left its inbox. */
  readonly onSettled: (message: Message) => void;
}

/** A message without its payload, and when it was read. */
export interface Shown {
  readonly message: Message;
  readonly nowMs: number;
}

const DEFAULT_VERSION = '1.0';

/** Every agent's inbox, and what became of every message (PROTOCOL.md, sections 3 and 5.6). */
export class Messages {
  readonly #options: MessagesOptions;
  readonly #inboxes: Inboxes;
  readonly #messages: Aggregates<Message, MessageCommand, MessageEvent>;
  readonly #delivery: Delivery;
  readonly #settlements: Settlements;

  constructor(options: MessagesOptions) {
    const { store, onPlaced, onSettled } = options;
    this.#options = options;
    this.#inboxes = new Aggregates(store, inboxType);
    this.#messages = new Aggregates(store, messageType);
    const inBackground = (work: Promise<unknown>) => this.#inBackground(work);
    const shared = { inboxes: this.#inboxes, messages: this.#messages, inBackground };
    this.#delivery = new Delivery({ ...shared, onPlaced });
    this.#settlements = new Settlements({ ...shared, store, onSettled });
  }

  /** Sends what an agent wants sent. An agent may write to itself. */
  async send(fromAgentId: string, request: SendRequest): Promise<Sent> {
    const { to_agent_id: toAgentId, type, payload, protocol_version: protocolVersion = DEFAULT_VERSION } = request;
    const recipient = await this.#options.agents.read(toAgentId);
    if (!recipient) return refuse('not_found', { to_agent_id: toAgentId });
    const draft: Draft = {
      id: request.id ?? newId(),
      fromAgentId,
      toAgentId,
      type,
      protocolVersion,
      isCounted: true,
      request: requestDigest(`agent:${fromAgentId}`, { toAgentId, type, payload, protocolVersion }),
      payloadJson: JSON.stringify(payload),
    };
    if (recipient.status === 'suspended') return this.#sentBefore(draft);
    return (
      sizeRefusal('/payload', payload, PAYLOAD_KIB) ?? (await this.#delivery.send(draft, request.id !== undefined))
    );
  }

  /**
   * Puts a notice into an inbox, whoever the recipient is; it is pushed when it is told. Every call that gets ok relies on
   * the notice until it gives it up.
   *
   * @returns also `conflict` if its id is taken, or it has left the inbox
   */
  placeNotice(draft: Draft): Promise<Sent> {
    return this.#delivery.send(draft, true);
  }

  /** `inbox_full` if there is no room for a notice now. */
  roomRefusal(draft: Draft): Promise<Refusal | undefined> {
    return this.#delivery.roomRefusal(draft);
  }

  /** Pushes a notice that was placed. */
  tellNotice(message: Message): Promise<void> {
    return this.#delivery.tell(message);
  }

  /** Gives up a notice; when all calls that relied on it have, it counts as acknowledged. */
  releaseNotice(id: string): Promise<void> {
    return this.#settlements.release(id);
  }

  /** A notice counts as acknowledged. */
  acknowledgeNotice(id: string): Promise<void> {
    return this.#settlements.acknowledge(id);
  }

  /** The message if it was accepted. */
  async read(id: string): Promise<Message | undefined> {
    const message = await this.#messages.read(id);
    if (message?.progress.status === 'void') return undefined;
    if (message?.progress.status !== 'placing') return message;
    const inbox = await this.#inboxes.read(message.about.toAgentId, inboxFields({ id }));
    return inbox?.places.has(id) ? message : undefined;
  }

  /** Many that were accepted, without their payloads, in the order of `ids`. */
  async readShown(ids: readonly string[]): Promise<(Shown | undefined)[]> {
    const [found, nowMs] = await Promise.all([this.#messages.readMany(ids, SHOWN), this.#options.store.nowMs()]);
    // Those on their way into an inbox, and those that a crash has left there, are few.
    const accepted = await Promise.all(
      found.map((message) => (message?.progress.status === 'placing' ? this.read(message.about.id) : message)),
    );
    return accepted.map((message) => (message && message.progress.status !== 'void' ? { message, nowMs } : undefined));
  }

  /** For upkeep: see `Aggregates.placeAnew`. */
  get placeable(): Placeable {
    return this.#messages;
  }

  /** Acknowledges or rejects. Resolves when no join that begins later gets the message. */
  async settle(agentId: string, id: string, as: Settlement, reason?: string): Promise<Settled> {
    return isId(id) ? this.#settlements.settle(agentId, id, as, reason) : refuse('not_found');
  }

  async head(agentId: string): Promise<InboxHead> {
    const { head } = (await this.#inboxes.read(agentId, inboxFields({}))) ?? emptyInbox;
    return head;
  }

  /** An agent's inbox, to be read. */
  pile(agentId: string): Pile {
    const { store } = this.#options;
    return {
      from: async (ordinal, limit) => {
        const entries = await store.range({ kind: 'inbox', id: agentId }, ORDER, ordinal, limit);
        return entries.map((entry) => ({ ordinal: entry.position, id: readEntry(entry).id }));
      },
      read: async (ids) => {
        const [messages, nowMs] = await Promise.all([this.#messages.readMany(ids), store.nowMs()]);
        return messages.map((message) => {
          const isOpen = message && !isSettled(message.progress.status) && nowMs < message.about.expiresAtMs;
          return isOpen ? message : undefined;
        });
      },
    };
  }

  /** At an inbox's deadline: what is due expires. */
  expire(agentId: string): Promise<void> {
    return this.#settlements.expire(agentId);
  }

  /** Finishes, at a message's deadline, what another call has begun. */
  async finish(id: string): Promise<void> {
    const message = await this.#messages.read(id);
    if (message?.progress.status === 'placing') await this.#delivery.resume(message);
    else if (message) await this.#settlements.finish(message);
  }

  /** Nothing new goes to a suspended agent, but a repeat of an accepted message is answered as before. */
  async #sentBefore(draft: Draft): Promise<Sent> {
    const message = await this.read(draft.id);
    if (message?.about.request === draft.request) return { ok: true, isRepeat: true, message };
    return message ? refuse('conflict') : refuse('forbidden', { to_agent_id: draft.toAgentId, status: 'suspended' });
  }

  #inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (error instanceof StoreUnavailable) return;
      this.#options.log.error({ err: error }, 'a step after a message failed: tried again at its deadline');
    });
  }
}
