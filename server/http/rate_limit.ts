/** Requests per second, and how many may come at once after a pause. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Callers that are remembered at once; beyond it the one unseen for longest starts afresh. */
const MAX_CALLERS = 50_000;

/**
 * A token bucket per key, kept as one number (the generic cell rate algorithm): when the bucket will be full again.
 */
export class RateLimit {
  readonly #msPerToken: number;
  readonly #burstMs: number;
  readonly #nowMs: () => number;
  readonly #maxCallers: number;
  /** The one unseen for longest first. */
  readonly #fullAtMs = new Map<string, number>();

  constructor({ perSecond, burst }: Rate, { nowMs = () => performance.now(), maxCallers = MAX_CALLERS } = {}) {
    this.#msPerToken = 1_000 / perSecond;
    this.#burstMs = burst * this.#msPerToken;
    this.#nowMs = nowMs;
    this.#maxCallers = maxCallers;
  }

  get size(): number {
    return this.#fullAtMs.size;
  }

  /** Whether this key came lately. */
  knows(key: string): boolean {
    return this.#fullAtMs.has(key);
  }

  /** Takes a token. @returns 0, or the milliseconds until there is one */
  take(key: string): number {
    const nowMs = this.#nowMs();
    const fullAtMs = Math.max(this.#fullAtMs.get(key) ?? nowMs, nowMs);
    const waitMs = Math.ceil(Math.max(0, fullAtMs + this.#msPerToken - this.#burstMs - nowMs));
    this.#fullAtMs.delete(key);
    const [longestUnseen] = this.#fullAtMs.keys();
    if (longestUnseen !== undefined && this.#fullAtMs.size >= this.#maxCallers) this.#fullAtMs.delete(longestUnseen);
    this.#fullAtMs.set(key, waitMs === 0 ? fullAtMs + this.#msPerToken : fullAtMs);
    return waitMs;
  }
}
