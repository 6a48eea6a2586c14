import { setTimeout as sleep } from 'node:timers/promises';
import { METRICS } from '../../../channels/analytics/queries.ts';
import {
  ADMIN_TOKEN,
  type Aerie,
  type ClockedAerie,
  folder,
  onRedis,
  type Place,
  registerAgent,
  startAerie,
  startClockedAerie,
  type TestAgent,
} from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { Client, type Topic } from '../../support/official_client.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { Deal, Party } from '../deals/party.ts';

interface Metrics {
  readonly tasks: { readonly created: number; readonly completed: number; readonly failed: number };
  readonly payments: { readonly transfers: number; readonly volume: string };
  readonly revenue?: string;
}

interface Alert {
  readonly id: string;
  readonly kind: string;
  readonly agent_id: string;
}

interface User {
  readonly id: string;
  readonly apiKey: string;
}

/** Longest delay of figures by the contract, and what a slow machine takes beside it. */
const BEHIND_MS = 15_000;

interface Deployment {
  readonly nodeCount: number;
  readonly makePlace: () => Promise<Place>;
  readonly start: (env: Record<string, string>) => Promise<Aerie>;
  /** Moves the clock of a node; left out, time takes its time. */
  readonly pass?: (node: Aerie, ms: number) => Promise<void>;
}

const deployments: [string, Deployment][] = [
  [
    'one node on the embedded store, whose clock is moved',
    {
      nodeCount: 1,
      makePlace: folder,
      start: startClockedAerie,
      pass: (node, ms) => (node as ClockedAerie).pass(ms),
    },
  ],
  [
    'two nodes on Redis, in real time',
    {
      nodeCount: 2,
      makePlace: async () => onRedis(sharedRedisUrl()),
      start: startAerie,
    },
  ],
];

