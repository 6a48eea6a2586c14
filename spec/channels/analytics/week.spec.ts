import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Collector } from '../../../channels/analytics/collector.ts';
import { FiguresStore } from '../../../channels/analytics/figures_store.ts';
import { History } from '../../../channels/analytics/history.ts';
import { OwnedAgents } from '../../../channels/analytics/owned_agents.ts';
import { Queries } from '../../../channels/analytics/queries.ts';
import { AGENT_FIGURES, agentScope, GLOBAL, type Scope } from '../../../channels/analytics/scope.ts';
import { openPrincipals } from '../../../channels/principals/principals.ts';
import { silentLog } from '../../../server/index.ts';
import { openEmbeddedStore } from '../../../server/store/embedded.ts';
import type { Store } from '../../../server/store/port.ts';
import { Rules } from './by_rules.ts';
import { AGENTS, Business, dice, OWNERS } from './day.ts';
import { agentsOf, expectPlain, plainAnswer, type Question, questionsAbout, SCOPES } from './questions.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A Sunday evening, so that the day crosses into another week and another month. */
const START_MS = Date.parse('2026-05-31T18:47:12.345Z');

/** The parts of analytics that one node has in memory. */
function node(store: Store, online: () => Iterable<string>) {
  const figuresStore = new FiguresStore(store, { began() {}, ended() {} });
  const owned = new OwnedAgents(store);
  const collector = new Collector({ store, figuresStore, owned, present: online, log: silentLog });
  return { figuresStore, owned, collector, answers: new Queries(new History(store, figuresStore)) };
}

describe.each(['one', 'two'])('a random week, by the rules alone (%s)', (seed) => {
  let dir: string;
  let store: Store;
  let nowMs = START_MS;
  let business: Business;
  let nodes: ReturnType<typeof node>[];
  const present = new Set<string>();

  const clock = () => nowMs;
  const { roll, one } = dice(`week ${seed}`);
  const online = () => {
    const agents = [...present];
    looks.push({ did: 'look', atMs: nowMs, online: agents });
    return agents;
  };
  let looks: { did: 'look'; atMs: number; online: string[] }[] = [];

  const begin = () => {
    nodes = [node(store, online), node(store, online)];
  };
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'aerie-week-'));
    store = await openEmbeddedStore({ dir, nowMs: clock });
    business = new Business(new Rules(() => store), seed, clock);
    nowMs = START_MS;
    looks = [];
    begin();
    const { agents } = openPrincipals(store);
    for (const [id, userId] of Object.entries(OWNERS)) {
      const fields = { name: id, publicKey: id, userId, capabilities: [], metadata: {} };
      await agents.register('admin', id, fields as never);
      await agents.register('admin', id, fields as never);
    }
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
      await nodes[0]?.figuresStore.look(agentScope(id), async (alerts) => alerts);
    }
    for (const _ of await store.claimDue('analytics_global', 10, 1))
      await nodes[1]?.figuresStore.look(GLOBAL, async (alerts) => alerts);
  }

  async function restart(): Promise<void> {
    await store.close();
    store = await openEmbeddedStore({ dir, nowMs: clock });
    begin();
  }

  function comeOrGo(agent: string): void {
    if (!present.delete(agent)) present.add(agent);
  }

  async function live(untilMs: number, maxStepMs: number): Promise<void> {
    while (nowMs < untilMs) {
      nowMs += roll(maxStepMs);
      if (roll(4) === 0) comeOrGo(one(AGENTS));
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
    expect((await owned.of('u1')).sort()).toEqual(agentsOf('u1'));
    for (const [scope, whose] of Object.entries(SCOPES)) {
      for (const question of questionsAbout(whose, nowMs)) {
        const answered = await answer(answers, question, whose?.map(agentScope) ?? [GLOBAL]);
        expectPlain(answered, plainAnswer(question, deeds, whose, nowMs), scope, question);
      }
    }
  }

  function answer(answers: Queries, { event, payload }: Question, scopes: Scope[]): Promise<object> {
    switch (event) {
      case 'request_metrics':
        return answers.metrics(scopes, payload.period, nowMs, scopes[0] === GLOBAL);
      case 'request_heatmap':
        return answers.heatmap(scopes, payload.period, nowMs);
      case 'request_revenue':
        return answers.revenue(scopes, payload.period, nowMs);
      case 'request_time_series':
        return answers.series(scopes, payload.metric, payload.opts.period, payload.opts.interval, nowMs);
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
