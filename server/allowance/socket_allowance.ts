import type { Account, AccountSocket, Allowances, Usage } from './accounts.ts';
import { PromisedTurns } from './promised_turns.ts';
import { TokenBucket } from './token_bucket.ts';

/** No message counts as more than so many. */
export const MAX_MESSAGE_COST = 10;

/** The buckets from which a message takes, as bits. */
const SOCKET_MESSAGES = 1;
const ACCOUNT_MESSAGES = 2;
const SOCKET_BYTES = 4;
const ACCOUNT_BYTES = 8;

/**
 * Limits what one socket sends, within the limits of its account (PROTOCOL.md, section 1, "Nobody starves another").
 *
 * Times are milliseconds of one clock that only goes forward.
 */
export class SocketAllowance {
  #account: Account;
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

  /** Makes it a socket of another account, as it is known now whose it is. */
  moveTo(account: Account, socket: AccountSocket): void {
    this.leave(socket);
    this.#account = account;
    this.enter(socket);
  }

  /** True if there is room for any message of this size, whatever it costs. */
  isAmple(bytes: number, nowMs: number): boolean {
    return !this.#promised?.size && this.#hasRoom(MAX_MESSAGE_COST, bytes, nowMs);
  }

  /**
   * Takes room for a message.
   *
   * @param contentOf gives what the message says, without what changes when it is sent again
   * @returns 0, or the milliseconds after which it has room behind those refused before it
   */
  take(cost: number, bytes: number, nowMs: number, contentOf: () => string): number {
    const turn = this.#promised?.size ? this.#promised.claim(contentOf(), nowMs) : undefined;
    const paid = turn?.paid ?? 0;
    if (this.#hasRoom(cost, bytes, nowMs, turn !== undefined, paid)) {
      this.#pay(cost, bytes, nowMs, paid);
      this.#account.admitted(bytes, this.#lacking(nowMs), nowMs);
      return 0;
    }
    const waitMs = this.#queue(cost, bytes, nowMs, paid, contentOf());
    this.#account.early(bytes, this.#lacking(nowMs), nowMs);
    return waitMs;
  }

  /** Keeps room for a refused message: where it is there it is taken now, else the message stands in the line. */
  #queue(cost: number, bytes: number, nowMs: number, paidBefore: number, content: string): number {
    const { messages, bytes: accountBytes } = this.#account;
    let paid = paidBefore;
    let turnInMs = 0;
    const keep = (bucket: TokenBucket | undefined, bit: number, tokens: number) => {
      if (!bucket || paid & bit) return;
      if (has(bucket, tokens, nowMs, false)) {
        bucket.take(tokens, nowMs);
        paid |= bit;
      } else turnInMs = Math.max(turnInMs, bucket.queue(tokens, nowMs));
    };
    keep(this.#messages, SOCKET_MESSAGES, cost);
    keep(messages, ACCOUNT_MESSAGES, cost);
    keep(this.#bytes, SOCKET_BYTES, bytes);
    keep(accountBytes, ACCOUNT_BYTES, bytes);
    this.#promised ??= new PromisedTurns();
    this.#promised.promise(content, { atMs: nowMs + turnInMs, paid });
    return Math.max(1, Math.ceil(turnInMs));
  }

  /** Takes room for a control frame, a heartbeat or a leave. @returns false if there is none: it is to be dropped */
  takeControl(bytes: number, nowMs: number): boolean {
    if (!has(this.#control, 1, nowMs, true) || !this.#hasRoom(0, bytes, nowMs, true)) {
      this.#account.early(bytes, this.#lacking(nowMs), nowMs);
      return false;
    }
    this.takeAnyway(bytes, nowMs);
    return true;
  }

  /** Counts what is carried out in any case. */
  takeAnyway(bytes: number, nowMs: number): void {
    this.#control?.take(1, nowMs);
    this.#bytes?.take(bytes, nowMs);
    this.#account.bytes?.take(bytes, nowMs);
  }

  #lacking(nowMs: number): Usage {
    return { messages: this.#messages?.missing(nowMs) ?? 0, bytes: this.#bytes?.missing(nowMs) ?? 0 };
  }

  #pay(cost: number, bytes: number, nowMs: number, paid: number): void {
    const account = this.#account;
    if (!(paid & SOCKET_MESSAGES)) this.#messages?.take(cost, nowMs);
    if (!(paid & ACCOUNT_MESSAGES)) account.messages?.take(cost, nowMs);
    if (!(paid & SOCKET_BYTES)) this.#bytes?.take(bytes, nowMs);
    if (!(paid & ACCOUNT_BYTES)) account.bytes?.take(bytes, nowMs);
  }

  /**
   * @param isPromised whether its turn in the line has come; else it goes to the end of any line there is
   * @param paid buckets from which it has taken already
   */
  #hasRoom(cost: number, bytes: number, nowMs: number, isPromised = false, paid = 0): boolean {
    const account = this.#account;
    return (
      (Boolean(paid & SOCKET_MESSAGES) || has(this.#messages, cost, nowMs, isPromised)) &&
      (Boolean(paid & ACCOUNT_MESSAGES) || has(account.messages, cost, nowMs, isPromised)) &&
      (Boolean(paid & SOCKET_BYTES) || has(this.#bytes, bytes, nowMs, isPromised)) &&
      (Boolean(paid & ACCOUNT_BYTES) || has(account.bytes, bytes, nowMs, isPromised))
    );
  }
}

/** True if the bucket has that many tokens now; without a bucket there is no limit. */
function has(bucket: TokenBucket | undefined, tokens: number, nowMs: number, isPromised: boolean): boolean {
  return !bucket || ((isPromised || !bucket.hasLine(nowMs)) && bucket.waitMs(tokens, nowMs) === 0);
}
