/**
 * Listeners for gaps. The first gap is told at once, those that follow within `quietMs` together at its end: when Redis
 * comes back every node reports one, and each report makes clients join again.
 */
export class GapDebouncer {
  readonly #quietMs: number;
  readonly #listeners: (() => void)[] = [];
  #quiet: NodeJS.Timeout | undefined;
  #again = false;

  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  add(listener: () => void): void {
    this.#listeners.push(listener);
  }

  tell(): void {
    this.#again = this.#quiet !== undefined;
    if (this.#again) return;
    this.#quiet = setTimeout(() => this.#quietEnds(), this.#quietMs).unref();
    for (const listen of this.#listeners) listen();
  }

  close(): void {
    clearTimeout(this.#quiet);
  }

  #quietEnds(): void {
    this.#quiet = undefined;
    if (this.#again) this.tell();
  }
}
