import { Estimates } from '../../../channels/observation/estimates.ts';
import type { IndexHit, Snapshot, Store } from '../../../server/store/index.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 10 * DAY_MS;

interface Made {
  readonly ms: number;
  readonly capability?: string | null;
  readonly endedAgoMs?: number;
  readonly status?: string;
  readonly role?: string;
}

/** A store with tasks of the agent p-1. */
function storeOf(tasks: readonly Made[]) {
  const reads: string[][] = [];
  const store: Pick<Store, 'lookup' | 'readMany' | 'nowMs'> = {
    nowMs: async () => NOW_MS,
    async lookup(_index, { limit, after }) {
      const hits = tasks.map(({ status = 'completed', role = 'provider' }, at): IndexHit => {
        const id = `t-${at}`;
        return { id, key: `${at}:${id}:${status}:${role}` };
      });
      const from = after ? hits.findIndex(({ id }) => id === after.id) + 1 : 0;
      return hits.slice(from, from + limit);
    },
    async readMany(_kind, ids) {
      reads.push([...ids]);
      return ids.map((id) => {
        const { ms, capability = 'sums', endedAgoMs = 0, status = 'completed' } = tasks[Number(id.slice(2))] as Made;
        const finishedAtMs = NOW_MS - endedAgoMs;
        const task = { status, capability, insertedAtMs: 0, startedAtMs: finishedAtMs - ms, finishedAtMs };
        return { version: 1, fields: { task: JSON.stringify(task) }, nowMs: NOW_MS } as unknown as Snapshot;
      });
    },
  };
  return { store, reads };
}

const estimate = (tasks: readonly Made[], capability: string | null = 'sums') =>
  new Estimates(storeOf(tasks).store).of({ provider: 'p-1', capability });

describe('the time that a task is likely to take', () => {
  it('is the median of five tasks or more', async () => {
    expect(await estimate([5, 1, 4, 2].map((ms) => ({ ms })))).toBeUndefined();
    expect(await estimate([5, 1, 4, 2, 3].map((ms) => ({ ms })))).toBe(3);
    expect(await estimate([5, 1, 4, 2, 3, 6].map((ms) => ({ ms })))).toBe(3);
  });

  it('is of completed ones of the capability that the agent provided, ended within 24 h', async () => {
    const five = [10, 11, 12, 13, 14].map((ms) => ({ ms }));
    const others: Made[] = [
      { ms: 1, capability: 'maps' },
      { ms: 1, capability: null },
      { ms: 1, endedAgoMs: DAY_MS + 1 },
      { ms: 1, status: 'failed' },
      { ms: 1, role: 'client' },
    ];
    expect(await estimate([...others, ...five, ...others])).toBe(12);
    expect(await estimate([...others, ...five.slice(1), ...others])).toBeUndefined();
  });

  it('looks at a thousand at most, and is asked for once a while', async () => {
    const { store, reads } = storeOf(Array.from({ length: 1_500 }, (_, at) => ({ ms: at })));
    const estimates = new Estimates(store);
    const about = { provider: 'p-1', capability: 'sums' };
    expect(await Promise.all([estimates.of(about), estimates.of(about)])).toEqual([499, 499]);
    expect(reads.flat()).toHaveLength(1_000);
  });

  it('is asked for again after a failure', async () => {
    const { store } = storeOf([5, 1, 4, 2, 3].map((ms) => ({ ms })));
    let isAway = true;
    const flaky = { ...store, nowMs: async () => (isAway ? Promise.reject(new Error('away')) : store.nowMs()) };
    const estimates = new Estimates(flaky);
    const about = { provider: 'p-1', capability: 'sums' };
    await expect(estimates.of(about)).rejects.toThrow('away');
    isAway = false;
    expect(await estimates.of(about)).toBe(3);
  });
});
