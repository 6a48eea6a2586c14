/** Longest that viewers are served before everybody else on the node has a turn, if not fewer pieces than these were done. */
const TURN_MS = 1;
const MIN_PIECES = 4;

/** Does one piece. @returns false if there was none left */
export type Work = () => boolean;

/** Shares the process's time: work of many pieces is done for about a millisecond in each turn of the event loop, all works by turns. */
export class Turns {
  readonly #works = new Set<Work>();
  /** Of this turn. */
  #spentMs = 0;
  #pieces = 0;
  #isScheduled = false;

  /** Begins at once, as far as this turn has time left. A work that is under way goes on. */
  run(work: Work): void {
    this.#works.add(work);
    this.#go();
  }

  stop(work: Work): void {
    this.#works.delete(work);
  }

  #go(): void {
    let sinceMs = performance.now();
    while (this.#works.size > 0 && this.#hasTime) {
      for (const work of this.#works) {
        if (!work()) this.#works.delete(work);
        const nowMs = performance.now();
        this.#spentMs += nowMs - sinceMs;
        this.#pieces++;
        sinceMs = nowMs;
        if (!this.#hasTime) break;
      }
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#spentMs = 0;
      this.#pieces = 0;
      if (this.#works.size > 0) this.#go();
    });
  }

  get #hasTime(): boolean {
    return this.#spentMs < TURN_MS || this.#pieces < MIN_PIECES;
  }
}
