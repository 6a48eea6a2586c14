import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { PubSubUnavailable } from '../../../server/pubsub/port.ts';
import { type RedisPubSub, redisPubSub } from '../../../server/pubsub/redis.ts';
import { keyPrefix } from '../../../server/redis/connect.ts';
import { eventually } from '../../support/eventually.ts';
import { type Proxy as BrokenLink, proxyTo, type Tapped } from '../../support/proxy.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { listen, pubSubContract, text } from './contract.ts';

const canaryMs = 50;

pubSubContract('redis', async () => {
  const networkId = randomUUID();
  // One name for both: each process is told from the other all the same.
  const nodes = [1, 2].map(() => redisPubSub({ url: sharedRedisUrl(), networkId, nodeId: 'n' }));
  await Promise.all(nodes.map((node) => node.ready(5_000)));
  return {
    nodes,
    async close() {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
});

describe('the redis pub/sub', () => {
  let networkId: string;
  let proxy: BrokenLink;
  let near: RedisPubSub;
  let far: RedisPubSub;
  let observer: Redis;
  let gaps: number;

  beforeEach(async () => {
    networkId = randomUUID();
    const { hostname, port } = new URL(sharedRedisUrl());
    proxy = await proxyTo({ host: hostname, port: Number(port) });
    near = redisPubSub({ url: proxy.url, networkId, nodeId: 'near', canaryMs });
    far = redisPubSub({ url: sharedRedisUrl(), networkId, nodeId: 'far', canaryMs });
    observer = new Redis(sharedRedisUrl());
    gaps = 0;
    near.onGap(() => gaps++);
    await Promise.all([near.ready(5_000), far.ready(5_000)]);
  });

  afterEach(async () => {
    await Promise.all([near.close(), far.close()]);
    observer.disconnect();
    await proxy.stop();
  });

  const subscribers = async (topic: string) =>
    (await observer.pubsub('NUMSUB', `${keyPrefix(networkId)}topic:${topic}`))[1];
  const isSubscriber = ({ sent }: Tapped) => sent().includes('subscribe');
  const isPublisher = (connection: Tapped) => !isSubscriber(connection);

  /** Publishes at `from` until a message arrives at `to`. */
  async function connected(from: RedisPubSub, to: RedisPubSub, topic: string) {
    const { heard, stop } = listen(to, topic);
    await eventually(() => {
      from.publish(topic, text('are you there?'));
      expect(heard).not.toEqual([]);
    });
    stop();
  }

  it('subscribes once per topic and unsubscribes with the last member', async () => {
    const members = [listen(near, 'room:1'), listen(near, 'room:1')];
    await members[0]?.ready;
    expect(await subscribers('room:1')).toBe(1);
    const third = listen(near, 'room:1');
    expect(third.ready).toBeUndefined();
    third.stop();
    members[0]?.stop();
    await listen(near, 'room:2').ready;
    expect(await subscribers('room:1')).toBe(1);
    members[1]?.stop();
    await eventually(async () => expect(await subscribers('room:1')).toBe(0));
  });

  it('ends as it was last wanted, however quickly members come and go', async () => {
    for (let round = 0; round < 31; round++) {
      listen(near, 'on').stop();
      const on = listen(near, 'on');
      const off = listen(near, 'off');
      if (round % 3 === 0) await on.ready;
      if (round % 3 === 1) await new Promise(setImmediate);
      off.stop();
      if (round < 30) on.stop();
      // The next member comes while UNSUBSCRIBE is on its way.
      if (round % 5 === 0) await new Promise(setImmediate);
    }
    await listen(near, 'another').ready;
    await eventually(async () => expect([await subscribers('on'), await subscribers('off')]).toEqual([1, 0]));
    await connected(far, near, 'on');
  });

  it('loses nothing in a short life without faults and calls no gap', async () => {
    const { heard, ready } = listen(near, 'room:1');
    await ready;
    for (let index = 0; index < 100; index++) far.publish('room:1', text(`${index}`));
    await eventually(() => expect(heard).toHaveLength(100));
    await eventually(() => expect(near.lagMs()).toBeGreaterThan(0));
    expect(near.silenceMs()).toBeLessThan(5_000);
    expect(gaps).toBe(0);
  });

  it('comes back after a cut: resubscribes to all, calls one gap, then hears again', async () => {
    const topics = Array.from({ length: 1_500 }, (_, index) => `room:${index}`);
    const members = topics.map((topic) => ({ topic, ...listen(near, topic) }));
    await Promise.all(members.map(({ ready }) => ready));
    const standing: number[] = [];
    near.onGap(() => void subscribers('room:1499').then((count) => standing.push(Number(count))));

    proxy.cut();
    await eventually(() => expect(near.silenceMs()).toBeGreaterThan(4 * canaryMs));
    expect(gaps).toBe(0);
    members[0]?.stop();
    proxy.heal();
    await eventually(() => expect(gaps).toBe(1));

    for (const topic of topics) far.publish(topic, text(topic));
    await eventually(() => {
      for (const { heard } of members.slice(1)) expect(heard).toHaveLength(1);
    });
    expect(members[0]?.heard).toEqual([]);
    expect(standing).toEqual([1]);
    expect(gaps).toBe(1);
    expect(await subscribers('room:0')).toBe(0);
  });

  it('serves this node and throws nothing while Redis is away', async () => {
    const { heard } = listen(near, 'room:1');
    proxy.cut();
    await eventually(async () => {
      const { ready, stop } = listen(near, `room:${randomUUID()}`);
      stop();
      await expect(ready).rejects.toThrow(PubSubUnavailable);
    });
    // Standing before the cut or not: nothing of other nodes arrives now, and `ready` says so.
    await expect(listen(near, 'room:1').ready).rejects.toThrow(PubSubUnavailable);
    await expect(near.ready(50)).rejects.toThrow(PubSubUnavailable);
    near.publish('room:1', text('a'));
    expect(heard).toHaveLength(1);

    proxy.heal();
    await near.ready(5_000);
    await connected(far, near, 'room:1');
  });

  it('starts while Redis is away and finds its members when it is there', async () => {
    proxy.cut();
    const early = redisPubSub({ url: proxy.url, networkId, nodeId: 'early', canaryMs });
    try {
      await expect(listen(early, 'room:1').ready).rejects.toThrow(PubSubUnavailable);
      proxy.heal();
      await early.ready(5_000);
      await connected(far, early, 'room:1');
    } finally {
      await early.close();
    }
  });

  // A firewall that forgot the connection: nothing says so, commands work, and the node hears nobody (centrifugo#1189).
  it('notices a subscriber connection that has fallen silent and opens another', async () => {
    const member = listen(near, 'room:1');
    await member.ready;
    proxy.blackhole(isSubscriber);
    far.publish('room:1', text('lost'));
    await eventually(() => expect(gaps).toBe(1), 100 * canaryMs);
    await connected(far, near, 'room:1');
    expect(member.heard.map(({ event }) => event)).not.toContain('lost');
    expect(gaps).toBe(1);
  });

  it('notices a publishing connection that has fallen silent, without a gap in what it hears', async () => {
    const member = listen(near, 'room:1');
    await member.ready;
    proxy.blackhole(isPublisher);
    const other = listen(far, 'room:2');
    await other.ready;
    await eventually(() => expect(near.silenceMs()).toBeGreaterThan(2 * canaryMs));
    far.publish('room:1', text('heard'));
    await eventually(() => expect(member.heard).toHaveLength(1));
    await connected(near, far, 'room:2');
    expect(gaps).toBe(0);
  });

  it('opens either connection again that breaks alone', async () => {
    const member = listen(near, 'room:1');
    await member.ready;
    for (const connection of proxy.connections()) if (isPublisher(connection)) connection.end();
    await connected(near, far, 'room:1');
    expect(gaps).toBe(0);
    for (const connection of proxy.connections()) if (isSubscriber(connection)) connection.end();
    await eventually(() => expect(gaps).toBe(1));
    await connected(far, near, 'room:1');
  });

  it('tells the other nodes when broadcasts of this one may have got lost, once words get through again', async () => {
    let farGaps = 0;
    far.onGap(() => farGaps++);
    const member = listen(far, 'room:1');
    await member.ready;
    for (const connection of proxy.connections()) if (isPublisher(connection)) connection.end();
    // Dropped while the connection is away, or sent into one that is ending.
    await eventually(() => {
      near.publish('room:1', text('maybe lost'));
      expect(farGaps).toBeGreaterThan(0);
    });
    expect(gaps).toBe(0);
  });

  it('ignores what is no frame of a node', async () => {
    const { heard, ready } = listen(near, 'room:1');
    await ready;
    const channel = `${keyPrefix(networkId)}topic:room:1`;
    for (const junk of ['', '\0', '\u0007', '\0\u00ff', '\0\u0001n\0\u0009x', '{"json":true}'])
      await observer.publish(channel, Buffer.from(junk, 'latin1'));
    far.publish('room:1', text('a'));
    await eventually(() => expect(heard).toHaveLength(1));
  });

  it('says why it hears nothing where Redis does not allow its user to broadcast', async () => {
    const user = `spec-${networkId}`;
    await observer.acl('SETUSER', user, 'on', '>password', '~*', '+@all', 'resetchannels');
    const { host } = new URL(sharedRedisUrl());
    const told: string[] = [];
    const barred = redisPubSub({
      url: `redis://${user}:password@${host}`,
      networkId,
      nodeId: 'barred',
      canaryMs,
      onTrouble: ({ message }) => told.push(message),
    });
    try {
      await expect(barred.ready(300)).rejects.toThrow('no message came back');
      expect(told).toContainEqual(expect.stringMatching(/^NOPERM/));
    } finally {
      await barred.close();
      await observer.acl('DELUSER', user);
    }
  });
});
