import { createHash } from 'node:crypto';
import type { RedisConnection } from '../redis/connect.ts';

export interface Script {
  readonly lua: string;
  readonly sha: string;
}

const script = (lua: string): Script => ({ lua, sha: createHash('sha1').update(lua).digest('hex') });

/** Runs a script by its digest; a Redis that has restarted or been flushed is sent the text again. */
export async function run(
  redis: RedisConnection,
  { lua, sha }: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await redis.evalsha(sha, keys.length, ...keys, ...args);
  } catch (error) {
    // Redis refuses before it runs anything, so this cannot apply a change twice.
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return redis.eval(lua, keys.length, ...keys, ...args);
  }
}

/** First value of `commitScript`'s answer. */
export const CONFLICT = 0;
export const COMMITTED = 1;
/** Nothing was changed: indexes or the deadline would, and those lie in other slots. Their present state follows. */
export const MOVES = 2;

/**
 * Compare and set of one aggregate. All keys are of its slot.
 *
 * KEYS  the aggregate's hash, then the streams that are dropped or changed, last the log if there are facts: the one key
 *       of another slot, so in a Redis Cluster there are none
 * ARGV  expected version, `1` if what lies in other slots is written already, index places, their tokens, deadline,
 *       its token, the commit that must have made the expected version (or empty), this commit, then four counted lists: fields to set (name, value), fields to remove, KEYS to drop, facts; then to
 *       the end the entries (KEYS position, stream position, value; an empty value removes)
 */
export const commitScript = script(`
local state = KEYS[1]
local last = redis.call('HMGET', state, 'v', 'commit')
if (last[1] or '0') ~= ARGV[1] or (ARGV[7] ~= '' and ARGV[7] ~= last[2]) then return {${CONFLICT}} end

local places, deadline = ARGV[3], ARGV[5]
local old = redis.call('HMGET', state, 'places', 'tokens', 'deadline', 'token')
local placesMove = places ~= '' and places ~= (old[1] or '[]')
local deadlineMoves = deadline ~= '' and deadline ~= (old[3] or 'never')
if placesMove or deadlineMoves then
  if ARGV[2] ~= '1' then return {${MOVES}, old[1], old[2], old[3], old[4]} end
  if placesMove then redis.call('HSET', state, 'places', places, 'tokens', ARGV[4]) end
  if deadlineMoves then redis.call('HSET', state, 'deadline', deadline, 'token', ARGV[6]) end
end

local at = 9
local function counted(width)
  local first = at + 1
  at = first + ARGV[at] * width
  return first, at - 1
end
local first, last = counted(2)
for i = first, last, 2 do redis.call('HSET', state, '=' .. ARGV[i], ARGV[i + 1]) end
first, last = counted(1)
for i = first, last do redis.call('HDEL', state, '=' .. ARGV[i]) end
first, last = counted(1)
for i = first, last do redis.call('UNLINK', KEYS[tonumber(ARGV[i])]) end
first, last = counted(1)
for i = first, last do redis.call('XADD', KEYS[#KEYS], '*', '', ARGV[i]) end
for i = at, #ARGV, 3 do
  local stream, position, value = KEYS[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2]
  redis.call('ZREMRANGEBYSCORE', stream, position, position)
  if value ~= '' then redis.call('ZADD', stream, position, value) end
end
redis.call('HSET', state, 'v', ARGV[1] + 1, 'commit', ARGV[8])
return {${COMMITTED}}
`);

/**
 * Writes what commits write, to a key that goes by itself.
 *
 * KEYS  the node's own key
 * ARGV  how long it stays, in ms
 */
export const probeScript = script(`
redis.call('HSET', KEYS[1], 'v', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[1])
`);

/**
 * Takes deadlines that have passed and puts each behind its lease.
 *
 * KEYS  the deadlines of one kind
 * ARGV  limit, lease in ms
 */
export const claimScript = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local members = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, member in ipairs(members) do redis.call('ZADD', KEYS[1], now + ARGV[2], member) end
return {now, members}
`);
