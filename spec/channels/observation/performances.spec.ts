import { jest } from '@jest/globals';
import { addCount, noFigures } from '../../../channels/analytics/figures.ts';
import { nothingWorked, performanceOf } from '../../../channels/observation/performance.ts';
import { Performances, type PerformancesOptions } from '../../../channels/observation/performances.ts';
import type { Performance } from '../../../channels/observation/scene.ts';

function world(options: Partial<PerformancesOptions> = {}) {
  const told: [string, Performance, boolean][] = [];
  const queued = new Map<string, number>();
  const reads: string[] = [];
  const completed = new Map<string, number>();
  const shown = new Map<string, Performance>();
  const performances = new Performances({
    queries: {
      async sum([scope]) {
        const { id } = scope as { id: string };
        reads.push(id);
        const figures = noFigures();
        const count = completed.get(id) ?? 0;
        if (count > 0) addCount(figures, 'provided_completed', count);
        return figures;
      },
    },
    vitals: undefined,
    nowMs: () => Date.now(),
    momentaryOf: (id) => (queued.has(id) ? { sockets: 0, openedAtMs: 0, queued: queued.get(id) ?? 0 } : undefined),
    toldOf: (id) => shown.get(id),
    online: () => [],
    onChange: (id, performance, isTold) => {
      shown.set(id, performance);
      told.push([id, performance, isTold]);
    },
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  const take = () =>
    told.splice(0).map(([id, { metrics }, isTold]) => [id, metrics.messageQueueSize, metrics.tasksCompleted, isTold]);
  return { performances, queued, completed, reads, shown, take };
}

describe('figures as they change', () => {
  beforeEach(() => void jest.useFakeTimers({ now: 1_000_000 }));
  afterEach(() => void jest.useRealTimers());

  it('are told once in five seconds of an agent, as they are then', async () => {
    const { performances, queued, take } = world();
    queued.set('a', 1).set('b', 0);
    performances.changed('a', true);
    await performances.round();
    expect(take()).toEqual([['a', 1, 0, true]]);
    for (let ms = 0; ms < 4_500; ms += 500) {
      queued.set('a', ms);
      performances.changed('a', true);
      jest.advanceTimersByTime(500);
      await performances.round();
      expect(take()).toEqual([]);
    }
    jest.advanceTimersByTime(500);
    await performances.round();
    expect(take()).toEqual([['a', 4_000, 0, true]]);
  });

  it('are not told where nothing is different', async () => {
    const { performances, queued, take, shown } = world();
    queued.set('a', 0);
    shown.set('a', performanceOf(nothingWorked, { sockets: 0, openedAtMs: 0, queued: 0 }, 0));
    performances.changed('a', true);
    performances.changed('unknown', false);
    await performances.round();
    expect(take()).toEqual([]);
  });

  it('are read where something was counted, and again as time passes while there is something in them', async () => {
    const { performances, queued, completed, reads, take } = world();
    queued.set('a', 0).set('b', 0);
    completed.set('a', 2);
    performances.changed('a', false);
    performances.changed('b', true);
    await performances.round();
    expect(reads).toEqual(['a', 'a']);
    expect(take()).toContainEqual(['a', 0, 2, true]);
    jest.advanceTimersByTime(61_000);
    completed.set('a', 1);
    await performances.round();
    expect(take()).toEqual([['a', 0, 1, true]]);
    expect(reads).toHaveLength(4);
  });

  it('are worked out of all for the beginning without a word', async () => {
    const { performances, queued, completed, take } = world();
    queued.set('a', 3).set('b', 1);
    completed.set('a', 1);
    performances.changed('b', true);
    performances.changed('a', true);
    await performances.readAll(['a']);
    expect(take()).toEqual(
      expect.arrayContaining([
        ['a', 3, 1, false],
        ['b', 1, 0, false],
      ]),
    );
    await performances.round();
    expect(take()).toEqual([]);
  });

  it('have an agent’s own word of its machine while it says so', async () => {
    const said = new Map([['a', { cpu: 0.5, memory: 9, gpu: null, atMs: 0 }]]);
    const { performances, queued, shown } = world({ vitals: { of: async () => said }, online: () => ['a'] });
    queued.set('a', 0);
    await performances.round();
    expect(shown.get('a')?.metrics).toMatchObject({ resourceUtilization: 0.5, memoryUsage: 9 });
    said.clear();
    jest.advanceTimersByTime(5_000);
    await performances.round();
    expect(shown.get('a')?.metrics).toMatchObject({ resourceUtilization: null, memoryUsage: null });
  });
});
