/** An amount that auto-pay has spent. */
export interface Spent {
  readonly atMs: number;
  readonly amountMicro: bigint;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** So many are kept as they are; of more, those of one minute become one. */
const MAX_EXACT = 100;

/** The sum that auto-pay has spent in the last 24 h. */
export const spentMicro = (spent: readonly Spent[], nowMs: number) =>
  lastDay(spent, nowMs).reduce((sum, { amountMicro }) => sum + amountMicro, 0n);

/**
 * Adds an amount, and forgets those of more than 24 h ago. Where there are many, those of one minute are merged under the
 * latest of their times: at most 1,441 are kept, and an amount counts for up to a minute too long, never too short.
 */
export function addSpent(spent: readonly Spent[], amountMicro: bigint, nowMs: number): Spent[] {
  const all = [...lastDay(spent, nowMs), { atMs: nowMs, amountMicro }];
  return all.length <= MAX_EXACT ? all : mergedByMinute(all);
}

const lastDay = (spent: readonly Spent[], nowMs: number) => spent.filter(({ atMs }) => nowMs - atMs < DAY_MS);

function mergedByMinute(spent: readonly Spent[]): Spent[] {
  const byMinute = new Map<number, Spent>();
  for (const { atMs, amountMicro } of spent) {
    const minute = Math.floor(atMs / MINUTE_MS);
    const former = byMinute.get(minute);
    byMinute.set(minute, {
      atMs: Math.max(atMs, former?.atMs ?? 0),
      amountMicro: amountMicro + (former?.amountMicro ?? 0n),
    });
  }
  return [...byMinute.values()];
}
