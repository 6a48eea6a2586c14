import { type Redis, ReplyError } from 'ioredis';
import { clockOf, connectRedis, mastersOf, placeOf, type RedisOptions } from '../redis/connect.ts';
import { connected } from '../redis/connected.ts';
import { writeRefusal } from '../redis/write_refusal.ts';
import { type AggregateId, type Snapshot, type Store, StoreReadOnly, StoreUnavailable } from './port.ts';
import { committer } from './redis_commit.ts';
import { claim } from './redis_deadlines.ts';
import { factsAfter, trimFacts } from './redis_facts.ts';
import { keysOf, parseEntry } from './redis_keys.ts';
import { lookupIndex } from './redis_lookup.ts';
import { probeWrites } from './redis_probe.ts';
import { scanMasters } from './redis_scan.ts';
import { tidying } from './redis_tidy.ts';

export interface RedisStore extends Store {
  /**
   * Resolves when Redis answers, now or for the first time.
   *
   * @throws StoreUnavailable after `timeoutMs`; the store goes on trying
   */
  ready(timeoutMs: number): Promise<void>;
}

export function openRedisStore(options: RedisOptions): RedisStore {
  const redis = connectRedis(options);
  redis.connect().catch(() => undefined); // reported to onTrouble; it goes on trying

  const keys = keysOf(options.networkId);
  const tidy = tidying(redis);
  const commit = committer(redis, keys, tidy);
  let closing: Promise<void> | undefined;

  const clock = clockOf(redis, options.networkId);

  async function readOne(aggregate: AggregateId, wanted: readonly string[] | undefined): Promise<Snapshot> {
    const key = keys.state(aggregate);
    const time = clock();
    if (!wanted) {
      const hash = await redis.hgetall(key);
      return allOf(hash, await time);
    }
    const values = await redis.hmget(key, 'v', 'commit', ...wanted.map((name) => `=${name}`));
    return someOf(values, wanted, await time);
  }

  return {
    name: 'redis',

    ready: (timeoutMs) =>
      connected(redis, timeoutMs).catch((error: Error) => {
        throw new StoreUnavailable(`Redis at ${placeOf(options)} is out of reach: ${error.message}`);
      }),

    read: (aggregate, wanted) => readOne(aggregate, wanted).catch(unavailable),

    readMany: (kind, ids, wanted) => answered(Promise.all(ids.map((id) => readOne({ kind, id }, wanted)))),

    commit: (...asked) => answered(commit(...asked)),

    async range(aggregate, stream, from, limit) {
      const set = keys.stream(aggregate, stream);
      const members = await answered(redis.zrangebyscore(set, from, '+inf', 'LIMIT', 0, limit));
      return members.map(parseEntry);
    },

    lookup: (index, query) => answered(lookupIndex(redis, keys.index(index), query)),

    scan: (kinds) => scanMasters(redis, keys, kinds, answered),

    claimDue: (kind, limit, leaseMs) => answered(claim(redis, keys, tidy, kind, limit, leaseMs)),

    facts: (after, limit) => answered(factsAfter(redis, keys.facts, after, limit)),

    trimFacts: (upTo) => answered(trimFacts(redis, keys.facts, upTo)),

    increment: (counter, by) => answered(redis.incrby(keys.counter(counter), by)),

    nowMs: () => answered(clock()),

    probe: (nodeId) => answered(probeWrites(redis, options.networkId, nodeId)),

    async durability() {
      try {
        const all = await Promise.all(mastersOf(redis).map(durabilityOf));
        return [...new Set(all)].sort().join(', ');
      } catch (error) {
        if (error instanceof ReplyError) return 'unknown';
        return unavailable(error);
      }
    },

    close() {
      closing ??= (async () => {
        await tidy.settled();
        await redis.quit().catch(() => undefined);
        redis.disconnect();
      })();
      return closing;
    },
  };
}

function allOf(hash: Record<string, string>, nowMs: number): Snapshot {
  const fields: Record<string, string> = Object.create(null);
  for (const name of Object.keys(hash)) {
    if (name.startsWith('=')) fields[name.slice(1)] = hash[name] ?? '';
  }
  return { version: Number(hash.v ?? 0), commitId: hash.commit, nowMs, fields };
}

/** @param values the version, the commit, then those of `wanted`, in their order */
function someOf(
  [version, commitId, ...values]: readonly (string | null)[],
  wanted: readonly string[],
  nowMs: number,
): Snapshot {
  const fields: Record<string, string> = Object.create(null);
  wanted.forEach((name, at) => {
    const value = values[at];
    if (value != null) fields[name] = value;
  });
  return { version: Number(version ?? 0), commitId: commitId ?? undefined, nowMs, fields };
}

async function durabilityOf(redis: Redis): Promise<string> {
  const setting = async (name: string) => {
    const answer = (await redis.config('GET', name)) as string[] | Record<string, string>;
    return (Array.isArray(answer) ? answer[1] : answer[name]) ?? 'unknown';
  };
  const appendonly = await setting('appendonly');
  return appendonly === 'yes' ? `appendonly ${await setting('appendfsync')}` : `appendonly ${appendonly}`;
}

async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    return unavailable(error);
  }
}

function unavailable(error: unknown): never {
  const why = writeRefusal(error);
  if (why !== undefined) throw new StoreReadOnly(`The store takes no writes: ${why}`, why, { cause: error });
  const reason = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
  throw new StoreUnavailable(`Redis did not answer: ${reason}`, { cause: error });
}
