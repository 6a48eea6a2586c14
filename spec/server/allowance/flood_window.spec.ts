import { FloodWindow } from '../../../server/allowance/flood_window.ts';

const bounds = { maxMessages: 100, maxBytes: 10_000 };

describe('the window in which a flood shows', () => {
  /** Returns the number of early messages, one a millisecond, after which the window reports a flood. */
  function firstFlood(window: FloodWindow, bytes: number, fromMs: number): number {
    for (let count = 1; count <= 1_000; count++) if (window.early(bytes, fromMs + count)) return count;
    return Number.POSITIVE_INFINITY;
  }

  it('takes one message more than allowed', () => {
    expect(firstFlood(new FloodWindow(bounds, 400), 1, 5_000)).toBe(101);
  });

  it('takes more bytes than allowed, however few the messages', () => {
    expect(firstFlood(new FloodWindow(bounds, 400), 1_000, 5_000)).toBe(11);
  });

  it('forgets what is older than 10 s', () => {
    const window = new FloodWindow(bounds, 400);
    for (let early = 0; early < 100; early++) expect(window.early(1, 1_000)).toBe(false);
    expect(window.early(1, 10_999)).toBe(true);
    expect(firstFlood(window, 1, 12_000)).toBe(100);
    expect(firstFlood(window, 1, 60_000)).toBe(101);
  });

  it('is no flood when a burst was answered slowly, and each answer was followed by a message that has to wait', () => {
    const window = new FloodWindow(bounds, 400);
    // All that may be sent at once, within half a second; then a little more, refused, over the next two.
    for (let count = 0; count < 10; count++) window.admit(1, 1_000, 1_000 + count * 50);
    const floods: boolean[] = [];
    for (let count = 0; count < 11; count++) floods.push(window.early(1_000, 2_000 + count * 180));
    // From then on one is admitted a second, and one more comes early.
    for (let second = 4; second < 40; second++) {
      window.admit(1, 1_000, second * 1_000);
      floods.push(window.early(1_000, second * 1_000 + 1));
    }
    expect(floods).not.toContain(true);
  });

  it('sets against it what was admitted: of bytes all, of messages what is more than a burst', () => {
    const window = new FloodWindow(bounds, 10);
    window.admit(40, 3_000, 5_000);
    expect(firstFlood(window, 1, 5_000)).toBe(131);
    const heavy = new FloodWindow(bounds, 10);
    heavy.admit(3, 3_000, 5_000);
    expect(firstFlood(heavy, 1_000, 5_000)).toBe(14);
  });
});
