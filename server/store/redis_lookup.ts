import type { RedisConnection } from '../redis/connect.ts';
import type { IndexHit, IndexQuery } from './port.ts';

/** Sorts behind every token. */
const BEHIND_TOKENS = '\u007f';

/**
 * Reads an index. While a place is written anew the old and the new member are both there, side by side: such a hit
 * counts once.
 */
export async function lookupIndex(redis: RedisConnection, set: string, query: IndexQuery): Promise<IndexHit[]> {
  const { until, limit } = query;
  const hits: IndexHit[] = [];
  const end = until === undefined ? '+' : `(${until}`;
  let start = startOf(query);
  while (hits.length < limit) {
    const asked = limit - hits.length;
    const members = await redis.zrangebylex(set, start, end, 'LIMIT', 0, asked);
    for (const member of members) {
      const [key, id] = member.split('\0') as [string, string];
      const last = hits.at(-1);
      if (last?.id !== id || last.key !== key) hits.push({ key, id });
    }
    if (members.length < asked) break;
    start = behind(hits.at(-1));
  }
  return hits;
}

function startOf({ from, after }: IndexQuery): string {
  if (!after) return from ? `[${from}` : '-';
  const isFromFurther = from && Buffer.compare(Buffer.from(from), Buffer.from(after.key)) > 0;
  return isFromFurther ? `[${from}` : behind(after);
}

function behind(hit: IndexHit | undefined): string {
  return hit ? `(${hit.key}\0${hit.id}\0${BEHIND_TOKENS}` : '-';
}
