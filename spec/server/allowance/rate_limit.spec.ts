import { RateLimit } from '../../../server/allowance/rate_limit.ts';

describe('a rate limit', () => {
  let nowMs = 0;
  const limit = (options = {}) => new RateLimit({ perSecond: 2, burst: 3 }, { nowMs: () => nowMs, ...options });
  const take = (limited: RateLimit, times: number, key = 'a') => Array.from({ length: times }, () => limited.take(key));

  it('lets a burst through and then tells how long to wait', () => {
    const limited = limit();
    expect(take(limited, 5)).toEqual([0, 0, 0, 500, 500]);
    nowMs += 499;
    expect(limited.take('a')).toBe(1);
    nowMs += 1;
    expect(take(limited, 2)).toEqual([0, 500]);
  });

  it('saves up no more than a burst', () => {
    const limited = limit();
    take(limited, 3);
    nowMs += 3_600_000;
    expect(take(limited, 4)).toEqual([0, 0, 0, 500]);
  });

  it('counts each key for itself', () => {
    const limited = limit();
    take(limited, 4, 'a');
    expect(take(limited, 4, 'b')).toEqual([0, 0, 0, 500]);
  });

  it('remembers no more than so many keys, those that came last', () => {
    const limited = limit({ maxCallers: 3 });
    for (const key of ['a', 'b', 'c']) take(limited, 3, key);
    take(limited, 1, 'a');
    take(limited, 1, 'd');
    expect(limited.size).toBe(3);
    expect(limited.take('a')).toBe(500);
    expect(limited.take('c')).toBe(500);
    expect(limited.take('b')).toBe(0);
    for (let caller = 0; caller < 1_000; caller++) limited.take(`caller ${caller}`);
    expect(limited.size).toBe(3);
  });
});
