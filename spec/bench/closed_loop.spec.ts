import { setTimeout as sleep } from 'node:timers/promises';
import { closedLoop } from '../../bench/generator/closed_loop.ts';
import type { Subject } from '../../bench/scenario.ts';

/** This process stands for the server. */
const subject: Subject = { contestant: 'a server', wire: 'phoenix', nodes: [{ port: 1, pid: process.pid }] };
const WORKERS = 4;
const EACH_MS = 20;

describe('a closed loop', () => {
  it('ends when a worker has nothing left to do, so that the rest of the time makes no rate lower', async () => {
    let left = 100;
    const work = async () => {
      if (left <= 0) return false;
      left--;
      return sleep(EACH_MS);
    };
    const startedAt = performance.now();
    const loop = await closedLoop(subject, { isQuick: true, seconds: 50, warmUpSeconds: 0.1 }, WORKERS, work);
    const seconds = (performance.now() - startedAt) / 1_000;
    expect(seconds).toBeLessThan(50);
    // About 100 in all that time; over the 50 s they would be 2 a second.
    expect(loop.perSecond).toBeGreaterThan(50 / seconds);
    expect(loop.p50Ms).toBeGreaterThan(EACH_MS * 0.9);
  });

  it('fails if all was done before the measurement began', async () => {
    const loop = closedLoop(subject, { isQuick: true, seconds: 50, warmUpSeconds: 50 }, WORKERS, async () => false);
    await expect(loop).rejects.toThrow('all was done before the measurement began');
  });

  it('fails if something that was begun is never done', async () => {
    let begun = 0;
    const work = () => (begun++ === 5 ? new Promise(() => {}) : sleep(1));
    const loop = closedLoop(subject, { isQuick: true, seconds: 0.2, warmUpSeconds: 0 }, WORKERS, work, 500);
    await expect(loop).rejects.toThrow('1 of 4 were not done 0.5 s later');
  });

  it('fails at once where a worker does', async () => {
    const work = async () => {
      throw new Error('insufficient_balance');
    };
    const loop = closedLoop(subject, { isQuick: true, seconds: 50, warmUpSeconds: 50 }, WORKERS, work);
    await expect(loop).rejects.toThrow('insufficient_balance');
  });
});
