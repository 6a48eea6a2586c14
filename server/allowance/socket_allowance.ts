import type { Account, AccountSocket, Allowances } from './accounts.ts';
import { PromisedTurns } from './promised_turns.ts';
import { TokenBucket } from './token_bucket.ts';

/** No message counts as more than so many. */
export const MAX_MESSAGE_COST = 10;

/**
 * Limits what one socket sends, within the limits of its account (PROTOCOL.md, section 1, "Nobody starves another").
 *
 * Times are milliseconds of one clock that only goes forward.
 */
export class SocketAllowance {
  readonly #account: Account;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  readonly #control: TokenBucket | undefined;
  /** Most sockets never need them. */
  #promised: PromisedTurns | undefined;

  constructor(account: Account, { messages, bytes, control }: Allowances) {
    this.#account = account;
    this.#messages = messages && new TokenBucket(messages);
    this.#bytes = bytes && new TokenBucket(bytes);
    this.#control = control && new TokenBucket(control);
  }

  enter(socket: AccountSocket): void {
    this.#account.sockets.add(socket);
  }

  leave(socket: AccountSocket): void {
    this.#account.sockets.delete(socket);
  }

  /** True if there is room for any message of this size, whatever it costs. */
  isAmple(bytes: number, nowMs: number): boolean {
    return !this.#promised?.size && this.#hasRoom(MAX_MESSAGE_COST, bytes, nowMs, false);
  }

  /**
   * Takes room for a message.
   *
   * @param contentOf gives what the message says, without what changes when it is sent again
   * @returns 0, or the milliseconds after which it has room behind those refused before it
   */
  take(cost: number, bytes: number, nowMs: number, contentOf: () => string): number {
    const account = this.#account;
    const isPromised = Boolean(this.#promised?.size && this.#promised.claim(contentOf(), nowMs));
    if (this.#hasRoom(cost, bytes, nowMs, isPromised)) {
      this.#messages?.take(cost, nowMs);
      account.messages?.take(cost, nowMs);
      this.#takeBytes(bytes, nowMs);
      account.admitted(bytes, nowMs);
      return 0;
    }
    const turnInMs = Math.max(
      queued(this.#messages, cost, nowMs),
      queued(account.messages, cost, nowMs),
      queued(this.#bytes, bytes, nowMs),
      queued(account.bytes, bytes, nowMs),
    );
    this.#promised ??= new PromisedTurns();
    this.#promised.promise(contentOf(), nowMs + turnInMs);
    account.early(bytes, nowMs);
    return Math.max(1, Math.ceil(turnInMs));
  }

  /** Takes room for a control frame, a heartbeat or a leave. @returns false if there is none: it is to be dropped */
  takeControl(bytes: number, nowMs: number): boolean {
    if (!has(this.#control, 1, nowMs, true) || !this.#hasRoom(0, bytes, nowMs, true)) {
      this.#account.early(bytes, nowMs);
      return false;
    }
    this.takeAnyway(bytes, nowMs);
    return true;
  }

  /** Counts what is carried out in any case. */
  takeAnyway(bytes: number, nowMs: number): void {
    this.#control?.take(1, nowMs);
    this.#takeBytes(bytes, nowMs);
  }

  #takeBytes(bytes: number, nowMs: number): void {
    this.#bytes?.take(bytes, nowMs);
    this.#account.bytes?.take(bytes, nowMs);
  }

  /** @param isPromised whether its turn in the line has come; else it goes to the end of any line there is */
  #hasRoom(cost: number, bytes: number, nowMs: number, isPromised: boolean): boolean {
    const account = this.#account;
    return (
      has(this.#messages, cost, nowMs, isPromised) &&
      has(account.messages, cost, nowMs, isPromised) &&
      has(this.#bytes, bytes, nowMs, isPromised) &&
      has(account.bytes, bytes, nowMs, isPromised)
    );
  }
}

/** True if the bucket has that many tokens now; without a bucket there is no limit. */
function has(bucket: TokenBucket | undefined, tokens: number, nowMs: number, isPromised: boolean): boolean {
  return !bucket || ((isPromised || !bucket.hasLine(nowMs)) && bucket.waitMs(tokens, nowMs) === 0);
}

/** A message stands in the line of each bucket that does not let it through. */
function queued(bucket: TokenBucket | undefined, tokens: number, nowMs: number): number {
  return !bucket || has(bucket, tokens, nowMs, false) ? 0 : bucket.queue(tokens, nowMs);
}
