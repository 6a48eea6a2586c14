import { setTimeout as sleep } from 'node:timers/promises';
import type { Scale, Subject } from '../scenario.ts';
import { Latencies } from './latencies.ts';
import { measureUseFor, type Used } from './window.ts';

export interface LoopResult {
  readonly used: Used;
  readonly done: number;
  readonly perSecond: number;
  readonly cpuUsEach: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Has each worker do one thing after the other, and measures what is done within a time.
 *
 * @param work resolves once a thing is done, to false when the worker has nothing left to do
 */
export async function closedLoop(
  subject: Subject,
  { seconds, warmUpSeconds }: Scale,
  workers: number,
  work: (worker: number) => Promise<unknown>,
): Promise<LoopResult> {
  let [done, goesOn] = [0, true];
  let latencies = new Latencies();
  const running = Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      while (goesOn) {
        const startedAt = performance.now();
        if ((await work(worker)) === false) return;
        latencies.add((performance.now() - startedAt) * 1_000);
        done++;
      }
    }),
  );
  const measuring = async () => {
    await sleep(warmUpSeconds * 1_000);
    latencies = new Latencies();
    const before = done;
    const used = await measureUseFor(subject, seconds);
    const [counted, gathered] = [done - before, latencies];
    goesOn = false;
    return { used, counted, gathered };
  };
  // An error of a worker ends it at once.
  const [{ used, counted, gathered }] = await Promise.all([measuring(), running]);
  return {
    used,
    done: counted,
    perSecond: counted / used.seconds,
    cpuUsEach: (used.serverCpuSeconds * 1e6) / counted,
    p50Ms: gathered.quantileMs(0.5),
    p99Ms: gathered.quantileMs(0.99),
  };
}
