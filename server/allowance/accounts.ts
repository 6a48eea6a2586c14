import { type FloodBounds, FloodWindow } from './flood_window.ts';
import { type Rate, TokenBucket } from './token_bucket.ts';

/** Limits on what clients send; one that is left out means no limit. */
export interface Allowances {
  /** Messages of one socket. */
  readonly messages?: Rate | undefined;
  /** Bytes of one socket. */
  readonly bytes?: Rate | undefined;
  /** WebSocket control frames, heartbeats and leaves of one socket. */
  readonly control?: Rate | undefined;
  /** All sockets of an account on this node have so many times the messages and bytes of one. */
  readonly accountFactor: number;
  /** Within 10 s, of an account; beyond it its sockets are closed. */
  readonly flood: FloodBounds;
}

/** The allowances of PROTOCOL.md, section 1, for clients of which nothing else is known. */
export const defaultAllowances: Allowances = {
  messages: { perSecond: 200, burst: 400 },
  bytes: { perSecond: 4 * 1024 * 1024, burst: 32 * 1024 * 1024 },
  control: { perSecond: 100, burst: 200 },
  accountFactor: 5,
  flood: { maxMessages: 2_000, maxBytes: 32 * 1024 * 1024 },
};

/** For how long an account that flooded may not connect. */
const REFUSED_MS = 10_000;

/** The part of a socket's burst that is a little. */
const A_LITTLE = 1 / 64;

/** Messages and bytes. */
export interface Usage {
  readonly messages: number;
  readonly bytes: number;
}

/** A socket as its account sees it. */
export interface AccountSocket {
  /** Closes it because its account floods this node. */
  closeForFlood(): void;
}

/** One account on this node: what its sockets share. */
export class Account {
  readonly messages: TokenBucket | undefined;
  readonly bytes: TokenBucket | undefined;
  readonly sockets = new Set<AccountSocket>();
  readonly #allowances: Allowances;
  /** From when it sends more than a little: most accounts never need one. */
  #flood: FloodWindow | undefined;
  #refusedUntilMs = 0;

  constructor(allowances: Allowances) {
    const { messages, bytes, accountFactor } = allowances;
    this.#allowances = allowances;
    this.messages = messages && new TokenBucket(times(messages, accountFactor));
    this.bytes = bytes && new TokenBucket(times(bytes, accountFactor));
  }

  /** @param lacking what the buckets of the socket lack with this message */
  admitted(bytes: number, lacking: Usage, nowMs: number): void {
    if (this.#flood) this.#flood.admit(1, bytes, nowMs);
    else if (this.#isMuch(lacking)) this.#flood = this.#startWindow(lacking, nowMs);
  }

  /**
   * Counts a message that came before its time; closes all sockets of the account when they are too many.
   *
   * @param lacking what the buckets of the socket lack
   */
  early(bytes: number, lacking: Usage, nowMs: number): void {
    this.#flood ??= this.#startWindow(lacking, nowMs);
    if (!this.#flood.early(bytes, nowMs)) return;
    this.#refusedUntilMs = nowMs + REFUSED_MS;
    for (const socket of [...this.sockets]) socket.closeForFlood();
  }

  // A socket tells, not the account: what one sends may be much for its own buckets and come in again at once here.
  #isMuch(lacking: Usage): boolean {
    const { messages, bytes } = this.#allowances;
    const isMuch = (count: number, rate: Rate | undefined) => rate !== undefined && count > rate.burst * A_LITTLE;
    return isMuch(lacking.messages, messages) || isMuch(lacking.bytes, bytes);
  }

  #startWindow(lacking: Usage, nowMs: number): FloodWindow {
    const { flood, messages } = this.#allowances;
    const window = new FloodWindow(flood, messages?.burst ?? 0);
    // What was admitted before shows in what the buckets lack.
    const admitted = Math.max(lacking.messages, this.messages?.missing(nowMs) ?? 0);
    window.admit(admitted, Math.max(lacking.bytes, this.bytes?.missing(nowMs) ?? 0), nowMs);
    return window;
  }

  /** Milliseconds until it may connect again; 0 if it may now. */
  refusedForMs(nowMs: number): number {
    return Math.max(0, this.#refusedUntilMs - nowMs);
  }

  /** True if it can be forgotten: a new one would be the same. */
  isIdle(nowMs: number): boolean {
    const idleFromMs = Math.max(this.#refusedUntilMs, this.messages?.idleFromMs ?? 0, this.bytes?.idleFromMs ?? 0);
    return this.sockets.size === 0 && idleFromMs <= nowMs;
  }
}

/** The accounts that have sockets on this node, or had some a moment ago. */
export class Accounts {
  readonly allowances: Allowances;
  readonly #accounts = new Map<string, Account>();

  constructor(allowances: Allowances) {
    this.allowances = allowances;
  }

  get size(): number {
    return this.#accounts.size;
  }

  /** @param name whose it is; a socket of nobody's is an account of its own */
  of(name: string | undefined): Account {
    const known = name === undefined ? undefined : this.#accounts.get(name);
    if (known) return known;
    const account = new Account(this.allowances);
    if (name !== undefined) this.#accounts.set(name, account);
    return account;
  }

  /** Milliseconds until the account may connect again; 0 if it may now. */
  refusedForMs(name: string | undefined, nowMs: number): number {
    return name === undefined ? 0 : (this.#accounts.get(name)?.refusedForMs(nowMs) ?? 0);
  }

  /** Forgets those that have been quiet; to be called every so often. */
  tidy(nowMs: number): void {
    for (const [name, account] of this.#accounts) if (account.isIdle(nowMs)) this.#accounts.delete(name);
  }
}

const times = ({ perSecond, burst }: Rate, factor: number): Rate => ({
  perSecond: perSecond * factor,
  burst: burst * factor,
});
