import { randomBytes } from 'node:crypto';
import type { RedisConnection } from '../redis/connect.ts';
import type { AggregateId, Change, CommitResult, Store } from './port.ts';
import type { Keys } from './redis_keys.ts';
import {
  deadlineText,
  membersOnlyIn,
  moved,
  NOWHERE,
  parseRedisPlacement,
  placesText,
  type RedisPlacement,
} from './redis_places.ts';
import { COMMITTED, CONFLICT, commitScript, run } from './redis_scripts.ts';
import type { Tidy } from './redis_tidy.ts';

const conflict: CommitResult = { ok: false, conflict: true };

/**
 * Commits in one round trip, unless indexes or the deadline really change: those lie in other slots and are written
 * before, so that an aggregate is never without its places. A first commit of an aggregate has none to ask for.
 */
export function committer(redis: RedisConnection, keys: Keys, tidy: Tidy) {
  const handle = randomBytes(6).toString('base64url');
  let attempts = 0;

  return async function commit(...asked: Parameters<Store['commit']>): Promise<CommitResult> {
    const [aggregate, expected, change, lastCommitId = ''] = asked;
    const commitId = `${handle}${(attempts++).toString(36)}`;
    const request = encode(redis, keys, aggregate, change);
    const send = (isPlaced: '0' | '1', { places, deadline }: RedisPlacement) =>
      run(redis, commitScript, request.keys, [
        expected,
        isPlaced,
        request.places,
        JSON.stringify(places.map(({ token }) => token)),
        request.deadline,
        deadline?.token ?? '',
        lastCommitId,
        commitId,
        ...request.rest,
      ]) as Promise<[number, ...(string | null)[]]>;
    const committed: CommitResult = { ok: true, version: expected + 1, commitId };

    let before = NOWHERE;
    if (expected > 0 || !isPlacing(change)) {
      const [answer, ...kept] = await send('0', NOWHERE);
      if (answer === COMMITTED) {
        await request.logLate();
        return committed;
      }
      if (answer === CONFLICT) return conflict;
      before = parseRedisPlacement(kept);
    }

    const after = moved(before, change, `${expected + 1}.${commitId}`);
    const { kind, id } = aggregate;
    const added = membersOnlyIn(after, before, kind, id, keys);
    try {
      await Promise.all(added.map(({ set, score, member }) => redis.zadd(set, score, member)));
    } catch (error) {
      tidy(added);
      throw error;
    }
    const [answer] = await send('1', after);
    tidy(answer === COMMITTED ? membersOnlyIn(before, after, kind, id, keys) : added);
    if (answer !== COMMITTED) return conflict;
    await request.logLate();
    return committed;
  };
}

const isPlacing = ({ index, deadlineMs }: Change) => Boolean(index?.length) || typeof deadlineMs === 'number';

/** The parts of a request that do not depend on what the aggregate is now. */
function encode(redis: RedisConnection, keys: Keys, aggregate: AggregateId, change: Change) {
  const state = keys.state(aggregate);
  const touched = [state];
  const positions = new Map<string, number>();
  const keyPosition = (stream: string) => {
    let position = positions.get(stream);
    if (position === undefined) {
      position = touched.push(keys.stream(aggregate, stream));
      positions.set(stream, position);
    }
    return position;
  };

  const set: string[] = [];
  const removed: string[] = [];
  for (const [field, value] of Object.entries(change.fields ?? {})) {
    if (value === null) removed.push(field);
    else set.push(field, value);
  }
  const dropped = (change.dropStreams ?? []).map(keyPosition);
  const { facts = [] } = change;
  const logged = redis.isCluster ? [] : facts;
  const rest: (string | number)[] = [set.length / 2, ...set, removed.length, ...removed, dropped.length, ...dropped];
  rest.push(logged.length, ...logged);
  for (const { stream, position, value } of change.entries ?? []) {
    rest.push(keyPosition(stream), position, value === null ? '' : keys.entry(position, value));
  }
  if (logged.length > 0) touched.push(keys.facts);
  return {
    keys: touched,
    places: placesText(change),
    deadline: deadlineText(change),
    rest,
    /** In a Redis Cluster the log cannot be written with the aggregate. */
    async logLate() {
      if (redis.isCluster) for (const fact of facts) await redis.xadd(keys.facts, '*', '', fact);
    },
  };
}
