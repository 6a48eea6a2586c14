/**
 * Whoever wants to know of gaps. One is told at once; what follows within `quietMs` is told together, at the end of it: when
 * Redis comes back every node has a word to say, and each telling makes clients join again.
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
