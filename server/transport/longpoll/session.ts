import type { Connection } from '../../runtime/connection.ts';
import { closeCodes, LOW_WATER_BYTES, MAX_EXCUSED_BYTES, type Transport } from '../../runtime/transport.ts';
import type { Frame } from '../../wire/serializer.ts';

/**
 * The result of a poll: frames; nothing within the window; no such session, or no longer; or a session that was closed
 * while the poll was open.
 */
export type PollResult =
  | { readonly kind: 'messages'; readonly messages: readonly string[] }
  | { readonly kind: 'empty' | 'gone' | 'closed' };

/** The result of a POST; `rate_limited` is decided before its session is asked. */
export type PostResult = 'handled' | 'malformed' | 'gone' | 'rate_limited';

/** At most so many messages of a batch are handled, as in Phoenix; phoenix.js sends no more. */
const MAX_BATCH = 100;
const STRICT_BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

interface Poll {
  readonly sinceMs: number;
  readonly answer: (result: PollResult) => void;
}

/** A client on long-poll: frames wait here until it asks. */
export class LongPollSession implements Transport {
  readonly name = 'longpoll';
  readonly #maxBacklogBytes: number;
  readonly #maxFrameBytes: number;
  #connection: Connection | undefined;
  #messages: string[] = [];
  #bytes = 0;
  #excusedBytes = 0;
  #poll: Poll | undefined;
  #lastPollMs = Date.now();
  #open = true;
  #moved = false;

  constructor(limits: { maxBacklogBytes: number; maxFrameBytes: number }) {
    this.#maxBacklogBytes = limits.maxBacklogBytes;
    this.#maxFrameBytes = limits.maxFrameBytes;
  }

  readonly #closeListeners: (() => void)[] = [];
  /** Those who wait for the backlog to shrink. */
  readonly #waiting: (() => void)[] = [];

  /** Set once, right after the connection was made. */
  set connection(connection: Connection) {
    this.#connection = connection;
  }

  // ---- the client's requests

  /** Answers with what waits, else with what comes next. @returns a function for a client that went away */
  poll(answer: (result: PollResult) => void): () => void {
    this.#poll?.answer({ kind: 'empty' });
    const poll = { sinceMs: Date.now(), answer };
    this.#poll = poll;
    this.#lastPollMs = poll.sinceMs;
    // Older clients join their channels again after this, and not on a new session alone.
    if (!this.#open) this.#answer({ kind: this.#moved ? 'closed' : 'gone' });
    else if (this.#messages.length > 0) this.#handOut();
    return () => {
      if (this.#poll === poll) this.#poll = undefined;
    };
  }

  /** @param ndjson a batch of lines, a line that does not start with `[` being base64 of a binary frame */
  post(body: Buffer, ndjson: boolean): PostResult {
    if (!this.#open || !this.#connection) return 'gone';
    const lines = ndjson ? body.toString().split(/\r?\n/) : [body.toString()];
    if (ndjson && lines.at(-1) === '') lines.pop();
    for (const line of lines.slice(0, MAX_BATCH)) {
      if (!this.#receive(this.#connection, line, ndjson)) return 'malformed';
    }
    return 'handled';
  }

  #receive(connection: Connection, line: string, ndjson: boolean): boolean {
    const isText = !ndjson || line.startsWith('[');
    const fits = line.length <= (isText ? this.#maxFrameBytes : Math.ceil(this.#maxFrameBytes / 3) * 4);
    if (!fits || (!isText && !STRICT_BASE64.test(line))) {
      connection.close(closeCodes.internalError, '');
      return false;
    }
    return connection.receive(isText ? line : Buffer.from(line, 'base64'));
  }

  // ---- the transport

  send(frame: Frame): void {
    if (!this.#open) return;
    this.#push(frame);
    this.mindBacklog();
  }

  mindBacklog(): void {
    if (this.#bytes - this.#excusedBytes <= this.#maxBacklogBytes) return;
    this.#connection?.close(closeCodes.tooSlow, 'too slow');
  }

  sendExcused(frame: Frame): void {
    if (!this.#open) return;
    this.#push(frame);
    this.#excusedBytes = Math.min(this.#excusedBytes + frame.length, MAX_EXCUSED_BYTES);
    this.mindBacklog();
  }

  #push(frame: Frame): void {
    // Its serializer makes text only.
    const text = String(frame);
    this.#messages.push(text);
    this.#bytes += text.length;
    // Not at once: what one turn of the event loop sends goes out in one answer.
    if (this.#poll && this.#messages.length === 1) setImmediate(() => this.#handOut());
  }

  writable(): Promise<void> | undefined {
    if (!this.#open || this.#bytes <= LOW_WATER_BYTES) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #handOut(): void {
    if (!this.#poll || this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    this.#excusedBytes = 0;
    this.#answer({ kind: 'messages', messages });
    this.#wake();
  }

  #answer(result: PollResult): void {
    const poll = this.#poll;
    this.#poll = undefined;
    this.#lastPollMs = Date.now();
    poll?.answer(result);
  }

  subscribe(): boolean {
    return false;
  }
  unsubscribe(): void {}
  publishOthers(): void {}
  ping(): void {}

  close(code?: number): void {
    if (!this.#open) return;
    this.#open = false;
    this.#moved = code === closeCodes.serviceRestart;
    if (this.#messages.length > 0) this.#handOut();
    else this.#answer({ kind: 'closed' });
    for (const listener of this.#closeListeners) listener();
    this.#wake();
  }

  /** True if it was closed because its node ends: then the next poll is told so too. */
  get moved(): boolean {
    return this.#moved;
  }

  /** Calls back when the session has ended. */
  onClose(listener: () => void): void {
    this.#closeListeners.push(listener);
  }

  // ---- time

  /** Answers a poll that has waited for `windowMs`, ends a session that nobody has polled for one and a half. */
  tick(nowMs: number, windowMs: number): void {
    if (this.#poll) {
      if (nowMs - this.#poll.sinceMs >= windowMs) this.#answer({ kind: 'empty' });
    } else if (nowMs - this.#lastPollMs > windowMs * 1.5) {
      this.#connection?.close(closeCodes.goingAway, '');
    }
  }
}
