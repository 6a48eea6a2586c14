import { TokenBucket } from '../../server/index.ts';

/** Messages of one socket, heartbeats apart (VISUALISATION.md, section 9.9). */
const RATE = { perSecond: 50, burst: 100 };
/** So many that are not valid within so long close the socket. */
const MAX_INVALID = 100;
const INVALID_WITHIN_MS = 60_000;

/** How much one client may send, and get wrong. Times are `performance.now()`. */
export class ClientAllowance {
  readonly #bucket = new TokenBucket(RATE);
  /** Times of the last invalid messages, at most `MAX_INVALID`. */
  readonly #invalidAtMs: number[] = [];

  /** @returns 0, or the milliseconds after which a message may come again that came too early */
  take(nowMs: number): number {
    if (this.#bucket.waitMs(1, nowMs) > 0) return Math.ceil(this.#bucket.queue(1, nowMs));
    this.#bucket.take(1, nowMs);
    return 0;
  }

  /** @returns true if it was one too many */
  invalid(nowMs: number): boolean {
    this.#invalidAtMs.push(nowMs);
    if (this.#invalidAtMs.length < MAX_INVALID) return false;
    const [oldest = 0] = this.#invalidAtMs.splice(0, 1);
    return nowMs - oldest <= INVALID_WITHIN_MS;
  }
}
