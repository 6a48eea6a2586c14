import type { ClientMessage } from '../wire/serializer.ts';

/** A message that waits for its channel. */
export interface QueuedMessage {
  readonly message: ClientMessage;
  /** Size on the wire. */
  readonly bytes: number;
}

export interface MailboxLimits {
  readonly maxWaitingMessages: number;
  readonly maxWaitingBytes: number;
}

/** Messages that wait for one channel, in the order in which they came, up to a bound. */
export class Mailbox {
  readonly #limits: MailboxLimits;
  #waiting: QueuedMessage[] = [];
  #bytes = 0;

  constructor(limits: MailboxLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Size on the wire of all that waits. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a message behind all others. @returns false if there is no room: it is not kept then */
  add(waiting: QueuedMessage): boolean {
    const { maxWaitingMessages, maxWaitingBytes } = this.#limits;
    if (this.#waiting.length >= maxWaitingMessages || this.#bytes + waiting.bytes > maxWaitingBytes) return false;
    this.addAnyway(waiting);
    return true;
  }

  /** Keeps a message behind all others, whether or not there is room. */
  addAnyway(waiting: QueuedMessage): void {
    this.#waiting.push(waiting);
    this.#bytes += waiting.bytes;
  }

  /** Keeps a message before all others, whether or not there is room: its turn had come already. */
  putBack(waiting: QueuedMessage): void {
    this.#waiting.unshift(waiting);
    this.#bytes += waiting.bytes;
  }

  /** Takes the oldest message out. */
  take(): QueuedMessage | undefined {
    const next = this.#waiting.shift();
    if (next) this.#bytes -= next.bytes;
    return next;
  }

  /** Takes all messages out, oldest first. */
  takeAll(): readonly QueuedMessage[] {
    const all = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return all;
  }

  /** Finds the oldest message of a kind; it stays. */
  find(isMeant: (message: ClientMessage) => boolean): ClientMessage | undefined {
    return this.#waiting.find(({ message }) => isMeant(message))?.message;
  }

  /** Takes one message out, wherever it stands; one that is not there changes nothing. */
  remove(message: ClientMessage): void {
    const at = this.#waiting.findIndex((waiting) => waiting.message === message);
    const [removed] = at < 0 ? [] : this.#waiting.splice(at, 1);
    if (removed) this.#bytes -= removed.bytes;
  }
}
