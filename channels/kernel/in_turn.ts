import { setImmediate } from 'node:timers/promises';

/** Longest time that this node's other work waits. */
const MAX_HOLD_MS = 10;

/**
 * Runs all, so many at a time, and resolves to what they resolved to. Between them others have their turn too, also where
 * none ever waits, as with reads of the embedded store. @throws what the first of them threw
 */
export async function inTurn<T>(work: readonly (() => Promise<T>)[], atATime: number): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  let sinceMs = performance.now();
  let others: Promise<void> | undefined;
  const otherTurns = async () => {
    await setImmediate();
    sinceMs = performance.now();
    others = undefined;
  };
  const worker = async () => {
    for (let at = next++; at < work.length; at = next++) {
      const step = work[at];
      if (step) results[at] = await step();
      if (performance.now() - sinceMs < MAX_HOLD_MS) continue;
      others ??= otherTurns();
      await others;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, work.length) }, worker));
  return results;
}
