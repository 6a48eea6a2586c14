import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { ShardStore } from '../../presence/shard_store.ts';
import { leaseKey } from '../../server/nodes/lease.ts';
import { keyPrefix } from '../../server/redis/connect.ts';
import { eventually } from '../support/eventually.ts';
import { sharedRedisUrl } from '../support/redis.ts';
import { TestChannel } from './client.ts';
import { type ClusterNode, openNode } from './cluster.ts';
import { join, presenceContract } from './contract.ts';

for (const count of [1, 2, 3])
  presenceContract(`on redis, nodes: ${count}`, async (diffIntervalMs) => {
    const networkId = randomUUID();
    const ids = Array.from({ length: count }, (_, index) => `n${index}`);
    const nodes = await Promise.all(
      ids.map((nodeId) => openNode({ url: sharedRedisUrl(), networkId, nodeId, diffIntervalMs })),
    );
    return {
      nodes,
      async close() {
        await Promise.all(nodes.map((node) => node.close()));
      },
    };
  });

describe('presence on two nodes', () => {
  const observer = new Redis(sharedRedisUrl(), { lazyConnect: true });
  let networkId: string;
  let a: ClusterNode;
  let b: ClusterNode;
  const keysLeft = () => observer.keys(`${keyPrefix(networkId)}*`);

  beforeEach(async () => {
    networkId = randomUUID();
    const open = (nodeId: string) => openNode({ url: sharedRedisUrl(), networkId, nodeId, diffIntervalMs: 0 });
    [a, b] = await Promise.all([open('a'), open('b')]);
  });
  afterEach(() => Promise.all([a.close(), b.close()]));
  afterAll(() => observer.disconnect());

  it('leaves nothing in Redis', async () => {
    a.presence.track(new TestChannel('room'), 'ann', {});
    b.presence.track(new TestChannel('hall'), 'ben', {});
    await eventually(async () => expect((await keysLeft()).filter((key) => key.includes(':part:'))).toHaveLength(2));
    await Promise.all([a.close(), b.close()]);
    expect(await keysLeft()).toEqual([]);
  });

  it('forgets the presences of others when nobody follows, and shows the truth when somebody does again', async () => {
    const leaving = new TestChannel('room');
    a.presence.track(leaving, 'leaves', {});
    a.presence.track(new TestChannel('room'), 'stays', {});
    b.presence.track(new TestChannel('room'), 'own', {});
    const [first, second] = [await join(b, 'room'), await join(b, 'room')];
    await eventually(() => expect([...b.presence.keys('room')].sort()).toEqual(['leaves', 'own', 'stays']));
    first.channel.end();
    expect([...b.presence.keys('room')]).toHaveLength(3);
    second.channel.end();
    expect([...b.presence.keys('room')]).toEqual(['own']);
    expect(Object.keys(JSON.parse(b.presence.state('room')))).toEqual(['own']);
    leaving.end();
    await eventually(async () => {
      const { channel, member } = await join(b, 'room');
      expect(member.metas.map(([key]) => key)).toEqual(['own', 'stays']);
      channel.end();
    });
  });

  it('does not take for empty what was removed after a lease ran out', async () => {
    const store = new ShardStore({ url: sharedRedisUrl(), networkId });
    try {
      await eventually(() => expect(store.connected).toBe(true));
      a.presence.track(new TestChannel('room'), 'ann', {});
      await eventually(async () => expect((await store.read(a.incarnation(), 'room'))?.entries).toHaveLength(1));
      expect(await store.read(a.incarnation(), 'hall')).toEqual({ version: 0, entries: [] });
      expect(await store.read('gone', 'room')).toBeUndefined();
    } finally {
      store.redis.disconnect();
    }
  });

  it('says when a node that lost its lease has shared everything anew', async () => {
    a.presence.track(new TestChannel('room'), 'ann', {});
    await join(b, 'room');
    const before = a.incarnation();
    await observer.del(leaseKey(networkId, before));
    await eventually(async () => {
      expect(a.incarnation()).not.toBe(before);
      expect(await observer.hget(`${keyPrefix(networkId)}presence:owners`, a.incarnation())).toBe('complete');
      expect([...b.presence.keys('room')]).toEqual(['ann']);
    });
  });
});
