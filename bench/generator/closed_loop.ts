import { setTimeout as sleep } from 'node:timers/promises';
import type { Scale, Subject } from '../scenario.ts';
import { Latencies } from './latencies.ts';
import { loadOf, measureUse } from './window.ts';

/** Resolves once a thing is done, to false when the worker has nothing left to do. */
export type Work = (worker: number) => Promise<unknown>;

/** Time that a thing has which is under way when the measurement ends. */
const LAST_WITHIN_MS = 30_000;

/**
 * Has each worker do one thing after the other, and measures what is done within a time, or until the first of them has nothing
 * left to do.
 *
 * @returns figures as `loopFigures` names them
 * @throws Error of a worker, at once; or if something is not done within `lastWithinMs` after the time
 */
export async function closedLoop(
  subject: Subject,
  { seconds, warmUpSeconds }: Scale,
  workers: number,
  work: Work,
  lastWithinMs = LAST_WITHIN_MS,
) {
  let [done, underWay, goesOn] = [0, 0, true];
  let latencies = new Latencies();
  const nothingLeft = new AbortController();
  const unlessNothingIsLeft = (forSeconds: number) =>
    sleep(forSeconds * 1_000, undefined, { signal: nothingLeft.signal }).catch(() => {});
  const working = Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      while (goesOn) {
        const startedAt = performance.now();
        underWay++;
        const isDone = (await work(worker)) !== false;
        underWay--;
        if (!isDone) return nothingLeft.abort();
        latencies.add((performance.now() - startedAt) * 1_000);
        done++;
      }
    }),
  );
  const measuring = async () => {
    await unlessNothingIsLeft(warmUpSeconds);
    if (nothingLeft.signal.aborted) throw new Error('all was done before the measurement began');
    latencies = new Latencies();
    const before = done;
    const used = await measureUse(subject, () => unlessNothingIsLeft(seconds));
    const counted = done - before;
    goesOn = false;
    await Promise.race([working, sleep(lastWithinMs, undefined, { ref: false })]);
    if (underWay > 0) throw new Error(`${underWay} of ${workers} were not done ${lastWithinMs / 1_000} s later`);
    return { used, counted };
  };
  // Where a worker has failed, nothing else has to be waited for.
  const [{ used, counted }] = await Promise.all([measuring(), working]).finally(() => nothingLeft.abort());
  return {
    perSecond: counted / used.seconds,
    cpuUsEach: (used.serverCpuSeconds * 1e6) / counted,
    ...(subject.redisPid !== undefined && { redisCpuUsEach: (used.redisCpuSeconds * 1e6) / counted }),
    p50Ms: latencies.quantileMs(0.5),
    p99Ms: latencies.quantileMs(0.99),
    ...loadOf(used),
  };
}
