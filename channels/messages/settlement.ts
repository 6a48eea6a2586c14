import type { Refusal } from '../../server/index.ts';
import type { Store, StreamEntry } from '../../server/store/index.ts';
import type { Applied } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import { inboxFields, SHOWN } from './codec.ts';
import type { Inboxes, MessageAggregates } from './delivery.ts';
import { ORDER, type PlacedEntry } from './inbox.ts';
import { isSettled, type Message, type MessageEvent, type Settlement, senderOf, settledAlready } from './state.ts';

export interface SettlementsOptions {
  readonly store: Pick<Store, 'range' | 'nowMs'>;
  readonly inboxes: Inboxes;
  readonly messages: MessageAggregates;
  /** Called once for every message that has left its inbox. */
  readonly onSettled: (message: Message) => void;
  /** Does what need not be waited for; what fails is done again at the message's deadline. */
  readonly inBackground: (work: Promise<unknown>) => void;
}

export type Settled = { readonly ok: true; readonly isRepeat: boolean } | Refusal;

/** Most messages checked for expiry at once. */
const EXPIRY_BATCH = 100;

/**
 * Takes messages out of inboxes: acknowledged, rejected, expired.
 *
 * The message decides what it is settled as, and then leaves the inbox; both are durable before anybody is told. After
 * a crash in between it is settled and may still be pushed, which nobody was promised it would not; a repeat, the next
 * that wants to settle it or its deadline removes it.
 */
export class Settlements {
  readonly #options: SettlementsOptions;

  constructor(options: SettlementsOptions) {
    this.#options = options;
  }

  /** Resolves when no join that begins later gets the message. */
  async settle(agentId: string, id: string, as: Settlement, reason?: string): Promise<Settled> {
    const { inboxes, messages } = this.#options;
    const inbox = await inboxes.read(agentId, inboxFields({ id }));
    if (!inbox?.places.has(id)) {
      const refused = await this.#refusalElsewhere(agentId, id);
      if (refused) return refused;
    }
    const settled = await messages.apply(id, { type: 'settle', as, ...(reason !== undefined && { reason }) });
    if (!settled.ok) return settled;
    await this.finish(settled.state);
    return { ok: true, isRepeat: settled.events.length === 0 };
  }

  /** As if its recipient had acknowledged it, unless it is settled already. */
  async acknowledge(id: string): Promise<void> {
    await this.#finishIfLeft(await this.#options.messages.apply(id, { type: 'settle', as: 'acknowledged' }));
  }

  /** Gives up one hold on a notice; the last one acknowledges it. */
  async release(id: string): Promise<void> {
    await this.#finishIfLeft(await this.#options.messages.apply(id, { type: 'release' }));
  }

  async #finishIfLeft(applied: Applied<Message, MessageEvent>): Promise<void> {
    if (applied.ok && applied.state.progress.deadlineMs !== null) await this.finish(applied.state);
  }

  /** Carries out the effects of a settlement. Repeating it is harmless. */
  async finish(message: Message): Promise<void> {
    const { inboxes, messages, onSettled, inBackground } = this.#options;
    const { about, progress } = message;
    if (!isSettled(progress.status)) return;
    const removed = await inboxes.apply(about.toAgentId, { type: 'remove', id: about.id, sender: senderOf(about) });
    if (removed.ok && removed.events.length > 0) onSettled(message);
    if (progress.deadlineMs !== null) inBackground(messages.apply(about.id, { type: 'finish' }));
  }

  /** Settles what is due in an inbox, and sets when to look again. */
  async expire(agentId: string): Promise<void> {
    const { store, inboxes } = this.#options;
    for (;;) {
      const oldest = await store.range({ kind: 'inbox', id: agentId }, ORDER, 0, EXPIRY_BATCH);
      const nowMs = await store.nowMs();
      const entries = oldest.map(readEntry);
      const due = entries.filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
      await Promise.all(due.map(({ id }) => this.#expireOne(id)));
      if (due.length > 0) continue;
      const nextMs = entries.length === 0 ? null : Math.min(...entries.map(({ expiresAtMs }) => expiresAtMs));
      await inboxes.apply(agentId, { type: 'rest', nextMs });
      return;
    }
  }

  async #expireOne(id: string): Promise<void> {
    const { messages } = this.#options;
    const expired = await messages.apply(id, { type: 'settle', as: 'expired' });
    if (expired.ok) return this.finish(expired.state);
    // It was settled before and has not left the inbox yet.
    const message = await messages.read(id, SHOWN);
    if (message) await this.finish(message);
  }

  /** Refusal for a message that is not in the agent's inbox; `undefined` if it is settled, or has arrived there meanwhile. */
  async #refusalElsewhere(agentId: string, id: string): Promise<Refusal | undefined> {
    const message = await this.#options.messages.read(id, SHOWN);
    if (message?.about.toAgentId !== agentId) return refuse('not_found');
    const { status } = message.progress;
    if (status === 'placing' || status === 'void') return refuse('not_found');
    return status === 'expired' ? settledAlready(status) : undefined;
  }
}

export const readEntry = ({ value }: Pick<StreamEntry, 'value'>) => JSON.parse(value) as PlacedEntry;
