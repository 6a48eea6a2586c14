import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { busySeconds } from './process_usage.ts';

const LOOK_MS = 300;
const QUIET_CORES = 0.15;

/** Waits until nobody else uses the machine. @returns how many cores others used at last */
export async function untilQuiet(withinMs: number): Promise<number> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const [before, from] = [busySeconds(), performance.now()];
    await sleep(LOOK_MS);
    const used = Math.min(cpus().length, (busySeconds() - before) / ((performance.now() - from) / 1_000));
    if (used < QUIET_CORES || performance.now() > deadline) return used;
  }
}
