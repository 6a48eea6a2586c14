import fc from 'fast-check';
import { SlidingWindow, Totals } from '../../../channels/flows/window.ts';
import { passed, type Traffic, touched } from '../../../channels/kernel/traffic.ts';
import { plainFlow } from './plain_count.ts';

function count(window: SlidingWindow, { atMs, messages, bytes, settled }: Traffic): void {
  const second = Math.floor(atMs / 1_000);
  if (messages > 0) window.pass(second, messages, bytes);
  if (settled?.as === 'acknowledged') window.acknowledge(second, settled.afterMs);
  if (settled?.as === 'rejected') window.reject(second);
}

function statisticsOf(windows: readonly SlidingWindow[], all: readonly Traffic[], nowMs: number) {
  const totals = new Totals();
  for (const window of windows) window.addTo(totals, Math.floor(nowMs / 1_000));
  return totals.isEmpty ? undefined : totals.statistics(Math.max(...all.map(({ atMs }) => atMs)));
}

/** Something that passes, and how long after the one before: now and then a moment earlier, or after a pause. */
const step = fc.record({
  afterMs: fc.oneof(
    fc.integer({ min: -1_500, max: 3_000 }),
    fc.integer({ min: 0, max: 90_000 }),
    fc.constant(1_000),
    fc.constant(0),
  ),
  what: fc.oneof(
    fc.record({ bytes: fc.nat(5_000) }),
    fc.record({ as: fc.constantFrom('acknowledged' as const, 'rejected' as const), after: fc.nat(10_000) }),
  ),
});

function trafficOf(steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): Traffic[] {
  let nowMs = 1_000_000_000_000;
  return steps.map(({ afterMs, what }) => {
    nowMs += afterMs;
    if ('bytes' in what) return passed('message', 'a', 'b', nowMs, what.bytes);
    return { ...touched('message', 'a', 'b', nowMs), settled: { as: what.as, afterMs: what.after } };
  });
}

describe('a sliding window', () => {
  it('agrees with a plain count at every moment, also where it was put together from two', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), fc.nat(70_000), (steps, laterMs) => {
        const all = trafficOf(steps);
        const one = new SlidingWindow();
        const halves = [new SlidingWindow(), new SlidingWindow()] as const;
        let newestMs = 0;
        for (const [at, traffic] of all.entries()) {
          count(one, traffic);
          count(halves[at % 2 ? 1 : 0], traffic);
          newestMs = Math.max(newestMs, traffic.atMs);
          const known = all.slice(0, at + 1);
          const expected = plainFlow(known, 'a', 'b', newestMs)?.statistics;
          expect(statisticsOf([one], known, newestMs)).toEqual(expected);
          if (at % 7 === 0) one.forget(Math.floor(newestMs / 1_000));
        }
        const nowMs = newestMs + laterMs;
        const expected = plainFlow(all, 'a', 'b', nowMs)?.statistics;
        const copy = new SlidingWindow();
        copy.put(one.since(0));
        copy.put(one.since(Math.floor(newestMs / 1_000) - 3));
        expect(statisticsOf([copy], all, nowMs)).toEqual(expected);
        const added = statisticsOf(halves, all, nowMs);
        if (!added || !expected) expect(added).toEqual(expected);
        // A mean of sums: the order in which they are added shows in the last digit.
        else expect({ ...added, averageLatency: 0 }).toEqual({ ...expected, averageLatency: 0 });
        expect(added?.averageLatency ?? 0).toBeCloseTo(expected?.averageLatency ?? 0, 6);
      }),
      { numRuns: 300 },
    );
  });

  it('holds the second that runs and the 59 before it', () => {
    const window = new SlidingWindow();
    window.pass(100, 1, 60_000);
    const countAt = (second: number) => {
      const totals = new Totals();
      window.addTo(totals, second);
      return totals.messages;
    };
    expect([countAt(100), countAt(159), countAt(160)]).toEqual([1, 1, 0]);
    expect(window.forget(159)).toBe(false);
    expect(window.forget(160)).toBe(true);
    expect(window.isEmpty).toBe(true);
  });

  it('is 64 bytes for each second in which something happened, and 6 KiB at most', () => {
    const window = new SlidingWindow();
    for (let second = 0; second < 10_000; second++) {
      window.pass(second, 1, 1);
      window.pass(second, 1, 1);
      expect(window.roomBytes).toBeLessThanOrEqual(6_144);
    }
    const rare = new SlidingWindow();
    for (let second = 0; second < 100_000; second += 100) rare.pass(second, 1, 1);
    expect(rare.roomBytes).toBeLessThanOrEqual(256);
  });
});
