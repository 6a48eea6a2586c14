import { abortable } from './abort.ts';

/** Wakes whoever waits for something to have changed. */
export class Wake {
  readonly #waiting = new Set<() => void>();

  wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  /** Resolves at the next `wake`. @throws `AerieError` `aborted` with outcome `none` */
  next(signal?: AbortSignal): Promise<void> {
    return abortable(signal, (resolve) => {
      this.#waiting.add(resolve);
      return () => {
        this.#waiting.delete(resolve);
        return 'none';
      };
    });
  }
}
