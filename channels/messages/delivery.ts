import type { Refusal } from '../../server/index.ts';
import type { Aggregates } from '../kernel/aggregate.ts';
import { untilDone } from '../kernel/attempts.ts';
import { KeyedQueue, type Turn } from '../kernel/keyed_queue.ts';
import { inboxFields, SHOWN } from './codec.ts';
import { emptyInbox, type Inbox, type InboxCommand, type InboxEvent, quotaRefusal } from './inbox.ts';
import { type Draft, type Message, type MessageCommand, type MessageEvent, senderOf } from './state.ts';
import { asSent } from './traffic.ts';

export type Inboxes = Pick<Aggregates<Inbox, InboxCommand, InboxEvent>, 'apply' | 'read'>;
export type MessageAggregates = Pick<Aggregates<Message, MessageCommand, MessageEvent>, 'apply' | 'read' | 'readMany'>;

export interface DeliveryOptions {
  readonly inboxes: Inboxes;
  readonly messages: MessageAggregates;
  /** Called for every message that is in its inbox; for some twice. */
  readonly onPlaced: (message: Message, ordinal: number) => void;
  /** Does what need not be waited for; what fails is done again at the message's deadline. */
  readonly inBackground: (work: Promise<unknown>) => void;
}

export interface Accepted {
  readonly ok: true;
  /** The same request came before. */
  readonly isRepeat: boolean;
  readonly message: Message;
}

export type Sent = Accepted | Refusal;

/** Each further attempt means that another call tried the same message, or one like it, at the same moment. */
const MAX_ATTEMPTS = 20;
/** Longest pause; all pauses are about twice as long together, then a message that another call is placing is taken over. */
const LONGEST_PAUSE_MS = 160;

