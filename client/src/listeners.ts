/** Tells what nobody can be told: a listener of the application that threw. */
export function report(error: unknown): void {
  if (typeof reportError === 'function') reportError(error);
  // biome-ignore lint/suspicious/noConsole: outside of browsers there is no other place, and a listener's fault must not end a process
  else console.error(error);
}

/** Tells a listener. What it throws is reported. */
export function tell<T>(listener: (value: T) => void, value: T): void {
  try {
    listener(value);
  } catch (error) {
    report(error);
  }
}

/** Functions that are told; one that throws does not stop the others. */
export class Listeners<T> {
  readonly #listeners = new Set<(value: T) => void>();

  /** Once, however often it is added. @returns what takes it off again */
  add(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(value: T): void {
    for (const listener of [...this.#listeners]) tell(listener, value);
  }
}
