import { randomUUID } from 'node:crypto';
import { ADMIN_TOKEN, type Aerie, onRedis, registerAgent, startAerie } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { Client } from '../support/official_client.ts';
import { redisCluster } from '../support/redis_cluster.ts';
import type { RedisProcess } from '../support/redis_process.ts';
import { redisWithSentinels } from '../support/redis_sentinel.ts';

// A master dies, and its replica takes over: by Sentinel, and within a Redis Cluster.

const RECOVERED_WITHIN_MS = 20_000;
const TOPIC = 'agents:discovery';

interface Deployment {
  readonly url: string;
  readonly master: RedisProcess;
  readonly replica: RedisProcess;
  stop(): Promise<void>;
}

const deployments: Record<string, () => Promise<Deployment>> = {
  'by Sentinel': redisWithSentinels,
  'in a Redis Cluster': async () => {
    const { url, masters, replicas, stop } = await redisCluster({ replicas: 1 });
    const [[master], [replica]] = [masters, replicas];
    if (!master || !replica) throw new Error('no replica');
    return { url, master, replica, stop };
  },
};

const readyStatus = async (aerie: Aerie) => (await aerie.call('GET', '/ready')).status;

// Beside each other: for the most part they wait for a failover.
it.concurrent.each(Object.keys(deployments))(
  '%s: what was acknowledged is there, and two nodes are one again',
  async (name) => {
    const redis = await deployments[name]?.();
    if (!redis) throw new Error(name);
    const nodes: Aerie[] = [];
    const clients: Client[] = [];
    try {
      const { env } = onRedis(redis.url);
      for (let at = 0; at < 2; at++) nodes.push(await startAerie({ ...env, HTTP_RATE_LIMIT: '0' }));
      const [a, b] = nodes as [Aerie, Aerie];
      const agents = await Promise.all(Array.from({ length: 20 }, () => registerAgent(a)));
      const [ada, bob] = await Promise.all(
        [a, b].map(async (node, at) => {
          const client = new Client(node.url, { params: { api_key: agents[at]?.apiKey } });
          clients.push(client);
          return client.join(TOPIC);
        }),
      );
      await eventually(() => expect(ada?.present).toHaveLength(2));

      // What the replica has not got yet is what an asynchronous failover may lose: docs/OPERATIONS.md says so.
      const offset = async (process: RedisProcess) =>
        /master_repl_offset:(\d+)/.exec(String(await process.ask('INFO', 'replication')))?.[1];
      await eventually(async () => expect(await offset(redis.replica)).toBe(await offset(redis.master)));
      await redis.master.kill();
      const killedAt = Date.now();
      // All twenty: the keys of one may well be kept by the masters that live, and prove nothing of the one that died.
      await eventually(async () => {
        for (const agent of agents) {
          expect((await b.call('GET', `/api/agents/${agent.id}`, ADMIN_TOKEN)).status).toBe(200);
        }
        const id = randomUUID();
        expect((await a.call('POST', '/api/users', ADMIN_TOKEN, { id, name: 'U' })).status).toBe(201);
        expect([await readyStatus(a), await readyStatus(b)]).toEqual([200, 200]);
      }, RECOVERED_WITHIN_MS);
      expect(Date.now() - killedAt).toBeLessThan(RECOVERED_WITHIN_MS);

      await eventually(() => {
        expect(ada?.present).toHaveLength(2);
        expect(bob?.present).toHaveLength(2);
      }, RECOVERED_WITHIN_MS);
      await eventually(async () => {
        await ada?.push('announce', { capabilities: [`after-${name.length}`] });
        expect(bob?.events('agent_updated').length).toBeGreaterThan(0);
      }, RECOVERED_WITHIN_MS);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all(nodes.map((node) => node.stop()));
      await redis.stop();
    }
  },
  120_000,
);
