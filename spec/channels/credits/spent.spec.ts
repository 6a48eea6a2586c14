import { addSpent, type Spent, spentMicro } from '../../../channels/credits/spent.ts';
import { NOW_MS } from '../kernel/scenario.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/** One micro-USDC every so many ms. */
function spending(times: number, everyMs: number): { spent: Spent[]; atMs: number } {
  let spent: Spent[] = [];
  for (let at = 0; at < times; at++) spent = addSpent(spent, 1n, NOW_MS + at * everyMs);
  return { spent, atMs: NOW_MS + (times - 1) * everyMs };
}

describe('what auto-pay has spent', () => {
  it('is kept exactly while it is few, and forgotten after 24 h', () => {
    const { spent, atMs } = spending(100, SECOND_MS);
    expect(spent).toHaveLength(100);
    for (const [laterMs, sum] of [
      [DAY_MS - 1, 1n],
      [DAY_MS, 0n],
      [DAY_MS - SECOND_MS, 1n],
      [DAY_MS - SECOND_MS - 1, 2n],
    ] as const) {
      expect(spentMicro(spent, atMs + laterMs)).toBe(sum);
    }
  });

  it('has a bounded size, and never counts for less than 24 h nor a minute longer', () => {
    const everyMs = 17 * SECOND_MS;
    const { spent, atMs } = spending(5_200, everyMs);
    expect(spent.length).toBeLessThanOrEqual(1_441);
    for (const laterMs of [0, 59_999, 3_600_000, DAY_MS / 2 + 1]) {
      // Those at `atMs`, `atMs - everyMs`, … that are younger than a day.
      const exact = BigInt(Math.ceil((DAY_MS - laterMs) / everyMs));
      const sum = spentMicro(spent, atMs + laterMs);
      expect(sum).toBeGreaterThanOrEqual(exact);
      expect(sum).toBeLessThanOrEqual(exact + BigInt(Math.ceil(60_000 / everyMs)));
    }
  });
});
