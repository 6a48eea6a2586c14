import { LRUCache } from 'lru-cache';
import type { IndexHit, Store } from '../../server/store/index.ts';
import { agentTasksIndex, fits } from '../task/indexes.ts';
import { deedOf, type SeenTask } from './deeds.ts';

const DAY_MS = 86_400_000;
const MIN_TASKS = 5;
/** Tasks of a provider that are looked at, the newest by creation. */
const MAX_LOOKED_AT = 1_000;
const PAGE = 200;
/** An estimate is used again so long. */
const FRESH_MS = 60_000;
const MAX_KNOWN = 10_000;

/** The time that tasks take: the median of those of a capability that a provider has completed in the last 24 h. */
export class Estimates {
  readonly #store: Pick<Store, 'lookup' | 'readMany' | 'nowMs'>;
  readonly #known = new LRUCache<string, Promise<number | undefined>>({ max: MAX_KNOWN, ttl: FRESH_MS });

  constructor(store: Pick<Store, 'lookup' | 'readMany' | 'nowMs'>) {
    this.#store = store;
  }

  /** In ms; `undefined` below five of them. */
  of({ provider, capability }: Pick<SeenTask, 'provider' | 'capability'>): Promise<number | undefined> {
    const key = JSON.stringify([provider, capability]);
    const known = this.#known.get(key);
    if (known) return known;
    const read = this.#read(provider, capability);
    this.#known.set(key, read);
    read.catch(() => this.#known.delete(key));
    return read;
  }

  async #read(provider: string, capability: string | null): Promise<number | undefined> {
    const sinceMs = (await this.#store.nowMs()) - DAY_MS;
    const durations: number[] = [];
    let after: IndexHit | undefined;
    for (let looked = 0; looked < MAX_LOOKED_AT; looked += PAGE) {
      const hits: IndexHit[] = await this.#store.lookup(agentTasksIndex(provider), {
        limit: PAGE,
        ...(after && { after }),
      });
      after = hits.at(-1);
      const ids = hits.filter((hit) => fits({ role: 'provider', status: 'completed' }, hit)).map(({ id }) => id);
      const found = await this.#store.readMany('task', ids, ['task']);
      for (const [at, { fields, version }] of found.entries()) {
        const task = deedOf({ kind: 'task', id: ids[at] ?? '' }, fields, version);
        const durationMs = task?.kind === 'task' ? runMs(task, capability, sinceMs) : undefined;
        if (durationMs !== undefined) durations.push(durationMs);
      }
      if (hits.length < PAGE) break;
    }
    return durations.length < MIN_TASKS ? undefined : median(durations);
  }
}

/** From in progress to the end; `undefined` for another task than is asked for. */
function runMs(task: SeenTask, capability: string | null, sinceMs: number): number | undefined {
  const { status, startedAtMs, finishedAtMs } = task;
  if (status !== 'completed' || task.capability !== capability) return undefined;
  if (startedAtMs === null || finishedAtMs === null || finishedAtMs < sinceMs) return undefined;
  return Math.max(0, finishedAtMs - startedAtMs);
}

/** The lower of two in the middle. */
function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length / 2) - 1];
}
