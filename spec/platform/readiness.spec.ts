import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSecrets } from '../../channels/principals/secrets.ts';
import type { Backend } from '../../platform/backend.ts';
import { readConfig } from '../../platform/config.ts';
import { type RunningNode, startNode } from '../../platform/node.ts';
import { silentLog } from '../../server/index.ts';
import { localNodes } from '../../server/nodes/local.ts';
import { localPubSub } from '../../server/pubsub/local.ts';
import { openEmbeddedStore } from '../../server/store/embedded.ts';
import {
  ADMIN_TOKEN,
  type Address,
  type Aerie,
  addressOf,
  onRedis,
  registerAgent,
  startAerie,
  type TestAgent,
} from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { connect } from '../support/frames.ts';
import { freePort } from '../support/free_port.ts';
import { RedisProcess } from '../support/redis_process.ts';

// While the store refuses writes `/ready` says so within 5 s and why, and what can be read is read; a start in that state
// serves reads too.

const TOLD_WITHIN_MS = 5_000;

async function refusesWrites(node: Address, agent: TestAgent, why: string, withinMs = TOLD_WITHIN_MS) {
  const reason = `the store refuses writes: ${why}`;
  await eventually(
    async () =>
      expect(await node.call('GET', '/ready')).toMatchObject({
        status: 503,
        body: { reason: 'unavailable', detail: reason, errors: [{ message: reason }] },
      }),
    withinMs,
  );
  expect(await node.call('POST', '/api/users', ADMIN_TOKEN, { name: 'U' })).toMatchObject({
    status: 503,
    body: { reason: 'unavailable', detail: expect.stringContaining('takes no writes') },
  });
  expect((await node.call('GET', `/api/agents/${agent.id}`, agent.apiKey)).status).toBe(200);
  expect((await node.call('GET', '/api/tasks', agent.apiKey)).status).toBe(200);
  expect((await node.call('GET', '/health')).status).toBe(200);
}

async function takesWrites(node: Address, agent: TestAgent) {
  await eventually(async () => expect((await node.call('GET', '/ready')).status).toBe(200), TOLD_WITHIN_MS);
  expect((await node.call('POST', '/api/users', ADMIN_TOKEN, { name: 'U' })).status).toBe(201);
  await eventually(async () => {
    await (await connect(`${node.url}/socket?vsn=2.0.0&api_key=${agent.apiKey}`)).close();
  }, 10_000);
}

