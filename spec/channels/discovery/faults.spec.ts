import { type Aerie, onRedis, registerAgent, startAerie, type TestAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { Client, type Topic } from '../../support/official_client.ts';
import { proxyTo, type Proxy as TcpProxy } from '../../support/proxy.ts';
import { ownRedis, type RedisServer } from '../../support/redis.ts';

const TOPIC = 'agents:discovery';

interface Entered {
  readonly agent: TestAgent;
  readonly client: Client;
  readonly topic: Topic;
}

/** Two nodes on a Redis of their own, and their clients. */
interface Pair {
  readonly redis: RedisServer;
  readonly proxy: TcpProxy;
  /** Talks to Redis directly. */
  readonly a: Aerie;
  /** Talks to Redis through the proxy. */
  readonly b: Aerie;
  enter(node: Aerie, agent?: TestAgent): Promise<Entered>;
}

/** A case on a pair of its own. Cases run beside each other: for the most part they wait, for leases and reconnects. */
const onPair = (run: (pair: Pair) => Promise<void>) => async () => {
  const redis = await ownRedis();
  const proxy = await proxyTo({ host: '127.0.0.1', port: redis.port });
  const nodes: Aerie[] = [];
  const clients: Client[] = [];
  try {
    const { env } = onRedis(redis.url);
    const a = await startAerie({ ...env, HTTP_RATE_LIMIT: '0' });
    nodes.push(a);
    const b = await startAerie({ ...env, REDIS_URL: proxy.url, HTTP_RATE_LIMIT: '0' });
    nodes.push(b);
    const enter = async (node: Aerie, agent?: TestAgent) => {
      const entered = agent ?? (await registerAgent(a));
      const client = new Client(node.url, { params: { api_key: entered.apiKey } });
      clients.push(client);
      return { agent: entered, client, topic: await client.join(TOPIC) };
    };
    await run({ redis, proxy, a, b, enter });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(nodes.map((node) => node.stop()));
    await proxy.stop();
    await redis.stop();
  }
};

const sees = (viewer: Entered, ids: readonly string[], withinMs?: number) =>
  eventually(() => expect(viewer.topic.present).toEqual([...ids].sort()), withinMs);
const idsOf = (entered: readonly Entered[]) => entered.map(({ agent }) => agent.id);

it.concurrent(
  'a killed node’s agents are gone for everybody within 10 s, once, but for those that came back elsewhere',
  onPair(async ({ a, b, enter }) => {
    const watcher = await enter(a);
    const lost = [await enter(b), await enter(b), await enter(b)];
    const back = await enter(b);
    await sees(watcher, idsOf([watcher, ...lost, back]));

    b.signal('SIGKILL');
    await b.exit;
    // Its clients go on trying the dead address, so this one comes by another.
    const returned = await enter(a, back.agent);
    await sees(watcher, idsOf([watcher, returned]), 10_000);
    expect(watcher.topic.comings.filter((coming) => coming.startsWith('-')).sort()).toEqual(
      idsOf(lost)
        .map((id) => `-${id}`)
        .sort(),
    );
    const metas = watcher.topic.presence.list((id, presence) => (id === back.agent.id ? presence.metas.length : 0));
    expect(Math.max(...metas)).toBe(1);
    await sees(returned, idsOf([watcher, returned]));
  }),
  60_000,
);

it.concurrent(
  'Redis killed for five seconds: nothing crashes, writes are refused, and everybody sees the truth again',
  onPair(async ({ redis, a, b, enter }) => {
    const [ada, bob, eve] = [await enter(a), await enter(b), await enter(b)];
    await sees(ada, idsOf([ada, bob, eve]));

    await redis.kill();
    await expect(ada.topic.push('discover', {})).rejects.toMatchObject({ reason: 'unavailable' });
    await expect(bob.topic.push('announce', { capabilities: ['x'] })).rejects.toMatchObject({ reason: 'unavailable' });
    expect((await a.call('GET', '/api/agents/x', ada.agent.apiKey)).status).toBe(503);
    expect((await a.call('GET', '/health')).status).toBe(200);
    await eventually(async () => expect((await a.call('GET', '/ready')).status).toBe(503));
    await eve.client.close();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect((await b.call('GET', '/health')).status).toBe(200);
    await redis.start();

    await eventually(async () => expect((await a.call('GET', '/ready')).status).toBe(200), 10_000);
    await eventually(async () => expect((await b.call('GET', '/ready')).status).toBe(200), 10_000);
    await sees(ada, idsOf([ada, bob]), 15_000);
    await sees(bob, idsOf([ada, bob]), 15_000);
    await eventually(() => ada.topic.push('announce', { capabilities: ['again'] }));
    await eventually(() => expect(bob.topic.events('agent_updated')).toHaveLength(1));
  }),
  60_000,
);

it.concurrent(
  'only the subscriber connection cut: clients join again and hear what comes after',
  onPair(async ({ proxy, a, b, enter }) => {
    const [ada, bob] = [await enter(a), await enter(b)];
    await sees(ada, idsOf([ada, bob]));
    let errors = 0;
    bob.topic.channel.onError(() => {
      errors++;
    });
    for (const connection of proxy.connections()) if (/subscribe/i.test(connection.sent())) connection.end();
    await eventually(() => expect(errors).toBe(1));
    await eventually(() => expect(bob.topic.channel.state).toBe('joined'));
    await sees(ada, idsOf([ada, bob]));
    await sees(bob, idsOf([ada, bob]));
    await ada.topic.push('announce', { capabilities: ['x'] });
    await eventually(() => expect(bob.topic.events('agent_updated')).toHaveLength(1));
  }),
  60_000,
);

it.concurrent(
  'the subscriber connection silent: it is noticed, opened again, and clients join again',
  onPair(async ({ proxy, a, b, enter }) => {
    const [ada, bob] = [await enter(a), await enter(b)];
    await sees(ada, idsOf([ada, bob]));
    proxy.blackhole((connection) => /subscribe/i.test(connection.sent()));
    await eventually(async () => expect((await b.call('GET', '/ready')).status).toBe(503));
    await eventually(async () => expect((await b.call('GET', '/ready')).status).toBe(200));
    await eventually(() => expect(bob.topic.channel.state).toBe('joined'));
    await eventually(async () => {
      await ada.topic.push('announce', { capabilities: ['x'] });
      expect(bob.topic.events('agent_updated').length).toBeGreaterThan(0);
    });
  }),
  60_000,
);

it.concurrent(
  'a node cut off for longer than its lease, while agents come and go on both sides: both see the truth again',
  onPair(async ({ proxy, a, b, enter }) => {
    const [ada, adaGoes] = [await enter(a), await enter(a)];
    const [bob, bobGoes] = [await enter(b), await enter(b)];
    const [adaComes, bobComes] = [await registerAgent(a), await registerAgent(a)];
    await sees(ada, idsOf([ada, adaGoes, bob, bobGoes]));
    await sees(bob, idsOf([ada, adaGoes, bob, bobGoes]));

    proxy.cut();
    // What this node tracks is gone for the others with its lease.
    await sees(ada, idsOf([ada, adaGoes]), 10_000);
    await Promise.all([adaGoes.client.close(), bobGoes.client.close()]);
    await enter(a, adaComes);
    proxy.heal();
    await eventually(async () => expect((await b.call('GET', '/ready')).status).toBe(200), 10_000);
    await enter(b, bobComes);

    const truth = [...idsOf([ada, bob]), adaComes.id, bobComes.id];
    await sees(ada, truth, 15_000);
    await sees(bob, truth, 15_000);
    for (const viewer of [ada, bob]) {
      const metas = viewer.topic.presence.list((_id, presence) => presence.metas.length);
      expect(metas).toEqual([1, 1, 1, 1]);
    }
  }),
  80_000,
);

it.concurrent(
  'a node that is told to end moves its clients, gives its presences back at once and ends in time',
  onPair(async ({ a, b, enter }) => {
    const [ada, bob] = [await enter(a), await enter(b)];
    await sees(ada, idsOf([ada, bob]));
    b.signal('SIGTERM');
    expect(await b.exit).toBe(0);
    expect(bob.client.closeCodes[0]).toBe(1012);
    await sees(ada, idsOf([ada]), 1_000);
  }),
  60_000,
);
