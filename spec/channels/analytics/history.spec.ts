import { HOUR_MS } from '../../../channels/analytics/buckets.ts';
import { figuresText, noFigures } from '../../../channels/analytics/figures.ts';
import { newHead } from '../../../channels/analytics/head.ts';
import { History } from '../../../channels/analytics/history.ts';
import { windowOf } from '../../../channels/analytics/periods.ts';
import { agentScope } from '../../../channels/analytics/scope.ts';

describe('what is remembered of closed hours', () => {
  const OPEN_HOUR = 480_000;
  const week = windowOf('7d', OPEN_HOUR * HOUR_MS);
  let readings: string[];
  let isAway: boolean;
  let history: History;

  beforeEach(() => {
    readings = [];
    isAway = false;
    const value = figuresText(noFigures());
    history = new History(
      {
        async range({ id }, stream, from, count) {
          if (stream === 'hours') readings.push(id);
          if (isAway) throw new Error('away');
          return Array.from({ length: count }, (_, at) => ({ position: from + at, value }));
        },
      },
      { read: async () => ({ head: { ...newHead, openHour: OPEN_HOUR }, nowMs: week.toMs }) },
    );
  });

  const read = (agentId: string) => history.pieces(agentScope(agentId), week, 'hours');
  /** Returns the number of these readings that asked the store. */
  async function asked(...agentIds: readonly string[]) {
    readings = [];
    for (const agentId of agentIds) await read(agentId);
    return readings.length;
  }

  it('is read once, also by several at the same time', async () => {
    const [one, other] = await Promise.all([read('a'), read('a')]);
    expect(one).toEqual(other);
    expect(await asked('a')).toBe(0);
  });

  it('goes, the longest unread first, when there are more than 20,000 pieces', async () => {
    const agents = Array.from({ length: 100 }, (_, at) => `agent-${at}`);
    expect(await asked(...agents)).toBe(100);
    expect(await asked(...agents)).toBe(0);
    // 168 pieces each: 20 more are too many for the first of the hundred, but not for one that was read since.
    const more = Array.from({ length: 20 }, (_, at) => `more-${at}`);
    expect(await asked('agent-0', ...more)).toBe(20);
    expect(await asked('agent-0')).toBe(0);
    expect(await asked('agent-1')).toBe(1);
  });

  it('is not that the store was away', async () => {
    isAway = true;
    await expect(read('a')).rejects.toThrow('away');
    isAway = false;
    expect(await asked('a')).toBe(1);
  });
});
