import type { AggregateId, Change, CommitResult, Store, Version } from './port.ts';

/** Counts of calls to a store, for scrapes to read. */
export interface StoreStats {
  readonly operations: ReadonlyMap<string, OperationStats>;
  /** Facts that were committed, by the `type` that they begin with. */
  readonly facts: ReadonlyMap<string, number>;
}

export interface OperationStats {
  count: number;
  /** Calls that were rejected. */
  failed: number;
  /** Commits that lost against another one. */
  conflicts: number;
  seconds: number;
  /** Number of calls that took at most the bound at the same index; the last one: all others. */
  readonly buckets: number[];
}

/** Hears of the commits of this node. Neither call may throw. */
export interface CommitListener {
  /** @param version the aggregate's from now on */
  committed(aggregate: AggregateId, change: Change, version: Version): void;
  /** It may or may not have been made. */
  unsure(aggregate: AggregateId): void;
}

/** Those who hear of commits: while there are none, a commit costs one test more. */
export class Commits {
  readonly #listeners = new Set<CommitListener>();
  isHeard = false;

  /** @returns a stop */
  listen(listener: CommitListener): () => void {
    this.#listeners.add(listener);
    this.isHeard = true;
    return () => {
      this.#listeners.delete(listener);
      this.isHeard = this.#listeners.size > 0;
    };
  }

  tell(aggregate: AggregateId, change: Change, version: Version | undefined): void {
    for (const listener of this.#listeners) {
      if (version === undefined) listener.unsure(aggregate);
      else listener.committed(aggregate, change, version);
    }
  }
}

/** Seconds. */
export const LATENCY_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3];

const FACT_TYPE = /^\{"type":"([a-z_]{1,64})"/;

/** The same store, and what it is asked from now on. */
export function measured(store: Store): {
  readonly store: Store;
  readonly stats: StoreStats;
  readonly commits: Commits;
} {
  const commits = new Commits();
  const operations = new Map<string, OperationStats>();
  const facts = new Map<string, number>();

  function timed<A extends unknown[], T>(name: string, method: (...args: A) => Promise<T>) {
    const stats: OperationStats = {
      count: 0,
      failed: 0,
      conflicts: 0,
      seconds: 0,
      buckets: new Array<number>(LATENCY_BOUNDS.length + 1).fill(0),
    };
    operations.set(name, stats);
    return async (...args: A): Promise<T> => {
      const startMs = performance.now();
      stats.count++;
      try {
        const result = await method(...args);
        if (isConflict(result)) stats.conflicts++;
        return result;
      } catch (error) {
        stats.failed++;
        throw error;
      } finally {
        const seconds = (performance.now() - startMs) / 1_000;
        stats.seconds += seconds;
        const at = LATENCY_BOUNDS.findIndex((bound) => seconds <= bound);
        const bucket = at < 0 ? LATENCY_BOUNDS.length : at;
        stats.buckets[bucket] = (stats.buckets[bucket] ?? 0) + 1;
      }
    };
  }

  const commit = timed('commit', store.commit);
  const measuredStore: Store = {
    ...store,
    read: timed('read', store.read),
    readMany: timed('read_many', store.readMany),
    range: timed('range', store.range),
    lookup: timed('lookup', store.lookup),
    claimDue: timed('claim_due', store.claimDue),
    increment: timed('increment', store.increment),
    facts: timed('facts', store.facts),
    probe: timed('probe', store.probe),
    trimFacts: timed('trim_facts', store.trimFacts),
    async commit(aggregate, expected, change, lastCommitId) {
      let result: CommitResult;
      try {
        result = await commit(aggregate, expected, change, lastCommitId);
      } catch (error) {
        if (commits.isHeard) commits.tell(aggregate, change, undefined);
        throw error;
      }
      if (commits.isHeard && result.ok) commits.tell(aggregate, change, result.version);
      if (result.ok && change.facts) {
        for (const fact of change.facts) {
          const type = FACT_TYPE.exec(fact)?.[1] ?? 'other';
          facts.set(type, (facts.get(type) ?? 0) + 1);
        }
      }
      return result;
    },
  };
  return { store: measuredStore, stats: { operations, facts }, commits };
}

const isConflict = (result: unknown) =>
  typeof result === 'object' && result !== null && 'conflict' in result && result.conflict === true;