describe.each(deployments)('analytics, %s', (_name, { nodeCount, makePlace, start, pass }) => {
  let place: Place;
  let nodes: Aerie[];
  let here: Aerie;
  let there: Aerie;
  let clients: Client[] = [];

  const env = () => ({ ...place.env, HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0' });
  beforeAll(async () => {
    place = await makePlace();
    nodes = await Promise.all(Array.from({ length: nodeCount }, () => start(env())));
    [here, there] = [nodes[0], nodes.at(-1)] as [Aerie, Aerie];
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await place.remove();
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    clients = [];
  });

  async function makeUser(): Promise<User> {
    const { body } = await here.call<{ user: { id: string }; api_key: string }>('POST', '/api/users', ADMIN_TOKEN, {
      name: 'Olga',
    });
    return { id: body.user.id, apiKey: body.api_key };
  }

  function connect(node: Aerie, { apiKey }: { apiKey: string }): Client {
    const client = new Client(node.url, { params: { api_key: apiKey } });
    clients.push(client);
    return client;
  }

  const join = (node: Aerie, who: { apiKey: string }, topic: string) => connect(node, who).join(`analytics:${topic}`);

  const reason = (attempt: Promise<unknown>) =>
    attempt.then(
      () => 'ok',
      (refusal: { reason: string }) => refusal.reason,
    );

  /** Tasks that end so, through both nodes. */
  async function work(client: TestAgent, provider: TestAgent, endings: readonly ('complete' | 'error')[]) {
    for (const [at, ending] of endings.entries()) {
      const node = nodes[at % nodeCount] ?? here;
      const { body } = await node.call<{ task: { id: string } }>('POST', '/api/tasks', client.apiKey, {
        provider_agent_id: provider.id,
        capability: 'chat',
        price: '0.25',
      });
      const topic = await connect(node, provider).join(`task:${body.task.id}`);
      const payload = ending === 'complete' ? { result: at } : { type: 'e', details: {} };
      await topic.push(ending, payload);
      // Whoever lost the reply sends again.
      expect(await topic.push(ending, payload)).toMatchObject({ duplicate: true });
    }
  }

  const metrics = (topic: Topic, period = '1h') => topic.push<Metrics>('request_metrics', { period });

  it('lets in the agent and its owner, the user and its agents, and everybody to what is about all', async () => {
    const [olga, ivan] = [await makeUser(), await makeUser()];
    const [own, foreign] = [await registerAgent(here, { user_id: olga.id }), await registerAgent(here)];
    const cases: [{ apiKey: string }, string, string][] = [
      [own, `agent:${own.id}`, 'ok'],
      [olga, `agent:${own.id}`, 'ok'],
      [foreign, `agent:${own.id}`, 'unauthorized'],
      [ivan, `agent:${own.id}`, 'unauthorized'],
      [olga, `agent:${foreign.id}`, 'unauthorized'],
      [olga, `user:${olga.id}`, 'ok'],
      [own, `user:${olga.id}`, 'ok'],
      [foreign, `user:${olga.id}`, 'unauthorized'],
      [ivan, `user:${olga.id}`, 'unauthorized'],
      [foreign, 'global', 'ok'],
      [ivan, 'global', 'ok'],
      [olga, 'agent:nobody', 'not_found'],
      [olga, 'user:nobody', 'not_found'],
      [olga, 'agent:constructor', 'not_found'],
      [olga, 'user:../x', 'not_found'],
      [olga, 'planet', 'unmatched topic'],
    ];
    for (const [who, topic, expected] of cases) {
      expect([topic, await reason(join(there, who, topic))]).toEqual([topic, expected]);
    }
  });

  it('follows an agent to its next owner, whose figures have all that it did; the former one’s sockets are closed', async () => {
    const [olga, ivan] = [await makeUser(), await makeUser()];
    const [ada, bob] = [await registerAgent(here, { user_id: olga.id }), await registerAgent(here)];
    await work(ada, bob, ['complete']);
    const former = connect(there, olga);
    const olgas = await former.join(`analytics:user:${olga.id}`);
    await eventually(async () => expect((await metrics(olgas)).tasks.created).toBe(1), BEHIND_MS);
    expect((await here.call('PATCH', `/api/agents/${ada.id}`, ADMIN_TOKEN, { user_id: ivan.id })).status).toBe(200);
    await eventually(() => expect(former.closeCodes).toEqual([1001]));
    expect(await reason(join(here, olga, `agent:${ada.id}`))).toBe('unauthorized');
    const ivans = await join(here, ivan, `user:${ivan.id}`);
    await eventually(async () => expect((await metrics(ivans)).tasks.created).toBe(1), BEHIND_MS);
    await eventually(async () => expect((await metrics(olgas)).tasks.created).toBe(0), BEHIND_MS);
  });

  it('counts what happens on any node within 5 s, once, and for whom it concerns', async () => {
    const olga = await makeUser();
    const [ada, bob] = [
      await registerAgent(here, { user_id: olga.id }),
      await registerAgent(there, { user_id: olga.id }),
    ];
    const [adas, olgas] = [await join(here, ada, `agent:${ada.id}`), await join(there, olga, `user:${olga.id}`)];
    const everybodys = await join(there, bob, 'global');
    const before = await metrics(everybodys, '30d');
    await work(ada, bob, ['complete', 'error', 'complete']);

    await eventually(async () => {
      expect((await metrics(adas)).tasks).toMatchObject({ created: 3, completed: 2, failed: 1, success_rate: null });
    }, BEHIND_MS);
    const bobs = await join(here, bob, `agent:${bob.id}`);
    expect((await metrics(bobs, '7d')).tasks).toMatchObject({
      created: 3,
      completed: 2,
      failed: 1,
      success_rate: 2 / 3,
    });
    await eventually(async () => expect((await metrics(olgas)).tasks.created).toBe(6), BEHIND_MS);
    const after = await metrics(everybodys, '30d');
    expect(after.tasks.created - before.tasks.created).toBe(3);
    expect(after).not.toHaveProperty('revenue');
    expect(after).not.toHaveProperty('spend');
    expect(await bobs.push('request_revenue', { period: '24h' })).toEqual({
      period: '24h',
      currency: 'USDC',
      total: '0',
      spend: '0',
      net: '0',
      by_counterparty: [],
      by_capability: [{ capability: 'chat', amount: '0.5' }],
    });
    const { cells, max } = await adas.push<{ cells: number[][]; max: number }>('request_heatmap', { period: '1h' });
    expect(cells.map((hours) => hours.length)).toEqual([24, 24, 24, 24, 24, 24, 24]);
    expect(cells.flat().reduce((sum, cell) => sum + cell, 0)).toBe(6);
    expect(max).toBeGreaterThanOrEqual(3);
  });

  it('counts money that was transferred, and what a close moves', async () => {
    const networkId = place.env.NETWORK_ID ?? 'local';
    const [a, b] = [await Party.at(here, networkId), await Party.at(there, networkId)];
    const deal = await Deal.open(a, b);
    const [atA, atB] = [await a.join(deal.topic), await b.join(deal.topic)];
    const { pending } = await atA.push<{ pending: never }>(
      'propose_transfer',
      deal.proposal(a, 1, '1.5', ['8.5', '6.5']),
    );
    await atB.push('acknowledge_transfer', deal.acknowledgement(pending));
    await atA.push('close', deal.closing(1, ['8', '7']));

    const [as, bs] = [await join(here, a.agent, `agent:${a.id}`), await join(there, b.agent, `agent:${b.id}`)];
    await eventually(async () => expect((await metrics(bs)).revenue).toBe('2'), BEHIND_MS);
    expect((await metrics(bs)).payments).toEqual({ transfers: 1, volume: '1.5', disputes: 0 });
    await eventually(async () => expect(await metrics(as)).toMatchObject({ revenue: '0', spend: '2' }), BEHIND_MS);
    expect(await bs.push('request_revenue', { period: '1h' })).toMatchObject({
      total: '2',
      net: '2',
      by_counterparty: [{ agent_id: a.id, amount: '2', transfers: 1 }],
    });
    await Promise.all([a.leave(), b.leave()]);
  });

  it('answers series of every metric: aligned, zero-filled, and within what it takes', async () => {
    const ada = await registerAgent(here);
    const topic = await join(here, ada, `agent:${ada.id}`);
    for (const metric of METRICS) {
      const answer = await topic.push<{ points: { t: string; value: unknown }[] }>('request_time_series', { metric });
      expect(answer).toMatchObject({ metric, period: '24h', interval: '5m' });
      expect(answer.points).toHaveLength(289);
      for (const { t } of answer.points) expect(Date.parse(t) % 300_000).toBe(0);
      const nothing = metric.startsWith('task_duration') ? null : metric === 'revenue' || metric === 'spend' ? '0' : 0;
      expect(answer.points[0]?.value).toBe(nothing);
    }
    const ask = (payload: object) => topic.push('request_time_series', payload);
    const defaults = { '1h': '1m', '7d': '1h', '30d': '1d' };
    for (const [period, interval] of Object.entries(defaults)) {
      expect(await ask({ metric: 'transfers', opts: { period } })).toMatchObject({ period, interval });
    }
    expect(await reason(ask({ metric: 'transfers', opts: { period: '7d', interval: '5m' } }))).toBe('invalid_payload');
    expect(await reason(ask({ metric: 'transfers', opts: { period: '2h' } }))).toBe('invalid_payload');
    expect(await reason(ask({ metric: 7 }))).toBe('invalid_payload');
    await expect(ask({ metric: 'luck' })).rejects.toMatchObject({
      reason: 'unknown_metric',
      details: { metrics: METRICS },
    });
    expect(await reason(topic.push('request_metrics', {}))).toBe('invalid_payload');
    expect(await reason(topic.push('alert', {}))).toBe('unknown_event');
    expect(await reason(topic.push('global_stats', {}))).toBe('unknown_event');
  });

  it('keeps what only agents may know out of what is about all', async () => {
    const topic = await join(here, await registerAgent(here), 'global');
    expect(await reason(topic.push('request_revenue', { period: '1h' }))).toBe('forbidden');
    expect(await reason(topic.push('subscribe_alerts', {}))).toBe('forbidden');
    for (const metric of ['revenue', 'spend']) {
      expect(await reason(topic.push('request_time_series', { metric }))).toBe('forbidden');
    }
    expect(await topic.push('request_heatmap', { period: '7d' })).toMatchObject({ timezone: 'UTC' });
    expect(await topic.push('request_time_series', { metric: 'online_agents' })).toMatchObject({ interval: '5m' });
  });

  it('pushes what is going on at all on join and every 10 s', async () => {
    const ada = await registerAgent(here);
    const client = connect(there, ada);
    await client.join('agents:discovery');
    const topic = await client.join('analytics:global');
    await eventually(() => expect(topic.events('global_stats')).toHaveLength(1));
    expect(topic.events('global_stats')[0]).toEqual({
      total_agents: expect.any(Number),
      online_agents: expect.any(Number),
      total_tasks: expect.any(Number),
      running_tasks: expect.any(Number),
      system_load: expect.any(Number),
      nodes: nodeCount,
    });
    await pass?.(there, 10_000);
    await eventually(() => expect(topic.events('global_stats').length).toBeGreaterThanOrEqual(2), 12_000);
    const latest = topic.events('global_stats').at(-1) as Record<string, number>;
    expect(latest.online_agents).toBeGreaterThanOrEqual(1);
    expect(latest.total_agents).toBeGreaterThanOrEqual(2);
    expect(latest.system_load).toBeGreaterThanOrEqual(0);
    expect(latest.system_load).toBeLessThanOrEqual(1);
  });

  it('alerts once, whoever subscribed on any node, and not again after a restart', async () => {
    const olga = await makeUser();
    const [ada, bob] = [await registerAgent(here), await registerAgent(there, { user_id: olga.id })];
    const topics = [
      await join(here, bob, `agent:${bob.id}`),
      await join(there, bob, `agent:${bob.id}`),
      await join(there, olga, `user:${olga.id}`),
    ];
    const quiet = await join(here, bob, `agent:${bob.id}`);
    for (const topic of topics) {
      expect(await topic.push('subscribe_alerts', {})).toEqual({ subscribed: true });
      expect(await topic.push('subscribe_alerts', {})).toEqual({ subscribed: true });
    }
    const alerts = (topic: Topic) => topic.events('alert') as Alert[];
    await work(ada, bob, ['error', 'error', 'complete', 'error', 'error']);
    for (const topic of topics) {
      await eventually(() => expect(alerts(topic)).toMatchObject([{ kind: 'task_failure_rate' }]), 10_000);
      expect(alerts(topic)).toEqual([
        {
          id: expect.any(String),
          level: 'critical',
          kind: 'task_failure_rate',
          agent_id: bob.id,
          message: expect.any(String),
          value: 0.8,
          threshold: 0.5,
          at: expect.stringMatching(/Z$/),
        },
      ]);
    }
    await work(ada, bob, ['error', 'error']);
    const [first] = nodes as [Aerie];
    await first.stop();
    nodes[0] = await start(env());
    here = nodes[0];
    if (nodeCount === 1) there = here;
    const later = await join(here, bob, `agent:${bob.id}`);
    expect(await later.joined).toMatchObject({ alerts: [{ kind: 'task_failure_rate', agent_id: bob.id }] });
    await later.push('subscribe_alerts', {});
    await eventually(async () => expect((await metrics(later)).tasks.failed).toBe(6), BEHIND_MS + 1_000);
    await (pass?.(here, 7_000) ?? sleep(7_000));
    expect(alerts(later)).toEqual([]);
    for (const topic of topics) expect(alerts(topic)).toHaveLength(1);
    expect(alerts(quiet)).toEqual([]);

    // Half is not more than half any more.
    await work(ada, bob, Array(6).fill('complete'));
    const [{ id }] = alerts(topics[0] as Topic) as [Alert];
    const ended = { id, agent_id: bob.id, at: expect.stringMatching(/Z$/) };
    await (pass?.(here, 15_000) ?? sleep(0));
    await eventually(() => expect(later.events('alert_ended')).toEqual([ended]), 20_000);
    expect(quiet.events('alert_ended')).toEqual([]);
  }, 90_000);

  it('goes on counting within 5 s when a node is killed', async () => {
    const [ada, bob] = [await registerAgent(there), await registerAgent(there)];
    await work(ada, bob, ['complete', 'error']);
    const [killed] = nodes as [Aerie];
    killed.signal('SIGKILL');
    await killed.exit;
    if (nodeCount === 1) {
      nodes[0] = await start(env());
      here = nodes[0];
      there = here;
    }
    const topic = await join(there, ada, `agent:${ada.id}`);
    await eventually(async () => {
      expect((await metrics(topic)).tasks).toMatchObject({ created: 2, completed: 1, failed: 1 });
    }, BEHIND_MS);
    if (nodeCount === 2) {
      nodes[0] = await start(env());
      here = nodes[0];
    }
  }, 60_000);
});
