/** Keeps what comes in under a key until somebody takes it, in the order of arrival. */
export class Mailbox {
  readonly #kept = new Map<string, unknown[]>();
  readonly #takers = new Map<string, ((value: unknown) => void)[]>();

  put(key: string, value: unknown): void {
    const taker = this.#takers.get(key)?.shift();
    if (taker) taker(value);
    else this.#kept.set(key, [...(this.#kept.get(key) ?? []), value]);
  }

  /** Waits for it, but not for ever: a counterpart may never answer. */
  take<T>(key: string, withinMs = 30_000): Promise<T> {
    const kept = this.#kept.get(key) ?? [];
    if (kept.length > 0) return Promise.resolve(kept.shift() as T);
    return new Promise((resolve, reject) => {
      const takers = this.#takers.get(key) ?? [];
      this.#takers.set(key, takers);
      const taker = (value: unknown) => {
        clearTimeout(late);
        resolve(value as T);
      };
      const late = setTimeout(() => {
        takers.splice(takers.indexOf(taker), 1);
        reject(new Error(`no ${key} within ${withinMs} ms`));
      }, withinMs);
      takers.push(taker);
    });
  }
}
