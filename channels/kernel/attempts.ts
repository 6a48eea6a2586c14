import { StoreUnavailable } from '../../server/store/index.ts';

/** Every conflict means that somebody else's change went through, so this is reached by a fault only. */
const MAX_ATTEMPTS = 200;
const MAX_PAUSE_MS = 20;

/**
 * Reads, decides and commits again until nobody else was faster.
 *
 * @param what    named in the error: `task t-1`
 * @param attempt resolves to undefined after a conflict
 * @throws StoreUnavailable after `maxAttempts` (200 unless told): this change was not made
 */
export async function untilDone<T>(
  what: string,
  attempt: () => Promise<T | undefined>,
  maxAttempts = MAX_ATTEMPTS,
): Promise<T> {
  for (let conflicts = 0; conflicts < maxAttempts; conflicts++) {
    if (conflicts > 0) await pause(conflicts);
    const done = await attempt();
    if (done !== undefined) return done;
  }
  throw new StoreUnavailable(`${what}: gave up after ${maxAttempts} conflicting attempts`);
}

/** At random, so that nodes which met once do not meet again. */
function pause(conflicts: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(conflicts, MAX_PAUSE_MS)));
}