/**
 * Puts messages into inboxes. A message and its inbox are two aggregates and cannot change together, so:
 *
 * 1. the inbox is looked at: is there room, and which epoch does it have;
 * 2. the message is made, `placing` by that epoch: from now on its id is taken, its content is safe;
 * 3. the inbox takes its id, unless the epoch has moved or there is no room: the one moment from which it counts,
 *    is pushed, and can be settled;
 * 4. the message becomes `pending`, which nobody waits for. Without room it becomes `void`: its id is free again.
 *
 * A retry, or the deadline after a crash, that finds a message `placing` gives it a moment and then *seals* the
 * inbox. If the message is in there, step 4 is left. Else the epoch rises, which keeps out the attempt before,
 * however late it comes; the message is renewed to the new epoch, which only one can do, and placed by it. Attempts for
 * other messages that were kept out as well renew theirs and go on. So a message is placed once for good: one that is
 * acknowledged has left `placing` and cannot be renewed, even though the inbox has forgotten it.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #turns = new KeyedQueue();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the message is durably in the inbox. What one sender sends to one inbox through this node is placed
   * in the order of the calls.
   *
   * @param mayExist whether the id came from outside
   * @returns `inbox_full`, or `conflict` if the id is another message's, or that of a notice that has left its inbox
   */
  async send(draft: Draft, mayExist: boolean): Promise<Sent> {
    const turn = this.#turns.take(`${draft.fromAgentId} ${draft.toAgentId}`);
    try {
      let isAgain = false;
      const attempt = () => {
        const sent = this.#attempt(draft, mayExist || isAgain, turn);
        isAgain = true;
        return sent;
      };
      return await untilDone(`message ${draft.id}`, attempt, MAX_ATTEMPTS);
    } finally {
      turn.done();
    }
  }

  /** `inbox_full` if there is no room for this message now. Nothing is changed, nor promised. */
  async roomRefusal(draft: Draft): Promise<Refusal | undefined> {
    return (await this.#prepare(draft, true)).full;
  }

  /** Pushes a notice that `send` has placed; the sender says when. Notices settled meanwhile are left out. */
  async tell({ about, payloadJson, progress }: Message): Promise<void> {
    const inbox = await this.#options.inboxes.read(about.toAgentId, inboxFields({ id: about.id }));
    const place = inbox?.places.get(about.id);
    if (place) this.#options.onPlaced({ about, payloadJson, progress }, place.ordinal);
  }

  /** Places a message that another call has left, or finds it placed. `undefined` if it was given up. */
  async resume(found: Message, turn?: Turn): Promise<Sent | undefined> {
    const { inboxes } = this.#options;
    const { id, toAgentId } = found.about;
    let message = found;
    const attempt = async (): Promise<Sent | 'void' | undefined> => {
      if (turn) message = await this.#patience(message);
      if (message.progress.status === 'void') return 'void';
      if (message.progress.status !== 'placing') return { ok: true, isRepeat: true, message };
      const sealed = await inboxes.apply(toAgentId, { type: 'seal', id });
      if (!sealed.ok) return sealed;
      const place = sealed.state.places.get(id);
      if (place) {
        this.#placed(message, place.ordinal, turn);
        return { ok: true, isRepeat: true, message };
      }
      const placed = await this.#renew(message, sealed.state.head.epoch, turn);
      if (placed) return placed;
      message = await this.#look(message);
      return undefined;
    };
    const sent = await untilDone(`message ${id}`, attempt, MAX_ATTEMPTS);
    return sent === 'void' ? undefined : sent;
  }

  /** `undefined`: to be tried again. */
  async #attempt(draft: Draft, mayExist: boolean, turn: Turn): Promise<Sent | undefined> {
    const { epoch, full } = await this.#prepare(draft, mayExist);
    // A message that is refused here leaves nothing behind.
    if (full) return full;
    const created = await this.#options.messages.apply(draft.id, { type: 'create', draft, epoch });
    if (!created.ok) return created;
    const message = { ...created.state, payloadJson: draft.payloadJson };
    if (created.events[0]?.type !== 'created') return this.resume(message, turn);
    return (await this.#place(message, turn)) ?? this.resume(await this.#look(message), turn);
  }

  /** Reads the inbox: its epoch, and if it has no room for a message that it does not hold yet. */
  async #prepare(draft: Draft, mayExist: boolean) {
    const { inboxes, messages } = this.#options;
    const sender = senderOf(draft);
    const inbox = (await inboxes.read(draft.toAgentId, inboxFields({ sender }))) ?? emptyInbox;
    const full = quotaRefusal(inbox, sender);
    // Read after the inbox: this very message, sent by another call just now, may have filled it.
    const known = full && mayExist ? await messages.read(draft.id, SHOWN) : undefined;
    const isKnown = known !== undefined && known.progress.status !== 'void';
    return { epoch: inbox.head.epoch, full: isKnown ? undefined : full };
  }

  /** Goes by the epoch of the message. `undefined`: another call has taken it over. */
  async #place(message: Message, turn: Turn | undefined): Promise<Sent | undefined> {
    const { inboxes, messages } = this.#options;
    const { about, progress } = message;
    const { id, toAgentId, expiresAtMs } = about;
    const { epoch } = progress;
    await turn?.come;
    const place = {
      id,
      sender: senderOf(about),
      isNotice: !about.isCounted,
      expiresAtMs,
      epoch,
      sent: asSent(message),
    };
    const placing = inboxes.apply(toAgentId, { type: 'place', ...place });
    // The inbox takes commands in the order in which they come to it.
    turn?.done();
    const placed = await placing;
    if (!placed.ok) {
      await messages.apply(id, { type: 'give_up', epoch });
      return placed;
    }
    const { places, head } = placed.state;
    const isThere = places.get(id);
    // The epoch has moved: somebody has sealed the inbox.
    if (!isThere) return this.#renew(message, head.epoch, turn);
    this.#placed(message, isThere.ordinal, turn);
    return { ok: true, isRepeat: false, message };
  }

  /** Places by another epoch, after the attempt before has failed or was kept out. */
  async #renew(message: Message, epoch: number, turn: Turn | undefined): Promise<Sent | undefined> {
    const from = message.progress.epoch;
    const renewed = await this.#options.messages.apply(message.about.id, { type: 'renew', from, epoch });
    if (!renewed.ok || renewed.events.length === 0) return undefined;
    return this.#place({ ...renewed.state, payloadJson: message.payloadJson }, turn);
  }

  /** The message as it is now. */
  async #look(message: Message): Promise<Message> {
    const now = await this.#options.messages.read(message.about.id, SHOWN);
    return now ? { ...now, payloadJson: message.payloadJson } : message;
  }

  /** The call that is placing the message is most likely alive and soon done. */
  async #patience(found: Message): Promise<Message> {
    let message = found;
    for (let pauseMs = 5; message.progress.status === 'placing' && pauseMs <= LONGEST_PAUSE_MS; pauseMs *= 2) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random())));
      message = await this.#look(message);
    }
    return message;
  }

  /** @param turn of whoever sends it; nobody waits any more for what a deadline places */
  #placed(message: Message, ordinal: number, turn: Turn | undefined): void {
    const { messages, onPlaced, inBackground } = this.#options;
    if (message.about.isCounted || !turn) onPlaced(message, ordinal);
    inBackground(messages.apply(message.about.id, { type: 'placed' }));
  }
}