describe('a node on Redis', () => {
  const PASSWORD = 'a-password-that-nobody-shall-see';
  let redis: RedisProcess;
  let place: ReturnType<typeof onRedis>;
  let first: Aerie;
  let agent: TestAgent;

  beforeAll(async () => {
    redis = await RedisProcess.start(await freePort(), ['--save', '3600 1', '--appendonly', 'no']);
    await redis.ask('ACL', 'SETUSER', 'the-user', 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
    place = onRedis(`redis://the-user:${PASSWORD}@127.0.0.1:${redis.port}`);
    first = await startAerie({ ...place.env, HTTP_RATE_LIMIT: '0' });
    agent = await registerAgent(first);
  });
  afterAll(async () => {
    await first.stop();
    await redis.stop();
  });

  const faults: [
    string,
    string,
    (redis: RedisProcess) => Promise<unknown>,
    (redis: RedisProcess) => Promise<unknown>,
  ][] = [
    [
      'is a replica',
      'Redis is a replica',
      (redis) => redis.ask('REPLICAOF', '127.0.0.1', 1),
      (redis) => redis.ask('REPLICAOF', 'NO', 'ONE'),
    ],
    [
      'wants replicas that are not there',
      'Redis has fewer replicas than min-replicas-to-write',
      (redis) => redis.ask('CONFIG', 'SET', 'min-replicas-to-write', 1),
      (redis) => redis.ask('CONFIG', 'SET', 'min-replicas-to-write', 0),
    ],
    [
      'is full',
      'Redis is full (maxmemory)',
      (redis) => redis.ask('CONFIG', 'SET', 'maxmemory', 1),
      (redis) => redis.ask('CONFIG', 'SET', 'maxmemory', 0),
    ],
    [
      'has taken the right to write',
      'the Redis user of this node may not write',
      (redis) => redis.ask('ACL', 'SETUSER', 'the-user', '-@write'),
      (redis) => redis.ask('ACL', 'SETUSER', 'the-user', '+@all'),
    ],
    [
      'cannot save',
      'Redis cannot save to its disk',
      async (redis) => {
        const [, dir] = (await redis.ask('CONFIG', 'GET', 'dir')) as [string, string];
        await rm(dir, { recursive: true });
        await redis.ask('BGSAVE');
        await eventually(async () =>
          expect(String(await redis.ask('INFO', 'persistence'))).toContain('rdb_last_bgsave_status:err'),
        );
      },
      (redis) => redis.ask('CONFIG', 'SET', 'save', ''),
    ],
  ];

  it.each(faults)(
    'that %s',
    async (_name, why, begin, end) => {
      await takesWrites(first, agent);
      await begin(redis);
      let second: Aerie | undefined;
      try {
        await refusesWrites(first, agent, why);
        second = await startAerie({ ...place.env, HTTP_RATE_LIMIT: '0' });
        await refusesWrites(second, agent, why);
        await end(redis);
        for (const node of [first, second]) await takesWrites(node, agent);
        for (const { stdout, stderr } of [first, second]) expect(stdout() + stderr()).not.toContain(PASSWORD);
      } finally {
        await end(redis);
        await second?.stop();
      }
    },
    60_000,
  );

  it('writes at most once a second for all who ask, and leaves no key for ever', async () => {
    const calls = async () =>
      Number(/cmdstat_pexpire:calls=(\d+)/.exec(String(await redis.ask('INFO', 'commandstats')))?.[1] ?? 0);
    const keys = async () => (await redis.ask('KEYS', 'aerie:*:probe:*')) as string[];
    await eventually(async () => expect(await keys()).not.toEqual([]));
    for (const key of await keys()) expect(Number(await redis.ask('PTTL', key))).toBeGreaterThan(0);

    // The lease writes as well, once a second and node.
    await redis.ask('CONFIG', 'RESETSTAT');
    const startedAt = Date.now();
    await Promise.all(Array.from({ length: 300 }, () => first.call('GET', '/ready')));
    const seconds = (Date.now() - startedAt) / 1_000;
    expect(await calls()).toBeLessThanOrEqual(2 * Math.ceil(seconds) + 4);
  });
});

describe('a node on the embedded store', () => {
  const MIB = 1024 * 1024;
  let dir: string;
  let free: number;
  let nodes: RunningNode[];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'aerie-data-'));
    free = 64 * MIB;
    nodes = [];
  });
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.stop(0)));
    await rm(dir, { recursive: true });
  });

  async function start(): Promise<Address & { stop(): Promise<void> }> {
    const config = readConfig({ DATA_DIR: dir, PORT: '0', ORBIT_PORT: '0', ADMIN_TOKEN, HTTP_RATE_LIMIT: '0' });
    const { nodeId } = config;
    const backend: Backend = {
      store: await openEmbeddedStore({ dir, freeBytes: async () => free }),
      pubsub: localPubSub({ nodeId }),
      nodes: localNodes({ nodeId }),
      redis: undefined,
      place: dir,
    };
    const secrets = await readSecrets(backend.store, config);
    const node = await startNode({ config, backend, secrets, log: silentLog });
    nodes.push(node);
    return {
      ...addressOf(`http://127.0.0.1:${node.port}`),
      async stop() {
        nodes.splice(nodes.indexOf(node), 1);
        await node.stop(0);
      },
    };
  }

  it('whose disk has less than 64 MiB of room', async () => {
    const node = await start();
    const agent = await registerAgent(node);
    await takesWrites(node, agent);
    free -= 1;
    await refusesWrites(node, agent, 'less than 64 MiB are free for DATA_DIR');
    await node.stop();

    const again = await start();
    await refusesWrites(again, agent, 'less than 64 MiB are free for DATA_DIR');
    expect(JSON.stringify(await again.call('GET', '/ready'))).not.toContain(dir);
    // Nobody has to write for it: who is connected can be seen.
    await (await connect(`${again.url}/socket?vsn=2.0.0&api_key=${agent.apiKey}`)).close();
    free += 1;
    await takesWrites(again, agent);
  });
});
