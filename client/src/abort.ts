import { AerieError, type Outcome, withOutcome } from './error.ts';

/** What every method takes. */
export interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/** The error of an aborted wait: the signal's reason is its cause and gives it its name (`AbortError`, `TimeoutError`). */
export function aborted(signal: AbortSignal, outcome: Outcome): AerieError {
  const { reason } = signal;
  // What closed the agent aborts all of its waits.
  if (reason instanceof AerieError) return withOutcome(reason, outcome);
  const error = new AerieError('aborted', { cause: reason, outcome });
  // Not by `instanceof`: it may be of another realm, as in a page's frame.
  const { name } = Object(reason) as { name?: unknown };
  if (typeof name === 'string') error.name = name;
  return error;
}

/**
 * Waits for what `start` begins, until the signal aborts.
 *
 * @param start gets what settles the wait; returns what gives up
 */
export function abortable<T>(
  signal: AbortSignal | undefined,
  start: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => Outcome,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal, 'none'));
    const abort = () => signal && reject(aborted(signal, giveUp()));
    const settled = () => signal?.removeEventListener('abort', abort);
    const giveUp = start(
      (value) => {
        settled();
        resolve(value);
      },
      (error) => {
        settled();
        reject(error);
      },
    );
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** @throws `AerieError` `aborted` with outcome `none` */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  abortable(signal, (resolve) => {
    const timer = setTimeout(resolve, ms);
    return () => {
      clearTimeout(timer);
      return 'none';
    };
  });

/** Waits for a promise. An abort leaves it alone. @param outcome of an abort: what was begun goes on */
export const waitFor = <T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  outcome: Outcome = 'unknown',
): Promise<T> =>
  abortable(signal, (resolve, reject) => {
    promise.then(resolve, reject);
    return () => outcome;
  });

/** Aborts with the first of them. */
export function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const given = signals.filter((signal) => signal !== undefined);
  return given.length === 1 && given[0] ? given[0] : AbortSignal.any(given);
}
