/** For so long, what comes in within one turn of the event loop is served at once. */
const MAX_MS = 10;

/**
 * One turn of the event loop. The HTTP parser hands over all requests that one read has brought, and all that other
 * connections have brought comes after them: who has much to do asks whether the turn has been long already, and goes on
 * in a later one.
 */
export class Turn {
  #startedAtMs: number | undefined;
  readonly #waiting: (() => void)[] = [];

  /** True if this turn has had its time. */
  isLong(): boolean {
    const nowMs = performance.now();
    if (this.#startedAtMs !== undefined) return nowMs - this.#startedAtMs > MAX_MS;
    this.#startedAtMs = nowMs;
    setImmediate(() => {
      this.#startedAtMs = undefined;
    });
    return false;
  }

  /** Resolves in a later turn; as many callers in one as there is time for, in the order in which they came. */
  later(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => void this.#wake());
    });
  }

  async #wake(): Promise<void> {
    const sinceMs = performance.now();
    while (performance.now() - sinceMs < MAX_MS) {
      this.#waiting.shift()?.();
      if (this.#waiting.length === 0) return;
      // Node.js comes back here once that caller has gone on as far as it can.
      await new Promise((resolve) => process.nextTick(resolve));
    }
    setImmediate(() => void this.#wake());
  }
}
