/** Keeps steps of concurrent work in the order in which it began. */
export class KeyedQueue {
  readonly #last = new Map<string, Promise<void>>();

  /** Takes the next place in the queue of `key`; whoever takes one has to give it up by `done`. */
  take(key: string): Turn {
    let done = () => {};
    const isDone = new Promise<void>((resolve) => {
      done = resolve;
    });
    const come = this.#last.get(key);
    const last = come ? come.then(() => isDone) : isDone;
    this.#last.set(key, last);
    void last.then(() => {
      if (this.#last.get(key) === last) this.#last.delete(key);
    });
    return { come: come ?? Promise.resolve(), done };
  }
}

export interface Turn {
  /** Resolves when all that took theirs before are done. */
  readonly come: Promise<void>;
  /** Twice is fine. */
  done(): void;
}
