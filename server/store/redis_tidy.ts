import type { RedisConnection } from '../redis/connect.ts';
import type { SortedSetMember } from './redis_places.ts';

/** Stale members that could not be removed yet; beyond these they stay, and readers find them stale. */
const MAX_WAITING = 10_000;

export interface Tidy {
  /** Removes stale members in the background, and those that could not be removed before. */
  (stale: readonly Pick<SortedSetMember, 'set' | 'member'>[]): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

/** Never throws: stale members cost a reader time, and are tried again with the next ones. */
export function tidying(redis: RedisConnection): Tidy {
  let waiting: Pick<SortedSetMember, 'set' | 'member'>[] = [];
  const underWay = new Set<Promise<void>>();

  const remove = async (stale: Pick<SortedSetMember, 'set' | 'member'>) => {
    try {
      await redis.zrem(stale.set, stale.member);
    } catch {
      if (waiting.length < MAX_WAITING) waiting.push(stale);
    }
  };

  const tidy = (stale: readonly Pick<SortedSetMember, 'set' | 'member'>[]) => {
    if (stale.length === 0) return;
    const all = [...waiting, ...stale];
    waiting = [];
    for (const each of all) {
      const removal = remove(each).finally(() => underWay.delete(removal));
      underWay.add(removal);
    }
  };
  return Object.assign(tidy, {
    async settled() {
      await Promise.all(underWay);
    },
  });
}
