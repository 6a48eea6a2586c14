import { ADMIN_TOKEN, type Aerie, type Answer, onRedis, registerAgent, startAerie } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free_port.ts';
import { Client, type Topic } from '../support/official_client.ts';
import { proxyTo, type Proxy as TcpProxy } from '../support/proxy.ts';
import { RedisProcess } from '../support/redis_process.ts';

// A plain `redis://` address, of a name or a proxy, behind which another Redis becomes master. The old one lives on as its
// replica: it keeps its connections, and answers all of them.

const TOPIC = 'agents:discovery';
const WRITES_WITHIN_MS = 15_000;

/** Two nodes that reach a master, which has a replica, through a proxy. */
interface Deployment {
  readonly master: RedisProcess;
  readonly replica: RedisProcess;
  /** The address behind the proxy. */
  readonly target: { host: string; port: number };
  readonly proxy: TcpProxy;
  readonly nodes: readonly Aerie[];
  enter(at: number): Promise<Topic>;
  addUser(at: number): Promise<Answer>;
  readAgent(): Promise<Answer>;
}

/** A case on a deployment of its own. They run beside each other: for the most part they wait. */
const deployed = (run: (deployment: Deployment) => Promise<void>) => async () => {
  const nodes: Aerie[] = [];
  const clients: Client[] = [];
  const master = await RedisProcess.start(await freePort(), ['--save', '']);
  const replica = await RedisProcess.start(await freePort(), ['--save', '', '--replicaof', `127.0.0.1 ${master.port}`]);
  const target = { host: '127.0.0.1', port: master.port };
  const proxy = await proxyTo(target);
  try {
    await eventually(
      async () => expect(String(await replica.ask('INFO', 'replication'))).toContain('master_link_status:up'),
      20_000,
    );
    const { env } = onRedis(proxy.url);
    for (let at = 0; at < 2; at++) nodes.push(await startAerie({ ...env, HTTP_RATE_LIMIT: '0' }));
    const node = (at: number) => nodes[at] as Aerie;
    const agents = [await registerAgent(node(0)), await registerAgent(node(0))];
    await run({
      ...{ master, replica, target, proxy, nodes },
      enter(at) {
        const client = new Client(node(at).url, { params: { api_key: agents[at]?.apiKey } });
        clients.push(client);
        return client.join(TOPIC);
      },
      addUser: (at) => node(at).call('POST', '/api/users', ADMIN_TOKEN, { name: 'U' }),
      readAgent: () => node(0).call('GET', `/api/agents/${agents[0]?.id}`, agents[0]?.apiKey),
    });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(nodes.map((each) => each.stop()));
    await proxy.stop();
    await Promise.all([master.stop(), replica.stop()]);
  }
};

it.concurrent(
  'a node follows to the new master with all its links',
  deployed(async ({ master, replica, target, proxy, nodes, enter, addUser, readAgent }) => {
    const [ada, bob] = await Promise.all([0, 1].map(enter));
    await eventually(() => expect(ada?.present).toHaveLength(2));
    const offset = async (redis: RedisProcess) =>
      /master_repl_offset:(\d+)/.exec(String(await redis.ask('INFO', 'replication')))?.[1];
    await eventually(async () => expect(await offset(replica)).toBe(await offset(master)));

    const old = proxy.connections();
    await replica.ask('REPLICAOF', 'NO', 'ONE');
    target.port = replica.port;
    await master.ask('REPLICAOF', '127.0.0.1', replica.port);
    const movedAt = Date.now();
    await eventually(async () => {
      for (const at of [0, 1]) expect((await addUser(at)).status).toBe(201);
    }, WRITES_WITHIN_MS);
    await eventually(async () => {
      for (const each of nodes) expect((await each.call('GET', '/ready')).status).toBe(200);
    }, WRITES_WITHIN_MS);
    await eventually(
      () => expect(proxy.connections().filter((connection) => old.includes(connection))).toEqual([]),
      WRITES_WITHIN_MS,
    );
    expect(Date.now() - movedAt).toBeLessThan(WRITES_WITHIN_MS);

    // Also what goes between the nodes; clients have joined again meanwhile.
    await eventually(async () => {
      await ada?.push('announce', { capabilities: ['after'] });
      expect(bob?.events('agent_updated').length).toBeGreaterThan(0);
    }, 20_000);
    await eventually(() => {
      expect(ada?.present).toHaveLength(2);
      expect(bob?.present).toHaveLength(2);
    }, 20_000);
    expect((await readAgent()).status).toBe(200);
  }),
  150_000,
);

it.concurrent(
  'a Redis that stays read-only is read without a break, and not connected to again and again',
  deployed(async ({ master, proxy, addUser, readAgent }) => {
    await master.ask('CONFIG', 'RESETSTAT');
    const old = proxy.connections();
    await master.ask('REPLICAOF', '127.0.0.1', 1);
    const beganAt = Date.now();
    let refused = 0;
    for (let asked = 0; asked < 200 || Date.now() - beganAt < 4_000; asked++) {
      expect((await readAgent()).status).toBe(200);
      if ((await addUser(asked % 2)).status === 503) refused++;
    }
    expect(refused).toBeGreaterThan(150);
    expect(proxy.connections()).toEqual(expect.arrayContaining([...old]));
    // One look a second and node at first, and those of this spec.
    const seconds = Math.ceil((Date.now() - beganAt) / 1_000);
    const received = /total_connections_received:(\d+)/.exec(String(await master.ask('INFO', 'stats')))?.[1];
    expect(Number(received)).toBeLessThanOrEqual(2 * seconds + 5);
    await master.ask('REPLICAOF', 'NO', 'ONE');
    await eventually(async () => expect((await addUser(0)).status).toBe(201));
  }),
  150_000,
);
