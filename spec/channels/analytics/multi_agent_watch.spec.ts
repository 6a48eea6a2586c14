import { KnownMembers } from '../../../channels/analytics/known_members.ts';
import {
  type Look,
  type Watch,
  type WatchedMultiAgent,
  watchAfter,
} from '../../../channels/analytics/multi_agent_watch.ts';

const SWARM: WatchedMultiAgent = {
  owner: 'u-1',
  id: 'swarm',
  version: 1,
  targets: { maxLatency: 100, minThroughput: 0.5, targetSuccessRate: 0.9 },
  heartbeatMs: 10_000,
};
const NEVER: Watch = { alerts: {}, seen: new Map(), lookedAtMs: 0 };
const figures = { p99Ms: 100, completed: 30, successRate: 0.9 };

const lookAt = (nowMs: number, more: Partial<Look> = {}): Look => ({
  figures: undefined,
  online: new Map(),
  nowMs,
  ...more,
});
const online = (...pairs: [string, boolean][]) => ({ online: new Map(pairs) });
const shown = ({ alerts }: Watch) =>
  Object.entries(alerts).map(([key, { value, threshold, at }]) => [key, value, threshold, Date.parse(at)]);

describe('the targets of a multi-agent', () => {
  it.each([
    ['maxLatency', { p99Ms: 100.1 }, 100.1, 100],
    ['minThroughput', { completed: 29 }, 29 / 60, 0.5],
    ['targetSuccessRate', { successRate: 0.89 }, 0.89, 0.9],
  ])('%s is missed beyond it, and no other one', (name, worse, value, threshold) => {
    expect(shown(watchAfter(SWARM, NEVER, lookAt(1, { figures })))).toEqual([]);
    const missed = watchAfter(SWARM, NEVER, lookAt(1, { figures: { ...figures, ...worse } }));
    expect(shown(missed)).toEqual([[`target_missed:${name}`, value, threshold, 1]]);
    expect(Object.values(missed.alerts)).toMatchObject([
      { level: 'warning', kind: 'target_missed', agent_id: null, multi_agent_id: 'swarm' },
    ]);
    // One alert until it is met.
    const still = watchAfter(SWARM, missed, lookAt(2, { figures: { ...figures, ...worse } }));
    expect(still.alerts).toEqual(missed.alerts);
    expect(shown(watchAfter(SWARM, still, lookAt(3, { figures })))).toEqual([]);
  });

  it('are not missed by what is not known, and are over with their members or the target', () => {
    const nothing = { p99Ms: null, completed: 0, successRate: null };
    const missed = watchAfter(SWARM, NEVER, lookAt(1, { figures: nothing }));
    expect(shown(missed)).toEqual([['target_missed:minThroughput', 0, 0.5, 1]]);
    expect(shown(watchAfter(SWARM, missed, lookAt(2)))).toEqual([]);
    expect(shown(watchAfter({ ...SWARM, targets: null }, missed, lookAt(2, { figures: nothing })))).toEqual([]);
  });

  it('are missed anew where another one is set', () => {
    const missed = watchAfter(SWARM, NEVER, lookAt(1, { figures: { ...figures, completed: 0 } }));
    const targets = { maxLatency: 100, minThroughput: 2, targetSuccessRate: 0.9 };
    const anew = watchAfter({ ...SWARM, targets }, missed, lookAt(2, { figures: { ...figures, completed: 0 } }));
    expect(shown(anew)).toEqual([['target_missed:minThroughput', 0, 2, 2]]);
    expect(anew.alerts['target_missed:minThroughput']?.id).not.toBe(missed.alerts['target_missed:minThroughput']?.id);
  });
});

describe('a member of a multi-agent', () => {
  const pass = (watch: Watch, fromMs: number, untilMs: number, look: Partial<Look>, of = SWARM) => {
    let after = watch;
    for (let nowMs = fromMs; nowMs <= untilMs; nowMs += 5_000) after = watchAfter(of, after, lookAt(nowMs, look));
    return after;
  };
  const here = watchAfter(SWARM, NEVER, lookAt(0, online(['ada', true], ['bob', false])));

  it('that was online and is away for longer than 3 heartbeats is lost, until it is back', () => {
    const away = online(['ada', false], ['bob', false]);
    const almost = pass(here, 5_000, 35_000, away);
    expect(shown(almost)).toEqual([]);
    const lost = watchAfter(SWARM, almost, lookAt(35_001, away));
    expect(shown(lost)).toEqual([['member_lost:ada', 30, 30, 35_001]]);
    expect(Object.values(lost.alerts)).toMatchObject([
      { level: 'warning', kind: 'member_lost', agent_id: null, multi_agent_id: 'swarm' },
    ]);
    expect(shown(pass(lost, 40_000, 90_000, away))).toEqual(shown(lost));
    expect(shown(watchAfter(SWARM, lost, lookAt(40_000, online(['ada', true]))))).toEqual([]);
    // Whoever has left it is no member that is lost.
    expect(shown(watchAfter(SWARM, lost, lookAt(40_000, online(['bob', false]))))).toEqual([]);
    expect(shown(watchAfter({ ...SWARM, heartbeatMs: null }, lost, lookAt(40_000)))).toEqual([]);
  });

  it('is not lost because nobody could look, or no node was there to connect to', () => {
    const away = online(['ada', false]);
    const gone = watchAfter(SWARM, here, lookAt(5_000, away));
    const unseen = pass(gone, 10_000, 90_000, { online: undefined });
    expect(shown(unseen)).toEqual([]);
    const seenAgain = watchAfter(SWARM, unseen, lookAt(95_000, away));
    expect(shown(seenAgain)).toEqual([]);
    expect(shown(pass(seenAgain, 100_000, 125_000, away))).toEqual([]);
    expect(shown(pass(seenAgain, 100_000, 130_000, away))).toEqual([['member_lost:ada', 35, 30, 130_000]]);
  });

  it('is told of with at most 99 others', () => {
    const all = (isOnline: boolean) =>
      online(...Array.from({ length: 150 }, (_, at): [string, boolean] => [`m-${at}`, isOnline]));
    const left = pass(watchAfter(SWARM, NEVER, lookAt(0, all(true))), 5_000, 60_000, all(false));
    expect(shown(left)).toHaveLength(100);
  });
});

describe('the members of multi-agents', () => {
  it('are read once for all of an owner that are looked at in one moment, and again after a failure', async () => {
    const read: string[] = [];
    const members = new KnownMembers(async (owner) => {
      read.push(owner);
      if (read.length === 1) throw new Error('away');
      return new Map([['swarm', ['ada']]]);
    });
    await expect(members.of('u-1', 'swarm')).rejects.toThrow('away');
    expect(await Promise.all([members.of('u-1', 'swarm'), members.of('u-1', 'none')])).toEqual([['ada'], []]);
    expect(read).toEqual(['u-1', 'u-1']);
    await members.of('u-2', 'swarm');
    expect(read).toHaveLength(3);
  });
});
