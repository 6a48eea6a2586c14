import type { Change, IndexEntry } from './port.ts';

/**
 * Index places of an aggregate: members of sorted sets that lie in other slots than the aggregate, so that they
 * cannot change together with it. Each member ends in the token of the commit that wrote it, and the aggregate keeps
 * the tokens that count. So a commit that loses removes its own members, and one that wins those it replaced, however
 * late: no other commit ever writes the same member.
 */
export interface RedisPlacement {
  readonly places: readonly RedisIndexEntry[];
  readonly deadline: Deadline | undefined;
}

interface RedisIndexEntry extends IndexEntry {
  readonly token: string;
}

export interface Deadline {
  readonly deadlineMs: number;
  readonly token: string;
}

export const NOWHERE: RedisPlacement = { places: [], deadline: undefined };

/** A member of a sorted set. */
export interface SortedSetMember {
  readonly set: string;
  readonly score: number;
  readonly member: string;
}

/** The index places of a change as the aggregate keeps them, or '' if it leaves them as they are. */
export function placesText({ index }: Change): string {
  if (!index) return '';
  const pairs = index.map(({ index, key }) => JSON.stringify([index, key]));
  return `[${[...new Set(pairs)].sort().join()}]`;
}

/** The deadline of a change as the aggregate keeps it, or '' if it leaves it as it is. */
export function deadlineText({ deadlineMs }: Change): string {
  if (deadlineMs === undefined) return '';
  return deadlineMs === null ? 'never' : String(deadlineMs);
}

/** Index places that the aggregate kept, as `commitScript` answers them. */
export function parseRedisPlacement([places, tokens, deadlineMs, token]: readonly (string | null)[]): RedisPlacement {
  const pairs: [string, string][] = places ? JSON.parse(places) : [];
  const each: string[] = tokens ? JSON.parse(tokens) : [];
  return {
    places: pairs.map(([index, key], i) => ({ index, key, token: each[i] ?? '' })),
    deadline: deadlineMs && deadlineMs !== 'never' ? { deadlineMs: Number(deadlineMs), token: token ?? '' } : undefined,
  };
}

/** The placement that a change leads to; what stays keeps its token. */
export function moved(before: RedisPlacement, change: Change, token: string): RedisPlacement {
  return {
    places: change.index ? placesAfter(before, placesText(change), token) : before.places,
    deadline: deadlineAfter(before.deadline, change, token),
  };
}

function placesAfter(before: RedisPlacement, text: string, token: string): RedisIndexEntry[] {
  const pairs: [string, string][] = JSON.parse(text);
  return pairs.map(
    ([index, key]) =>
      before.places.find((place) => place.index === index && place.key === key) ?? { index, key, token },
  );
}

function deadlineAfter(before: Deadline | undefined, { deadlineMs }: Change, token: string): Deadline | undefined {
  if (deadlineMs === undefined || deadlineMs === before?.deadlineMs) return before;
  return deadlineMs === null ? undefined : { deadlineMs, token };
}

export interface Sets {
  index(index: string): string;
  deadlines(kind: string): string;
}

/** The members that `placement` has and `other` has not. */
export function membersOnlyIn(
  placement: RedisPlacement,
  other: RedisPlacement,
  kind: string,
  id: string,
  sets: Sets,
): SortedSetMember[] {
  const known = new Set(other.places);
  const members = placement.places
    .filter((place) => !known.has(place))
    .map(({ index, key, token }) => ({ set: sets.index(index), score: 0, member: `${key}\0${id}\0${token}` }));
  const { deadline } = placement;
  if (deadline && deadline !== other.deadline) {
    members.push({ set: sets.deadlines(kind), score: deadline.deadlineMs, member: deadlineMember(id, deadline.token) });
  }
  return members;
}

const deadlineMember = (id: string, token: string) => `${id}\0${token}`;
