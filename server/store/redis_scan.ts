import type { Redis } from 'ioredis';
import { mastersOf, type RedisConnection } from '../redis/connect.ts';
import { type Placed, StoreUnavailable } from './port.ts';
import type { Keys } from './redis_keys.ts';
import { parseRedisPlacement } from './redis_places.ts';

/** Keys that Redis looks at before it answers. */
const COUNT = 1_000;

/**
 * Walks over every master by SCAN. Its cursor means something to one process only: behind a connection that was lost, and
 * where the masters are others than at the beginning, there may be another one, and the walk ends with an error.
 */
export async function* scanMasters(
  redis: RedisConnection,
  keys: Keys,
  kinds: readonly string[],
  answered: <T>(answer: Promise<T>) => Promise<T>,
): AsyncIterable<readonly Placed[]> {
  const masters = mastersOf(redis);
  let isInterrupted = masters.length === 0;
  const interrupt = () => {
    isInterrupted = true;
  };
  for (const master of masters) master.on('close', interrupt);
  try {
    for (const master of masters) {
      let cursor = '0';
      do {
        const [next, found] = await answered(scanStep(master, keys, kinds, cursor));
        cursor = next;
        if (found.length > 0) yield found;
      } while (cursor !== '0' && !isInterrupted);
    }
    const now = new Set(mastersOf(redis));
    if (isInterrupted || masters.some((master) => !now.has(master)) || now.size !== masters.length) {
      throw new StoreUnavailable('The Redis connection or its masters changed while keys were read: read them again');
    }
  } finally {
    for (const master of masters) master.off('close', interrupt);
  }
}

/** @returns the cursor of the next step, `0` at the end */
async function scanStep(
  master: Redis,
  keys: Keys,
  kinds: readonly string[],
  cursor: string,
): Promise<[string, Placed[]]> {
  const [next, found] = await master.scan(cursor, 'MATCH', keys.states, 'COUNT', COUNT);
  const read = await Promise.all(
    found.map(async (key) => {
      const aggregate = keys.parseState(key);
      if (!aggregate || !kinds.includes(aggregate.kind)) return [];
      const [version, places] = await master.hmget(key, 'v', 'places');
      if (version == null) return [];
      const index = parseRedisPlacement([places ?? null]).places.map(({ index, key }) => ({ index, key }));
      return [{ ...aggregate, index }];
    }),
  );
  return [next, read.flat()];
}
