/** The time over which events are counted. */
const WINDOW_MS = 10_000;

/**
 * Counts the events of a topic over the last 10 s. The window before this one counts in proportion to its part that
 * lies within them. An event costs a look at the clock and an addition.
 */
export class Traffic {
  #window = 0;
  #received = 0;
  #receivedBefore = 0;
  #broadcast = 0;
  #broadcastBefore = 0;

  /** A member sent an event. */
  received(nowMs: number): void {
    this.#moveTo(nowMs);
    this.#received++;
  }

  /** Something was broadcast. */
  broadcast(nowMs: number): void {
    this.#moveTo(nowMs);
    this.#broadcast++;
  }

  /** Events a second: those that members sent, and broadcasts. */
  perSecond(nowMs: number): { readonly received: number; readonly broadcasts: number } {
    this.#moveTo(nowMs);
    const before = 1 - (nowMs % WINDOW_MS) / WINDOW_MS;
    const rate = (now: number, earlier: number) => ((now + earlier * before) * 1_000) / WINDOW_MS;
    return {
      received: rate(this.#received, this.#receivedBefore),
      broadcasts: rate(this.#broadcast, this.#broadcastBefore),
    };
  }

  #moveTo(nowMs: number): void {
    const window = Math.floor(nowMs / WINDOW_MS);
    if (window === this.#window) return;
    const isNext = window === this.#window + 1;
    this.#receivedBefore = isNext ? this.#received : 0;
    this.#broadcastBefore = isNext ? this.#broadcast : 0;
    this.#received = 0;
    this.#broadcast = 0;
    this.#window = window;
  }
}
