import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Answers, METRICS } from '../../../channels/analytics/answers.ts';
import { Collector } from '../../../channels/analytics/collector.ts';
import { History } from '../../../channels/analytics/history.ts';
import {
  bucketStartsMs,
  INTERVALS_MS,
  type Interval,
  PERIODS_MS,
  type Period,
  windowOf,
} from '../../../channels/analytics/periods.ts';
import { AGENT_FIGURES, agentScope, GLOBAL } from '../../../channels/analytics/scope.ts';
import { Scopes } from '../../../channels/analytics/scopes.ts';
import { OwnedAgents } from '../../../channels/analytics/users.ts';
import { silentLog } from '../../../server/index.ts';
import { openEmbeddedStore } from '../../../server/store/embedded.ts';
import type { Store } from '../../../server/store/port.ts';
import { AGENTS, Business, dice, OWNERS } from './day.ts';
import { plainHeatmap, plainMetrics, plainRevenue, plainSeries, type Whose } from './plain_figures.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A Sunday evening, so that the day crosses into another week and another month. */
const START_MS = Date.parse('2026-05-31T18:47:12.345Z');
const PERIODS = Object.keys(PERIODS_MS) as Period[];
const INTERVALS = Object.keys(INTERVALS_MS) as Interval[];

/** What one node has in memory. */
function node(store: Store, online: () => Iterable<string>) {
  const scopes = new Scopes(store, () => {});
  const owned = new OwnedAgents(store);
  const collector = new Collector({ store, scopes, owned, present: online, log: silentLog });
  return { scopes, owned, collector, answers: new Answers(new History(store, scopes)) };
}

describe.each(['one', 'two'])('a random day (%s)', (seed) => {
  let dir: string;
  let store: Store;
  let nowMs = START_MS;
  let business: Business;
  let nodes: ReturnType<typeof node>[];

  const clock = () => nowMs;
  const { roll } = dice(`day ${seed}`);
  const online = () => {
    const agents = [...business.online];
    looks.push({ did: 'look', atMs: nowMs, online: agents });
    return agents;
  };
  let looks: { did: 'look'; atMs: number; online: string[] }[] = [];

  const begin = () => {
    nodes = [node(store, online), node(store, online)];
  };
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'aerie-day-'));
    store = await openEmbeddedStore({ dir, nowMs: clock });
    business = new Business(store, seed, clock);
    nowMs = START_MS;
    looks = [];
    begin();
    await business.register();
  });
  afterAll(async () => {
    await store.close();
    await rm(dir, { recursive: true });
  });

  /** As the two nodes do: one of them, or both at once, which then look once all the same. */
  async function collect(): Promise<void> {
    const before = looks.length;
    const racing = roll(3) === 0 ? nodes : nodes.slice(roll(2)).slice(0, 1);
    await Promise.all(racing.map(({ collector }) => collector.collect()));
    // Of looks at the same moment one was kept: by whoever committed.
    looks.splice(before + 1);
  }

  async function handleDeadlines(): Promise<void> {
    for (const { id } of await store.claimDue(AGENT_FIGURES, 1_000, 1)) {
      await nodes[0]?.scopes.look(agentScope(id), async (alerts) => alerts);
    }
    for (const _ of await store.claimDue('analytics_global', 10, 1))
      await nodes[1]?.scopes.look(GLOBAL, async (alerts) => alerts);
  }

  async function restart(): Promise<void> {
    await store.close();
    store = await openEmbeddedStore({ dir, nowMs: clock });
    business.movedTo(store);
    begin();
  }

  async function live(untilMs: number, maxStepMs: number): Promise<void> {
    while (nowMs < untilMs) {
      nowMs += roll(maxStepMs);
      await business.step();
      if (roll(4) === 0) await collect();
      if (roll(20) === 0) await handleDeadlines();
      if (roll(150) === 0) await restart();
    }
    await collect();
    await collect();
  }

  async function compare(): Promise<void> {
    const deeds = [...business.deeds, ...looks];
    const { answers, owned } = nodes[roll(2)] as ReturnType<typeof node>;
    expect((await owned.of('u1')).sort()).toEqual(['a1', 'a2']);
    const users = ['u1', 'u2'].map((user) => AGENTS.filter((agent) => OWNERS[agent] === user));
    const all: Whose[] = [undefined, ...AGENTS.map((agent) => [agent]), ...users];
    for (const whose of all) {
      const scopes = whose?.map(agentScope) ?? [GLOBAL];
      for (const period of PERIODS) {
        expect(await answers.metrics(scopes, period, nowMs, !whose)).toEqual(plainMetrics(deeds, whose, period, nowMs));
        expect(await answers.heatmap(scopes, period, nowMs)).toEqual(plainHeatmap(deeds, whose, period, nowMs));
        if (whose)
          expect(await answers.revenue(scopes, period, nowMs)).toEqual(plainRevenue(deeds, whose, period, nowMs));
        for (const interval of INTERVALS) {
          if (bucketStartsMs(windowOf(period, nowMs), interval).length > 2_000) continue;
          for (const metric of METRICS) {
            if (!whose && (metric === 'revenue' || metric === 'spend')) continue;
            const answered = await answers.series(scopes, metric, period, interval, nowMs);
            expect(answered).toEqual(plainSeries(deeds, whose, metric, period, interval, nowMs));
          }
        }
      }
    }
  }

  it('is counted as it was, for every figure, period, interval and everybody', async () => {
    await live(START_MS + 7 * HOUR_MS, 3 * MINUTE_MS);
    await compare();
    await live(START_MS + 26 * HOUR_MS, 6 * MINUTE_MS);
    await compare();
  }, 120_000);

  it('stays so when hours and days have been closed and minutes forgotten', async () => {
    nowMs += 3 * DAY_MS;
    await handleDeadlines();
    await compare();
    await live(nowMs + 3 * HOUR_MS, 10 * MINUTE_MS);
    nowMs += 4 * DAY_MS + 5 * HOUR_MS;
    await restart();
    await live(nowMs + 5 * HOUR_MS, 30 * MINUTE_MS);
    await compare();
    const minutes = await store.range({ kind: AGENT_FIGURES, id: 'a1' }, 'minutes', 0, 10);
    expect(minutes[0]?.position).toBeGreaterThan((nowMs - 50 * HOUR_MS) / MINUTE_MS);
    expect(await store.facts(undefined, 10)).toHaveLength(0);
  }, 120_000);
});
