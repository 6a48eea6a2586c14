/** Runs all, so many at a time, and resolves to what they resolved to. @throws what the first of them threw */
export async function inTurn<T>(work: readonly (() => Promise<T>)[], atATime: number): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < work.length; at = next++) {
      const step = work[at];
      if (step) results[at] = await step();
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, work.length) }, worker));
  return results;
}
