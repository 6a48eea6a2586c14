import { randomUUID } from 'node:crypto';
import { redisNodes } from '../../server/nodes/redis.ts';
import { redisPubSub } from '../../server/pubsub/redis.ts';
import { openRedisStore, type RedisStore } from '../../server/store/redis.ts';
import { openNode } from '../presence/cluster.ts';
import { presenceContract } from '../presence/contract.ts';
import { nodesContract } from '../server/nodes/contract.ts';
import { pubSubContract } from '../server/pubsub/contract.ts';
import { storeContract } from '../server/store/contract.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisCluster, redisCluster } from '../support/redis_cluster.ts';

// The contracts that hold on one Redis hold on a Redis Cluster of three masters.

let redis: RedisCluster | undefined;

beforeAll(async () => {
  redis = await redisCluster();
}, 60_000);
afterAll(() => redis?.stop());

const READY_MS = 10_000;
const urlOf = (cluster: RedisCluster | undefined) => cluster?.url ?? '';

storeContract('redis', async () => {
  const networkId = randomUUID();
  const [store, peer] = [0, 1].map(() => openRedisStore({ url: urlOf(redis), networkId })) as [RedisStore, RedisStore];
  await Promise.all([store.ready(READY_MS), peer.ready(READY_MS)]);
  return {
    store,
    peer,
    isSpread: true,
    async discard() {
      await Promise.all([store.close(), peer.close()]);
    },
  };
});

pubSubContract('redis cluster', async () => {
  const networkId = randomUUID();
  const nodes = [1, 2].map(() => redisPubSub({ url: urlOf(redis), networkId, nodeId: 'n' }));
  await Promise.all(nodes.map((node) => node.ready(READY_MS)));
  return {
    nodes,
    async close() {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
});

nodesContract('redis cluster', async () => {
  const networkId = randomUUID();
  const nodes = ['n1', 'n2', 'n3'].map((nodeId) =>
    redisNodes({ url: urlOf(redis), networkId, nodeId, leaseMs: 5_000, renewMs: 50 }),
  );
  await eventually(() => {
    for (const node of nodes) expect(node.live()).toHaveLength(nodes.length);
  });
  return {
    nodes,
    async close() {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
});

presenceContract('on a redis cluster, nodes: 2', async (diffIntervalMs) => {
  const networkId = randomUUID();
  const nodes = await Promise.all(
    ['a', 'b'].map((nodeId) => openNode({ url: urlOf(redis), networkId, nodeId, diffIntervalMs })),
  );
  return {
    nodes,
    async close() {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
});

it('a master that takes no writes is found by the probe, whichever it is', async () => {
  const store = openRedisStore({ url: urlOf(redis), networkId: randomUUID() });
  await store.ready(READY_MS);
  await store.probe('node-1');
  for (const master of redis?.masters ?? []) {
    await master.ask('CONFIG', 'SET', 'maxmemory', 1);
    await expect(store.probe('node-1')).rejects.toMatchObject({ why: 'Redis is full (maxmemory)' });
    await master.ask('CONFIG', 'SET', 'maxmemory', 0);
    await store.probe('node-1');
  }
  await store.close();
});

it('the keys of a deployment lie on all masters', async () => {
  const store = openRedisStore({ url: urlOf(redis), networkId: randomUUID() });
  await store.ready(READY_MS);
  for (let at = 0; at < 30; at++) {
    const index = [{ index: `i${at}`, key: 'k' }];
    await store.commit({ kind: 'task', id: `t${at}` }, 0, { fields: { a: '1' }, index, deadlineMs: 1 });
  }
  expect((await store.claimDue('task', 100, 1_000)).length).toBe(30);
  expect(await store.durability()).toBe('appendonly everysec');
  for (const master of redis?.masters ?? []) expect(await master.ask('DBSIZE')).toBeGreaterThan(5);
  await store.close();
});
