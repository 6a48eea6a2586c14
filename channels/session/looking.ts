import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../server/index.ts';

/** Pause before it is looked again, where the store did not answer. */
const LOOK_AGAIN_MS = 500;

/** Looks at the store for what a socket may have missed, until it has answered: nobody calls a second time. */
export class Looking {
  readonly #look: () => Promise<void>;
  readonly #hasEnded: () => boolean;
  readonly #log: Log;
  #isLooking = false;
  #isAsked = false;

  constructor(look: () => Promise<void>, hasEnded: () => boolean, log: Log) {
    this.#look = look;
    this.#hasEnded = hasEnded;
    this.#log = log;
  }

  /** At once, or once more when the look that is under way has ended. */
  async soon(): Promise<void> {
    this.#isAsked = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    while (this.#isAsked && !this.#hasEnded()) {
      this.#isAsked = false;
      try {
        await this.#look();
      } catch (error) {
        this.#isAsked = true;
        this.#log.warn({ err: error }, 'looking for missed entries of a session failed; it is tried again');
        await sleep(LOOK_AGAIN_MS, undefined, { ref: false });
      }
    }
    this.#isLooking = false;
  }
}
