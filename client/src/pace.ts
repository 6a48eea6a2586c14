import { sleep } from './abort.ts';
import type { AerieError } from './error.ts';

/** The pause after an answer `unavailable`, in milliseconds; twice as long after each further one in a row. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** When the next call may go out: one pace for all calls of a socket, so that many that were refused do not each try for themselves. */
export class Pace {
  #freeAtMs = 0;
  #failures = 0;

  /** Milliseconds until the next call may go out. */
  get pauseMs(): number {
    return Math.max(0, this.#freeAtMs - Date.now());
  }

  /** A call was answered that it may be tried again. */
  refused({ reason, retryAfterMs = 1_000 }: AerieError): void {
    if (reason === 'rate_limited') this.#pause(retryAfterMs);
    // All calls that failed in the same outage count once.
    else if (this.pauseMs === 0) this.#pause(Math.min(FIRST_PAUSE_MS * 2 ** this.#failures++, LONGEST_PAUSE_MS));
  }

  answered(): void {
    this.#failures = 0;
  }

  async wait(signal: AbortSignal): Promise<void> {
    while (this.pauseMs > 0) await sleep(this.pauseMs, signal);
  }

  #pause(ms: number): void {
    this.#freeAtMs = Math.max(this.#freeAtMs, Date.now() + ms);
  }
}
