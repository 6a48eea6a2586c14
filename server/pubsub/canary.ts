/** So many canaries in a row may stay unanswered or unheard before a connection counts as dead. */
const PATIENCE = 3;

/**
 * Measures whether what this node publishes comes back to it, and how soon.
 *
 * It judges in canaries, not by the clock: after the process itself stood still, what has come meanwhile is read before
 * the next canary counts.
 */
export class Canary {
  #heardAt: number;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #lagMs = 0;
  #unanswered = 0;
  #unheard = 0;
  #answeredUnheard = 0;

  /** `heardAt`: since when nothing was heard, on the clock of `performance.now()`. */
  constructor(heardAt: number) {
    this.#heardAt = heardAt;
  }

  get heardAt(): number {
    return this.#heardAt;
  }

  /** Time at which Redis last took a canary, on the same clock. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** To be followed by `taken` if Redis takes it, and by `heard` when it comes back. */
  sent() {
    this.#unanswered++;
    this.#unheard++;
  }

  taken() {
    this.#answeredAt = performance.now();
    this.#unanswered = 0;
    this.#answeredUnheard++;
  }

  heard(sentAt: number) {
    this.#heardAt = performance.now();
    this.#lagMs = this.#heardAt - sentAt;
    this.subscriberOpened();
  }

  /** Gives a new connection its time. */
  publisherOpened() {
    this.#unanswered = 0;
  }

  subscriberOpened() {
    this.#unheard = 0;
    this.#answeredUnheard = 0;
  }

  /** True while Redis does not answer publishes. */
  publisherDead = () => this.#unanswered >= PATIENCE;

  /** True while Redis takes canaries and the subscriber connection delivers none. */
  subscriberDead = () => this.#unheard >= PATIENCE && this.#answeredUnheard >= PATIENCE - 1;

  lagMs = () => this.#lagMs;
}
