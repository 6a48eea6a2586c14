import { TokenBucket } from '../../../server/allowance/token_bucket.ts';

describe('a token bucket', () => {
  it('has a burst at once, and then what comes in', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 });
    for (let taken = 0; taken < 3; taken++) {
      expect(bucket.waitMs(1, 1_000)).toBe(0);
      bucket.take(1, 1_000);
    }
    expect(bucket.waitMs(1, 1_000)).toBe(100);
    expect(bucket.waitMs(2, 1_000)).toBe(200);
    expect(bucket.waitMs(1, 1_099)).toBe(1);
    expect(bucket.waitMs(1, 1_100)).toBe(0);
    expect(bucket.missing(1_000)).toBe(3);
    expect(bucket.missing(1_200)).toBeCloseTo(1);
  });

  it('has a whole burst whatever fraction of a millisecond it is', () => {
    for (let at = 0; at < 1_000; at++) {
      const nowMs = 1_234_567 + at / 7;
      const bucket = new TokenBucket({ perSecond: 7, burst: 5 });
      for (let taken = 0; taken < 5; taken++) {
        expect(bucket.waitMs(1, nowMs)).toBe(0);
        bucket.take(1, nowMs);
      }
      expect(bucket.waitMs(1, nowMs)).toBeGreaterThan(100);
    }
  });

  it('lets through what is larger than a burst once it is full', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 });
    expect(bucket.waitMs(50, 1_000)).toBe(0);
    bucket.take(50, 1_000);
    expect(bucket.waitMs(50, 1_000)).toBe(300);
  });

  it('gives refused callers turns behind those refused before, a quarter of a second apart, at most a minute away', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 1 });
    bucket.take(1, 0);
    const turns = [1, 1, 1, 1, 1].map((tokens) => bucket.queue(tokens, 0));
    // By the tokens alone: 100, 205, 310, 415 and 520.
    expect(turns).toEqual([250, 250, 500, 500, 750]);
    for (let caller = 0; caller < 1_000; caller++) bucket.queue(1, 0);
    expect(bucket.queue(1, 0)).toBe(59_750);
    expect(bucket.queue(1, 1)).toBe(59_999);
    expect(bucket.idleFromMs).toBeGreaterThanOrEqual(59_750);
  });

  it('keeps what comes in for the line while there is one', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 1 });
    bucket.take(1, 0);
    bucket.queue(1, 0);
    bucket.queue(1, 0);
    expect(bucket.hasLine(204)).toBe(true);
    expect(bucket.hasLine(205)).toBe(false);
  });

  it('goes on elsewhere from the one number that keeps it', () => {
    const rate = { perSecond: 10, burst: 3 };
    let fullAtMs: number | undefined;
    const waits = [1_000, 1_000, 1_000, 1_000, 1_100].map((nowMs) => {
      const bucket = new TokenBucket(rate, fullAtMs);
      const waitMs = bucket.waitMs(1, nowMs);
      if (waitMs === 0) bucket.take(1, nowMs);
      ({ fullAtMs } = bucket);
      return waitMs;
    });
    expect(waits).toEqual([0, 0, 0, 100, 0]);
    expect(fullAtMs).toBe(1_400);
  });
});
