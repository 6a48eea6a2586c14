import type { TaskRole } from '../task/task.ts';

/** How somebody haggles, in micro-USDC. */
export interface Plan {
  readonly role: TaskRole;
  /** The first offer. */
  readonly start: bigint;
  /** A client agrees to no more, a provider to no less. */
  readonly limit: bigint;
  /** How far each offer goes towards the limit. */
  readonly step: bigint;
  /** What no offer may be above. */
  readonly most: bigint;
}

/** The offers that stand. */
export interface Standing {
  readonly mine: bigint | undefined;
  readonly theirs: bigint | undefined;
  /** True if the other side has made the later one. */
  readonly isMyTurn: boolean;
  /** Offers that this side may still make. */
  readonly left: number;
}

export type Move = { readonly offer: bigint } | 'accept' | 'wait' | 'reject';

/** Offers that each side may make. */
export const MOST_OFFERS = 10;

/** Half a micro-USDC is rounded down (PROTOCOL.md, section 5.3). */
export const average = (a: bigint, b: bigint): bigint => (a + b) / 2n;

/** @param asked where no step is given: four of them to the limit; at least an eighth of the way, as each side may make few offers */
export function planOf(
  role: TaskRole,
  most: bigint,
  asked: { readonly start: bigint; readonly limit: bigint; readonly step?: bigint | undefined },
): Plan {
  const { start, limit } = asked;
  const distance = limit > start ? limit - start : start - limit;
  const least = (distance + 7n) / 8n;
  const step = asked.step ?? (distance + 3n) / 4n;
  return { role, most, limit, start: start < most ? start : most, step: step > least ? step : least };
}

/** True if one is worse than the other, for whoever has this role. */
export const isWorse = (role: TaskRole, one: bigint, other: bigint): boolean =>
  role === 'client' ? one > other : one < other;

/**
 * What to do next: accept the average once it is within the limit. While it is not, no concession of one's own would bring it there: an
 * offer is made that invites an average within the limit, each time a step nearer to it, and where that is no amount any more, give up.
 */
export function nextMove({ role, start, limit, step, most }: Plan, { mine, theirs, isMyTurn, left }: Standing): Move {
  if (theirs === undefined) return mine === undefined ? { offer: start } : 'wait';
  const isWithin = (own: bigint) => !isWorse(role, average(own, theirs), limit);
  if (mine === undefined) {
    if (isWithin(start)) return { offer: start };
  } else if (!isMyTurn) return 'wait';
  else if (isWithin(mine)) return 'accept';
  if (left === 0) return 'reject';
  const towards = role === 'client' ? step : -step;
  for (let aim = start + towards * BigInt(MOST_OFFERS - left); ; aim += towards) {
    const isLast = !isWorse(role, limit, aim);
    const offer = 2n * (isLast ? limit : aim) - theirs;
    if (offer > 0n && offer <= most && offer !== mine) return { offer };
    if (isLast || step === 0n) return 'reject';
  }
}
