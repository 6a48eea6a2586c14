import type { RedisConnection } from '../redis/connect.ts';
import type { Due } from './port.ts';
import type { Keys } from './redis_keys.ts';
import { claimScript, run } from './redis_scripts.ts';
import type { Tidy } from './redis_tidy.ts';

/** Time that a deadline waits whose commit is under way or has failed: it is written, but not the aggregate's yet. */
const RECHECK_MS = 1_000;
/** So that a claim ends, whatever it finds. */
const MAX_ROUNDS = 4;

interface Claimed {
  readonly due: Due[];
  /** Taken in all, those that were no deadline of their aggregate included. */
  readonly taken: number;
}

/** Takes up to `limit` deadlines: more rounds only where a member taken turned out not to be its aggregate's. */
export async function claim(
  redis: RedisConnection,
  keys: Keys,
  tidy: Tidy,
  kind: string,
  limit: number,
  leaseMs: number,
): Promise<Due[]> {
  const due: Due[] = [];
  for (let rounds = 0; rounds < MAX_ROUNDS && due.length < limit; rounds++) {
    const asked = limit - due.length;
    const round = await claimRound(redis, keys, tidy, kind, asked, leaseMs);
    due.push(...round.due);
    if (round.taken < asked) break;
  }
  // Aggregates answer in any order, those on different nodes of a cluster above all.
  return due.sort((a, b) => a.deadlineMs - b.deadlineMs);
}

async function claimRound(
  redis: RedisConnection,
  keys: Keys,
  tidy: Tidy,
  kind: string,
  limit: number,
  leaseMs: number,
): Promise<Claimed> {
  const set = keys.deadlines(kind);
  const [nowMs, members] = (await run(redis, claimScript, [set], [limit, leaseMs])) as [number, string[]];
  const due: Due[] = [];
  const stale: { set: string; member: string }[] = [];
  await Promise.all(
    members.map(async (member) => {
      const [id, token] = member.split('\0') as [string, string];
      const kept = await redis.hmget(keys.state({ kind, id }), 'v', 'deadline', 'token');
      const [version, deadline, current] = kept;
      if (current === token && deadline !== 'never') due.push({ id, deadlineMs: Number(deadline) });
      // A token starts with the version that its commit makes: that one has been made, by another commit.
      else if (Number(version ?? 0) >= Number.parseInt(token, 10)) stale.push({ set, member });
      else await redis.zadd(set, 'XX', nowMs + RECHECK_MS, member);
    }),
  );
  tidy(stale);
  return { due, taken: members.length };
}
