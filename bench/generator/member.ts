import { findStamp, isStampAt, STAMP_BYTES } from './stamp.ts';
import { WebSocketConnection } from './websocket.ts';
import type { Wire } from './wires/index.ts';

/** Told of a stamp that stands at index `at` of the bytes. */
export type OnStamped = (bytes: Buffer, at: number) => void;

interface Waiting {
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

/** A connection to a server of rooms. */
export class Member {
  onStamped: OnStamped | undefined;
  readonly #wire: Wire;
  readonly #connection: WebSocketConnection;
  #waiting: Waiting | undefined;
  #isReady = false;
  #isEnding = false;
  /** From the beginning of a frame to its stamp, as it was the last time: mostly it is the same. */
  #stampOffset = 0;

  private constructor(port: number, wire: Wire, waiting: Waiting) {
    this.#wire = wire;
    this.#waiting = waiting;
    this.#connection = new WebSocketConnection(port, wire.path, {
      onOpen: () => this.#onOpen(),
      onText: (bytes, start, end) => this.#onText(bytes, start, end),
      onClosed: (cause) => this.#onClosed(cause),
    });
  }

  static connect(port: number, wire: Wire): Promise<Member> {
    return new Promise((resolve, reject) => {
      const member: Member = new Member(port, wire, { done: () => resolve(member), failed: reject });
    });
  }

  join(topic: string): Promise<void> {
    return this.joinBy(this.#wire.join(topic));
  }

  /** @param text a join as this wire has it, with more in it */
  joinBy(text: string): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting = { done, failed };
      this.#connection.sendText(text);
    });
  }

  send(frame: Buffer): void {
    this.#connection.send(frame);
  }

  end(): void {
    this.#isEnding = true;
    this.#connection.destroy();
  }

  #onOpen(): void {
    for (const text of this.#wire.greeting) this.#connection.sendText(text);
    if (!this.#wire.isReady) this.#ready();
  }

  #ready(): void {
    this.#isReady = true;
    this.#settle();
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.done();
  }

  #onText(bytes: Buffer, start: number, end: number): void {
    const expected = start + this.#stampOffset;
    const isThere = expected + STAMP_BYTES <= end && isStampAt(bytes, expected);
    const at = isThere ? expected : findStamp(bytes, start, end);
    if (at < 0) return this.#onControl(bytes.toString('utf8', start, end));
    this.#stampOffset = at - start;
    this.onStamped?.(bytes, at);
  }

  #onControl(text: string): void {
    const answer = this.#wire.answerTo?.(text);
    if (answer !== undefined) return this.#connection.sendText(answer);
    if (!this.#isReady) {
      if (this.#wire.isReady?.(text)) this.#ready();
    } else if (this.#waiting && this.#wire.isJoined(text)) this.#settle();
    else if (this.#wire.isRefused(text)) this.#fail(new Error(`refused: ${text}`));
  }

  #onClosed(cause: string): void {
    if (this.#isEnding) return;
    this.#fail(new Error(`a connection was lost: ${cause}`));
  }

  /** @throws Error where nobody waits for anything that could fail: it is one of the run */
  #fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!waiting) throw error;
    waiting.failed(error);
  }
}
