import { LRUCache } from 'lru-cache';
import { type Rate, TokenBucket } from './token_bucket.ts';

/** Callers that are remembered at once; beyond it the one unseen for longest starts afresh. */
const MAX_CALLERS = 50_000;

/** A token bucket per key. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #nowMs: () => number;
  readonly #buckets: LRUCache<string, TokenBucket>;

  constructor(rate: Rate, { nowMs = () => performance.now(), maxCallers = MAX_CALLERS } = {}) {
    this.#rate = rate;
    this.#nowMs = nowMs;
    this.#buckets = new LRUCache({ max: maxCallers });
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes tokens. @returns 0, or the milliseconds until they are there */
  take(key: string, tokens = 1): number {
    const nowMs = this.#nowMs();
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      bucket = new TokenBucket(this.#rate);
      this.#buckets.set(key, bucket);
    }
    const waitMs = bucket.waitMs(tokens, nowMs);
    if (waitMs === 0) bucket.take(tokens, nowMs);
    return Math.ceil(waitMs);
  }
}
