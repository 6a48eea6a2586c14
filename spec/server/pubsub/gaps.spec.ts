import { jest } from '@jest/globals';
import { GapDebouncer } from '../../../server/pubsub/gap_debouncer.ts';

describe('gaps', () => {
  let toldAtMs: number[];
  let gaps: GapDebouncer;

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    toldAtMs = [];
    gaps = new GapDebouncer(3_000);
    gaps.add(() => toldAtMs.push(Date.now()));
  });
  afterEach(() => jest.useRealTimers());

  function tellAt(...momentsMs: number[]) {
    for (const atMs of momentsMs) {
      jest.advanceTimersByTime(atMs - Date.now());
      gaps.tell();
    }
    jest.advanceTimersByTime(60_000);
  }

  it('are told at once, and those that follow soon together, when it has been quiet for long enough', () => {
    tellAt(0, 100, 2_900);
    expect(toldAtMs).toEqual([0, 3_000]);
  });

  it('are told each when they are far apart', () => {
    tellAt(0, 3_001, 10_000);
    expect(toldAtMs).toEqual([0, 3_001, 10_000]);
  });

  it('are never told closer together, however long they go on', () => {
    tellAt(...Array.from({ length: 95 }, (_, n) => n * 100));
    expect(toldAtMs).toEqual([0, 3_000, 6_000, 9_000, 12_000]);
  });

  it('are told no more once closed', () => {
    gaps.tell();
    gaps.tell();
    gaps.close();
    jest.advanceTimersByTime(60_000);
    expect(toldAtMs).toEqual([0]);
  });
});
