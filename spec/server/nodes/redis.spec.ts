import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { leaseKey } from '../../../server/nodes/lease.ts';
import { type NodeInfo, NodesUnavailable } from '../../../server/nodes/port.ts';
import { type RedisNodes, type RedisNodesOptions, redisNodes } from '../../../server/nodes/redis.ts';
import { redisPubSub } from '../../../server/pubsub/redis.ts';
import { keyPrefix } from '../../../server/redis/connect.ts';
import { eventually } from '../../support/eventually.ts';
import { type Proxy as BrokenLink, proxyTo } from '../../support/proxy.ts';
import { ownRedis, sharedRedisUrl } from '../../support/redis.ts';
import { nodesContract } from './contract.ts';

const quick = { leaseMs: 1_000, renewMs: 50 };

nodesContract('redis', async () => {
  const networkId = randomUUID();
  const nodes = ['n1', 'n2', 'n3'].map((nodeId) =>
    redisNodes({ url: sharedRedisUrl(), networkId, nodeId, leaseMs: 5_000, renewMs: 50 }),
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

describe('the redis nodes', () => {
  let networkId: string;
  let proxy: BrokenLink;
  let observer: Redis;
  let opened: RedisNodes[];

  beforeEach(async () => {
    networkId = randomUUID();
    const { hostname, port } = new URL(sharedRedisUrl());
    proxy = await proxyTo({ host: hostname, port: Number(port) });
    observer = new Redis(sharedRedisUrl());
    opened = [];
  });

  afterEach(async () => {
    await Promise.all(opened.map((node) => node.close()));
    await proxy.stop();
    const left = await observer.keys(`${keyPrefix(networkId)}*`);
    if (left.length > 0) await observer.del(...left);
    observer.disconnect();
  });

  /** A node, with all it has told of changes: a line each, with `-` those that left and `+` those that joined. */
  async function open(nodeId: string, options: Partial<RedisNodesOptions> = {}) {
    const node = redisNodes({ url: sharedRedisUrl(), networkId, nodeId, ...quick, ...options });
    opened.push(node);
    const changes: string[] = [];
    let returns = 0;
    const ids = (sign: string, nodes: readonly NodeInfo[]) => nodes.map(({ id }) => sign + id);
    node.onChange(({ joined, left }) => changes.push([...ids('-', left), ...ids('+', joined)].join(' ')));
    node.onReturn(() => returns++);
    return { node, changes, returns: () => returns };
  }

  it('tells of each node that comes and goes once', async () => {
    const a = await open('a');
    await a.node.ready(5_000);
    const b = await open('b');
    await eventually(() => expect([a.changes, b.changes]).toEqual([['+b'], ['+a']]));
    const c = await open('c');
    await eventually(() =>
      expect([a.changes, b.changes]).toEqual([
        ['+b', '+c'],
        ['+a', '+c'],
      ]),
    );
    await c.node.close();
    await eventually(() =>
      expect([a.changes, b.changes]).toEqual([
        ['+b', '+c', '-c'],
        ['+a', '+c', '-c'],
      ]),
    );
    expect(a.returns() + b.returns()).toBe(0);
  });

  it('gives the lease back on close and leaves nothing behind', async () => {
    const a = await open('a');
    await a.node.ready(5_000);
    await a.node.tally('sockets', 3);
    expect(await observer.exists(leaseKey(networkId, a.node.self.incarnation))).toBe(1);
    const closing = a.node.close();
    await expect(a.node.tally('sockets', 1)).rejects.toThrow(NodesUnavailable);
    await closing;
    await expect(a.node.tally('sockets', 1)).rejects.toThrow(NodesUnavailable);
    expect(await observer.keys(`${keyPrefix(networkId)}*`)).toEqual([]);
  });

  it('counts a node that has come since the last look', async () => {
    const slow = { leaseMs: 600_000, renewMs: 300_000 };
    const a = await open('a', slow);
    await a.node.ready(5_000);
    const b = await open('b', slow);
    await b.node.ready(5_000);
    await b.node.tally('sockets', 2);
    expect(a.node.live()).toHaveLength(1);
    expect(await a.node.tally('sockets', 1)).toBe(3);
  });

  it('whispers through the pub/sub, so that others need not wait for their next renewal', async () => {
    const slow = { leaseMs: 600_000, renewMs: 300_000 };
    const pubsubs = ['a', 'b'].map((nodeId) => redisPubSub({ url: sharedRedisUrl(), networkId, nodeId }));
    try {
      await Promise.all(pubsubs.map((pubsub) => pubsub.ready(5_000)));
      const a = await open('a', { ...slow, ...(pubsubs[0] && { pubsub: pubsubs[0] }) });
      await a.node.ready(5_000);
      await eventually(async () =>
        expect(await observer.pubsub('NUMSUB', `${keyPrefix(networkId)}topic:\0nodes`)).toContain(1),
      );
      const b = await open('b', { ...slow, ...(pubsubs[1] && { pubsub: pubsubs[1] }) });
      await eventually(() => expect(a.changes).toEqual(['+b']));
      await b.node.close();
      await eventually(() => expect(a.changes).toEqual(['+b', '-b']));
    } finally {
      await Promise.all(opened.map((node) => node.close()));
      await Promise.all(pubsubs.map((pubsub) => pubsub.close()));
    }
  });

  it('lets a node that is cut off go, with its tallies, and takes it back under another incarnation', async () => {
    const a = await open('a');
    const b = await open('b', { url: proxy.url });
    await eventually(() => expect([a.changes, b.changes]).toEqual([['+b'], ['+a']]));
    await a.node.tally('sockets', 1);
    expect(await b.node.tally('sockets', 10)).toBe(11);
    const before = b.node.self.incarnation;

    proxy.cut();
    await eventually(() => expect(a.changes).toEqual(['+b', '-b']));
    expect(await a.node.tally('sockets', 0)).toBe(1);
    await expect(b.node.tally('sockets', 5)).rejects.toThrow(NodesUnavailable);
    expect(b.node.live()).toHaveLength(2);

    proxy.heal();
    await eventually(() => expect([a.changes, b.returns()]).toEqual([['+b', '-b', '+b'], 1]));
    expect(b.node.self.incarnation).not.toBe(before);
    expect(await a.node.tally('sockets', 0)).toBe(16);
    expect(b.changes).toEqual(['+a']);
  });

  it('notices a connection that has fallen silent before the lease runs out', async () => {
    const a = await open('a', { leaseMs: 10_000 });
    const b = await open('b', { leaseMs: 10_000, url: proxy.url });
    await eventually(() => expect([a.changes, b.changes]).toEqual([['+b'], ['+a']]));
    const [silenced] = proxy.connections();
    proxy.blackhole();
    await eventually(() => expect(proxy.connections()).not.toContain(silenced));
    await eventually(async () => expect(await b.node.tally('sockets', 0)).toBe(0));
    expect([a.changes, b.returns()]).toEqual([['+b'], 0]);
  });

  it('comes back when its lease is taken away, and a tally that finds this out first counts', async () => {
    const a = await open('a', { leaseMs: 60_000, renewMs: 30_000 });
    await a.node.ready(5_000);
    await a.node.tally('sockets', 2);
    await observer.del(leaseKey(networkId, a.node.self.incarnation));
    expect(await a.node.tally('sockets', 1)).toBe(3);
    expect(a.returns()).toBe(1);
    expect(await observer.hget(leaseKey(networkId, a.node.self.incarnation), 'tally:sockets')).toBe('3');
  });

  // Nobody ended: when Redis is back all have lost their leases, and whoever looks first must not see the others gone.
  it('sees nobody go when Redis itself was away for longer than a lease', async () => {
    const redis = await ownRedis();
    try {
      const options = { url: redis.url, leaseMs: 1_500, renewMs: 50 };
      const [a, b] = [await open('a', options), await open('b', options)];
      await eventually(() => expect([a.changes, b.changes]).toEqual([['+b'], ['+a']]));
      await redis.kill();
      await eventually(async () => expect(a.node.tally('x', 0)).rejects.toThrow(NodesUnavailable));
      await new Promise((resolve) => setTimeout(resolve, 1_600));
      await redis.start();
      await eventually(() => expect([a.returns(), b.returns()]).toEqual([1, 1]));
      await eventually(() => {
        expect(a.changes.slice(1)).toEqual(['-b +b']);
        expect(b.changes.slice(1)).toEqual(['-a +a']);
      });
    } finally {
      await Promise.all(opened.map((node) => node.close()));
      await redis.stop();
    }
  });

  it('starts while Redis is away', async () => {
    proxy.cut();
    const { node } = await open('a', { url: proxy.url });
    await expect(node.ready(100)).rejects.toThrow(NodesUnavailable);
    proxy.heal();
    await node.ready(5_000);
    expect(await node.tally('sockets', 1)).toBe(1);
  });

  it('sees a killed node gone within 7 s with the timings of the product', async () => {
    const timings = { leaseMs: 5_000, renewMs: 1_000 };
    const a = await open('a', timings);
    const b = await open('b', { ...timings, url: proxy.url });
    await eventually(() => expect(a.changes).toEqual(['+b']));
    await b.node.tally('sockets', 1);
    const killedAt = performance.now();
    proxy.cut();
    await eventually(() => expect(a.changes).toEqual(['+b', '-b']), 10_000);
    expect(performance.now() - killedAt).toBeLessThan(7_000);
    expect(await a.node.tally('sockets', 0)).toBe(0);
    proxy.heal();
    await eventually(() => expect(b.returns()).toBe(1));
  });
});
