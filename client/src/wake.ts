import { abortable, anySignal } from './abort.ts';

/** Wakes whoever waits for something to have changed, until the agent is closed. */
export class Wake {
  readonly #closed: AbortSignal;
  readonly #waiting = new Set<() => void>();
  /** Counts the changes: read it before something is looked at, and pass it to `since` after. */
  version = 0;

  /** @param closed aborts when the agent is closed */
  constructor(closed: AbortSignal) {
    this.#closed = closed;
  }

  wake(): void {
    this.version++;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /** Resolves once something has changed since that version. @throws AerieError `aborted` or `closed`, with outcome `none` */
  async since(version: number, signal?: AbortSignal): Promise<void> {
    if (version !== this.version) return;
    await abortable<void>(anySignal(this.#closed, signal), (resolve) => {
      this.#waiting.add(resolve);
      return () => {
        this.#waiting.delete(resolve);
        return 'none';
      };
    });
  }

  /**
   * The values found, one after the other; where there is nothing, it is looked for again at the next `wake`. Ends when the agent is closed.
   *
   * @param isOver ends it where there is nothing any more
   * @throws AerieError `aborted` when the signal aborts
   */
  async *each<T>(find: () => T | undefined, signal?: AbortSignal, isOver = () => false): AsyncGenerator<T> {
    while (!this.#closed.aborted) {
      const version = this.version;
      const found = find();
      if (found !== undefined) yield found;
      else if (isOver()) return;
      else
        await this.since(version, signal).catch((error) => {
          if (!this.#closed.aborted) throw error;
        });
    }
  }
}
