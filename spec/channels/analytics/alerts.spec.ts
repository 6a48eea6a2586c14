import type { Alert } from '../../../channels/analytics/alerts.ts';
import { Collector } from '../../../channels/analytics/collector.ts';
import type { CountedFact } from '../../../channels/analytics/facts.ts';
import { FiguresStore } from '../../../channels/analytics/figures_store.ts';
import { History } from '../../../channels/analytics/history.ts';
import { OfflineAlerts } from '../../../channels/analytics/offline_alerts.ts';
import { OwnedAgents } from '../../../channels/analytics/owned_agents.ts';
import { Queries } from '../../../channels/analytics/queries.ts';
import { AGENT_FIGURES, agentScope } from '../../../channels/analytics/scope.ts';
import { windowedAlerts } from '../../../channels/analytics/windowed_alerts.ts';
import { factText } from '../../../channels/kernel/facts.ts';
import type { TaskEnded } from '../../../channels/task/facts.ts';
import { silentLog } from '../../../server/index.ts';
import { embeddedStore } from '../stores.ts';

const START_MS = Date.parse('2026-06-01T09:30:00Z');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

describe('alerts', () => {
  let nowMs: number;
  let opened: Awaited<ReturnType<typeof embeddedStore>>;
  let told: Alert[];
  /** The ids of those that were told to have ended. */
  let over: string[];
  let online: string[];
  let made = 0;

  beforeEach(async () => {
    nowMs = START_MS;
    opened = await embeddedStore(() => nowMs);
    told = [];
    over = [];
    online = [];
  });
  afterEach(() => opened.discard());

  /** Two nodes that have just started: they do the same things at the same time. */
  function nodes() {
    const { store } = opened;
    return [0, 1].map(() => {
      const figuresStore = new FiguresStore(store, {
        began: (_agent, alert) => told.push(alert),
        ended: (_agent, { id }) => over.push(id),
      });
      const answers = new Queries(new History(store, figuresStore));
      const collector = new Collector({
        store,
        figuresStore,
        owned: new OwnedAgents(store),
        present: () => online,
        log: silentLog,
      });
      return { figuresStore, answers, collector, offlineAlerts: new OfflineAlerts(store, figuresStore) };
    });
  }

  /** Does the periodic work of both nodes once. */
  async function tick(): Promise<void> {
    const both = nodes();
    await Promise.all(both.map(({ collector }) => collector.collect()));
    await Promise.all(both.map(({ offlineAlerts }) => offlineAlerts.look(online)));
    const due = await opened.store.claimDue(AGENT_FIGURES, 100, 1);
    for (const { id } of due) {
      const scope = agentScope(id);
      await Promise.all(
        both.map(({ figuresStore, answers }) =>
          figuresStore.look(scope, (alerts, atMs) => windowedAlerts(answers, scope, alerts, atMs)),
        ),
      );
    }
  }

  async function pass(ms: number, stepMs = 5_000): Promise<void> {
    for (const endMs = nowMs + ms; nowMs < endMs; nowMs += stepMs) await tick();
    await tick();
  }

  const log = async (
    ...facts: (CountedFact extends infer F ? (F extends CountedFact ? Omit<F, 'atMs'> : never) : never)[]
  ) => {
    const texts = facts.map((fact) => factText({ ...fact, atMs: nowMs } as CountedFact));
    await opened.store.commit({ kind: 'spec', id: `facts-${++made}` }, 0, { facts: texts });
  };

  const task = { client: 'ada', provider: 'bob' };
  const ended = (type: TaskEnded['type'], durationMs = 1_000) => ({
    type,
    ...task,
    wasRunning: false,
    durationMs,
    capability: null,
    priceMicro: null,
  });
  const kinds = () => told.map(({ kind, agent_id }) => `${kind} ${agent_id}`);

  it('tell of failures above a half over at least five tasks, once until they are no more', async () => {
    await log(ended('task_failed'), ended('task_failed'), ended('task_failed'), ended('task_failed'));
    await pass(10_000);
    expect(kinds()).toEqual([]);
    await log(ended('task_failed'));
    await pass(10_000);
    expect(kinds()).toEqual(['task_failure_rate bob']);
    await log(ended('task_failed'), ended('task_cancelled'));
    await pass(20 * MINUTE_MS, 30_000);
    expect(kinds()).toHaveLength(1);

    expect(over).toEqual([]);
    // Half is not more than half: the occurrence ends, and another one may begin.
    await log(...Array.from({ length: 6 }, () => ended('task_completed')));
    await pass(30_000);
    expect(over).toEqual(told.map(({ id }) => id));
    await log(ended('task_failed'));
    await pass(30_000);
    expect(kinds()).toEqual(['task_failure_rate bob', 'task_failure_rate bob']);

    // It ends with time as well.
    await pass(2 * HOUR_MS, MINUTE_MS);
    await log(...Array.from({ length: 5 }, () => ended('task_failed')));
    await pass(30_000);
    expect(kinds()).toHaveLength(3);
    expect(new Set(told.map(({ id }) => id)).size).toBe(3);
    expect(over).toEqual(told.slice(0, 2).map(({ id }) => id));
  });

  it('tell of tasks that take more than five times as long as in the week before', async () => {
    for (let day = 0; day < 5; day++) {
      await log(...Array.from({ length: 100 }, () => ended('task_completed', 1_000)));
      await pass(10_000);
      nowMs += 23 * HOUR_MS;
    }
    await log(ended('task_completed', 4_000));
    await pass(10_000);
    expect(kinds()).toEqual([]);
    await pass(70 * MINUTE_MS, MINUTE_MS);
    await log(ended('task_completed', 9_000));
    await pass(10_000);
    expect(kinds().sort()).toEqual(['task_latency ada', 'task_latency bob']);
    expect(told[0]).toMatchObject({
      level: 'warning',
      value: expect.closeTo(9_000, -3),
      threshold: expect.any(Number),
    });
    await pass(70 * MINUTE_MS, MINUTE_MS);
    expect(kinds()).toHaveLength(2);
  });

  it('tell both agents of each dispute, until the channel is closed', async () => {
    const agents = ['ada', 'bob'] as const;
    const opens = (channel: string) => ({ type: 'dispute_opened', channel, agents, by: 'ada' }) as const;
    await log(opens('c1'));
    await tick();
    expect(kinds().sort()).toEqual(['dispute_opened ada', 'dispute_opened bob']);
    await log(opens('c2'));
    await tick();
    expect(kinds()).toHaveLength(4);
    const active = async () =>
      Object.keys((await nodes()[0]?.figuresStore.read(agentScope('ada')))?.head?.alerts ?? {}).sort();
    expect(await active()).toEqual(['dispute_opened:c1', 'dispute_opened:c2']);
    await log({ type: 'channel_closed', channel: 'c1', agents, wasDisputed: true, moved: null });
    await tick();
    expect(await active()).toEqual(['dispute_opened:c2']);
    expect(kinds()).toHaveLength(4);
  });

  it('tell of every dispute, but keep and name a hundred of one agent', async () => {
    const agents = ['ada', 'bob'] as const;
    const ids = Array.from({ length: 150 }, (_, at) => `c${at}`);
    const opens = (channel: string) => ({ type: 'dispute_opened', channel, agents, by: 'ada' }) as const;
    const closes = (channel: string) =>
      ({ type: 'channel_closed', channel, agents, wasDisputed: true, moved: null }) as const;
    await log(opens('brief'), closes('brief'), ...ids.map(opens));
    await tick();
    expect(kinds()).toHaveLength(2 * 151);
    const active = async () =>
      Object.keys((await nodes()[0]?.figuresStore.read(agentScope('bob')))?.head?.alerts ?? {});
    expect(await active()).toHaveLength(100);
    expect(await active()).toContain('dispute_opened:c149');
    // Those that only made room are not over; the one that was closed at once is, for both.
    expect(over).toHaveLength(2);
    await log(closes('c0'), ...ids.slice(60).map(closes));
    await tick();
    expect(await active()).toHaveLength(10);
    expect(kinds()).toHaveLength(2 * 151);
  });

  it('tell of an agent that has been away for 60 s while tasks of it run', async () => {
    online = ['bob'];
    await log({ type: 'task_started', ...task });
    await pass(3 * MINUTE_MS);
    expect(kinds()).toEqual([]);
    online = [];
    await pass(50_000);
    online = ['bob'];
    await pass(10_000);
    online = [];
    await pass(55_000);
    expect(kinds()).toEqual([]);
    await pass(10_000);
    expect(kinds()).toEqual(['agent_offline_with_running_tasks bob']);
    expect(told[0]).toMatchObject({ value: expect.any(Number), threshold: 60 });
    await pass(5 * MINUTE_MS);
    expect(kinds()).toHaveLength(1);
    online = ['bob'];
    await pass(10_000);
    online = [];
    await pass(90_000);
    expect(kinds()).toHaveLength(2);
    await log({ ...ended('task_completed'), wasRunning: true });
    await pass(3 * MINUTE_MS);
    expect(kinds()).toHaveLength(2);
    expect((await nodes()[0]?.figuresStore.read(agentScope('bob')))?.head?.alerts).toEqual({});
  });

  it('go by what came first, where two nodes have logged it the other way round', async () => {
    const dispute = { channel: 'c1', agents: ['ada', 'bob'] } as const;
    await log(
      { type: 'channel_closed', ...dispute, wasDisputed: true, moved: null, version: 4 },
      { ...ended('task_completed'), wasRunning: true, version: 2 },
      { type: 'backlog_changed', agent: 'bob', pending: 1_000, version: 3_001 },
      { type: 'dispute_opened', ...dispute, by: 'ada', version: 3 },
      { type: 'task_started', ...task, version: 1 },
      { type: 'backlog_changed', agent: 'bob', pending: 1_001, version: 3_000 },
    );
    await pass(3 * MINUTE_MS);
    expect(kinds().sort()).toEqual(['dispute_opened ada', 'dispute_opened bob', 'message_backlog bob']);
    for (const agent of ['ada', 'bob']) {
      expect((await nodes()[0]?.figuresStore.read(agentScope(agent)))?.head).toMatchObject({ alerts: {}, running: 0 });
    }
  });

  it('do not count the time in which no node ran, and all were away', async () => {
    online = ['bob'];
    await log({ type: 'task_started', ...task });
    await pass(10_000);
    // As before a stop: its clients are moved away while it still looks.
    online = [];
    await pass(15_000);
    nowMs += 10 * MINUTE_MS;
    await pass(50_000);
    expect(kinds()).toEqual([]);
    await pass(15_000);
    expect(kinds()).toEqual(['agent_offline_with_running_tasks bob']);
    nowMs += 10 * MINUTE_MS;
    await pass(2 * MINUTE_MS);
    expect(kinds()).toHaveLength(1);
  });

  it('end within 15 s where they end with time', async () => {
    await log(...Array.from({ length: 5 }, () => ended('task_failed')));
    await pass(10_000);
    const active = async () =>
      Object.keys((await nodes()[0]?.figuresStore.read(agentScope('bob')))?.head?.alerts ?? {});
    // The hour in which they failed begins with a whole minute.
    const overMs = START_MS + HOUR_MS + MINUTE_MS;
    nowMs = overMs - 1;
    await tick();
    expect(await active()).toEqual(['task_failure_rate']);
    nowMs = overMs + 10_000;
    await tick();
    expect(await active()).toEqual([]);
  });

  it('tell of a backlog when it begins', async () => {
    const backlog = (pending: number) => ({ type: 'backlog_changed', agent: 'ada', pending }) as const;
    await log(backlog(1_001));
    await tick();
    expect(told).toMatchObject([{ kind: 'message_backlog', value: 1_001, threshold: 1_000 }]);
    await log(backlog(1_000), backlog(1_001));
    await tick();
    expect(kinds()).toHaveLength(1);
    const active = (await nodes()[0]?.figuresStore.read(agentScope('ada')))?.head?.alerts;
    expect(active).toEqual({ message_backlog: told[0] });
    await log(backlog(1_000));
    await tick();
    await log(backlog(1_001));
    await tick();
    expect(kinds()).toHaveLength(2);
  });
});
