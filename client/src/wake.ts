import { abortable, anySignal } from './abort.ts';

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

  /**
   * The values found, one after the other; where there is nothing, it is looked for again at the next `wake`.
   *
   * @param closed ends it
   * @param isOver ends it where there is nothing any more
   * @throws `AerieError` `aborted` when the signal aborts
   */
  async *each<T>(
    closed: AbortSignal,
    find: () => T | undefined,
    isOver: () => boolean = () => false,
    signal?: AbortSignal,
  ): AsyncGenerator<T> {
    while (!closed.aborted) {
      const found = find();
      if (found !== undefined) yield found;
      else if (isOver()) return;
      else
        await this.next(anySignal(closed, signal)).catch((error) => {
          if (!closed.aborted) throw error;
        });
    }
  }
}
