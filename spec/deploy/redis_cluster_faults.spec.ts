import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { type RedisPubSub, redisPubSub } from '../../server/pubsub/redis.ts';
import { keyPrefix } from '../../server/redis/connect.ts';
import { SLOTS, slotOf } from '../../server/redis/slots.ts';
import { listen, text } from '../server/pubsub/contract.ts';
import { eventually } from '../support/eventually.ts';
import { type Proxy as BrokenLink, proxyTo } from '../support/proxy.ts';
import { type RedisCluster, redisCluster } from '../support/redis_cluster.ts';
import type { RedisProcess } from '../support/redis_process.ts';

// Broadcasts on a Redis Cluster go through one link per master. Whatever breaks: they flow again, and who may have missed
// some is told.

const canaryMs = 100;
const RECOVERED_WITHIN_MS = 10_000;

let clusters: Readonly<Record<'plain' | 'proxied' | 'replicated', RedisCluster>>;
let redis: RedisCluster;
let networkId: string;
let near: RedisPubSub;
let far: RedisPubSub;
let gaps: { near: number; far: number };

const open = (nodeId: string) => redisPubSub({ url: redis.url, networkId, nodeId, canaryMs });
const master = (at: number) => redis.masters[at] as RedisProcess;

/** A topic that this master carries at the start. */
function topicOn(master: number): string {
  for (let n = 0; ; n++) {
    if (at(channelOf(`room:${n}`)) === master) return `room:${n}`;
  }
}
/** The master that has a channel at the start. */
const at = (channel: string) => Math.floor((slotOf(channel) * 3) / SLOTS);
const channelOf = (topic: string) => `${keyPrefix(networkId)}topic:${topic}`;

/** Publishes at `from` until a message arrives at `to`. */
async function flows(topic: string, from = near, to = far) {
  const { heard, stop } = listen(to, topic);
  await eventually(() => {
    from.publish(topic, text('again'));
    expect(heard.length).toBeGreaterThan(0);
  }, RECOVERED_WITHIN_MS);
  stop();
}

/** As `flows`, on the subscription that was there before. */
async function hears(member: ReturnType<typeof listen>, from: RedisPubSub, topic: string) {
  const before = member.heard.length;
  await eventually(() => {
    from.publish(topic, text('again'));
    expect(member.heard.length).toBeGreaterThan(before);
  }, RECOVERED_WITHIN_MS);
}

const subscribers = async (process: RedisProcess, topic: string) => {
  const [, count] = (await process.ask('PUBSUB', 'SHARDNUMSUB', channelOf(topic))) as [string, number];
  return count;
};

async function openNodes() {
  networkId = randomUUID();
  [near, far] = [open('near'), open('far')];
  gaps = { near: 0, far: 0 };
  near.onGap(() => gaps.near++);
  far.onGap(() => gaps.far++);
  await Promise.all([near.ready(10_000), far.ready(10_000)]);
}

beforeAll(async () => {
  // All at once: one takes some seconds to form.
  const forming = [redisCluster(), redisCluster(), redisCluster({ replicas: 1 })] as const;
  const [plain, proxied, replicated] = await Promise.all(forming);
  clusters = { plain, proxied, replicated };
}, 60_000);
afterAll(() => Promise.all(Object.values(clusters).map((each) => each.stop())));

/** Closed after each spec, whatever became of it. */
const others: { close(): unknown }[] = [];

afterEach(() => Promise.all([near, far, ...others.splice(0)].map((each) => each.close())));

// First: as long as it waits for its turn, a busy machine could have the replica take over.
describe('in a Redis Cluster with a replica', () => {
  beforeAll(() => {
    redis = clusters.replicated;
  });
  beforeEach(openNodes);

  it('a failover brings broadcasts back, and a gap is told', async () => {
    const topic = topicOn(0);
    const member = listen(near, topic);
    await member.ready;
    await master(0).kill();
    await eventually(() => expect(Math.min(gaps.near, gaps.far)).toBeGreaterThan(0), 2 * RECOVERED_WITHIN_MS);
    await hears(member, far, topic);
    for (const at of [0, 1, 2]) {
      await flows(topicOn(at));
      await flows(topicOn(at), far, near);
    }
    await eventually(() => expect(Math.max(near.silenceMs(), far.silenceMs())).toBeLessThan(500));
    expect(await subscribers(redis.replicas[0] as RedisProcess, topic)).toBe(1);
  }, 60_000);
});

describe('in a Redis Cluster', () => {
  beforeAll(() => {
    redis = clusters.plain;
  });
  beforeEach(openNodes);

  it('a broadcast is one message to one master, which tells the nodes with members', async () => {
    const published = async (process: RedisProcess) => {
      const stats = String(await process.ask('INFO', 'commandstats'));
      return ['publish', 'spublish'].map((name) => Number(stats.match(`cmdstat_${name}:calls=(\\d+)`)?.[1] ?? 0));
    };
    // What the nodes of the cluster tell each other.
    const passedOn = async (process: RedisProcess) =>
      String(await process.ask('CLUSTER', 'INFO')).match(/messages_publish\w*received:\d+/g) ?? [];
    // No canaries but the first: they are messages too.
    const quiet = ['a', 'b', 'c'].map((nodeId) =>
      redisPubSub({ url: redis.url, networkId, nodeId, canaryMs: 600_000 }),
    ) as [RedisPubSub, RedisPubSub, RedisPubSub];
    others.push(...quiet);
    await Promise.all([near.close(), far.close(), ...quiet.map((node) => node.ready(10_000))]);
    const [a, b] = quiet;
    const topic = topicOn(1);
    const members = [listen(a, topic), listen(b, topic)];
    await Promise.all(members.map(({ ready }) => ready));
    const onEach = () => Promise.all(redis.masters.map((each) => subscribers(each, topic).catch(() => 'elsewhere')));
    expect((await onEach())[1]).toBe(2);

    const before = await Promise.all(redis.masters.map(published));
    for (let at = 0; at < 200; at++) a.publish(topic, text(`${at}`));
    await eventually(() => {
      for (const { heard } of members) expect(heard).toHaveLength(200);
    });
    const after = await Promise.all(redis.masters.map(published));
    expect(after.map((counts, at) => counts.map((count, kind) => count - (before[at]?.[kind] ?? 0)))).toEqual([
      [0, 0],
      [0, 200],
      [0, 0],
    ]);
    for (const each of redis.masters) expect(await passedOn(each)).toEqual([]);

    members[1]?.stop();
    await eventually(async () => expect((await onEach())[1]).toBe(1));
  });

  it('the link to one master is opened again when it is cut, and a gap is told once', async () => {
    const member = listen(near, topicOn(0));
    await member.ready;
    await master(0).ask('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => expect(gaps).toEqual({ near: 1, far: 1 }));
    await hears(member, far, topicOn(0));
    for (const at of [1, 2]) await flows(topicOn(at));
    expect(gaps).toEqual({ near: 1, far: 1 });
  });

  it('tells the others when broadcasts may have got lost on the way to one master', async () => {
    const member = listen(far, topicOn(2));
    await member.ready;
    await eventually(async () => {
      await master(2).ask('CLIENT', 'KILL', 'TYPE', 'normal');
      for (let at = 0; at < 10; at++) near.publish(topicOn(2), text('maybe lost'));
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(gaps.far).toBeGreaterThan(0);
    });
    expect(gaps.near).toBe(0);
  });

  it('one master that is silent is seen, and who may have missed something is told when it is back', async () => {
    // Not the one by which the others are told of losses.
    const word = at(channelOf('\0lost'));
    const [silent, other] = [(word + 1) % 3, (word + 2) % 3];
    await eventually(() => expect(near.silenceMs()).toBeLessThan(500));
    master(silent).pause();
    try {
      await eventually(() => {
        near.publish(topicOn(silent), text('maybe lost'));
        expect(near.silenceMs()).toBeGreaterThan(3_000);
      }, 10_000);
      for (const at of [word, other]) await flows(topicOn(at));
      // Told now, they would look too early, and again with every broadcast that gets lost.
      expect(gaps.far).toBe(0);
    } finally {
      master(silent).resume();
    }
    await eventually(() => expect(near.silenceMs()).toBeLessThan(500), RECOVERED_WITHIN_MS);
    await eventually(() => expect(gaps.far).toBeGreaterThan(0), RECOVERED_WITHIN_MS);
    for (const at of [0, 1, 2]) await flows(topicOn(at));
    expect(gaps.far).toBeLessThan(4);
  }, 40_000);

  it('closes when all that was published has got through, to the slowest master too', async () => {
    const members = [0, 1].map((at) => listen(far, topicOn(at)));
    await Promise.all(members.map(({ ready }) => ready));
    master(0).pause();
    for (const at of [0, 1]) for (let n = 0; n < 5; n++) near.publish(topicOn(at), text(`${n}`));
    const closed = near.close();
    await new Promise((resolve) => setTimeout(resolve, 300));
    master(0).resume();
    await closed;
    await eventually(() => expect(members.map(({ heard }) => heard.length)).toEqual([5, 5]));
  });

  it('does not tell of a gap for each node when a slot moves', async () => {
    const idle = ['a', 'b', 'c', 'd'].map(open);
    others.push(...idle);
    const told: string[] = [];
    for (const { nodeId, onGap } of idle) onGap(() => told.push(nodeId));
    await Promise.all(idle.map((node) => node.ready(10_000)));
    const slot = slotOf(channelOf(topicOn(0)));
    await move(slot, master(0), master(1));
    await eventually(() => expect(new Set(told).size).toBe(idle.length), RECOVERED_WITHIN_MS);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(told).toHaveLength(idle.length);
    await move(slot, master(1), master(0));
  });

  it('a subscription that Redis has ended is there again, even if the slot came back meanwhile', async () => {
    const topic = topicOn(0);
    const member = listen(near, topic);
    await member.ready;
    await move(slotOf(channelOf(topic)), master(0), master(1));
    await move(slotOf(channelOf(topic)), master(1), master(0));
    await eventually(() => expect(gaps.near).toBeGreaterThan(0), RECOVERED_WITHIN_MS);
    await hears(member, far, topic);
  });

  it('a slot that moves while subscribed takes its broadcasts along, and a gap is told', async () => {
    const topic = topicOn(0);
    const member = listen(near, topic);
    await member.ready;
    await move(slotOf(channelOf(topic)), master(0), master(2));
    await eventually(() => expect(Math.min(gaps.near, gaps.far)).toBeGreaterThan(0), RECOVERED_WITHIN_MS);
    await hears(member, far, topic);
    expect(await subscribers(master(2), topic)).toBe(1);
    for (const at of [1, 2]) await flows(topicOn(at));
    await move(slotOf(channelOf(topic)), master(2), master(0));
  });

  it('a node tells itself of the gap, once, and the others if it has published meanwhile', async () => {
    await far.close();
    const word = channelOf('\0lost');
    const topic = topicOn(at(word) === 0 ? 1 : 0);
    const member = listen(near, topic);
    await member.ready;
    const observer = new Redis(master(at(word)).port, '127.0.0.1');
    others.push({ close: () => observer.disconnect() });
    const words: string[] = [];
    observer.on('smessage', (_channel, frame) => words.push(frame));
    await observer.ssubscribe(word);

    const slot = slotOf(channelOf(topic));
    const home = master(at(channelOf(topic)));
    await move(slot, home, master(2));
    await eventually(() => expect(gaps.near).toBe(1), RECOVERED_WITHIN_MS);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect([gaps.near, words]).toEqual([1, []]);

    await move(slot, master(2), home);
    await eventually(() => {
      near.publish(topic, text('maybe lost'));
      expect(words).toContainEqual(expect.stringContaining('near.'));
    }, RECOVERED_WITHIN_MS);
    await eventually(() => expect(gaps.near).toBe(2), RECOVERED_WITHIN_MS);
  });

  it('subscribes to very many topics again, whatever their slots', async () => {
    const members = Array.from({ length: 3_000 }, (_, n) => listen(near, `room:${n}`));
    await Promise.all(members.map(({ ready }) => ready));
    await master(1).ask('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => expect(gaps.near).toBe(1));
    for (let n = 0; n < members.length; n++) far.publish(`room:${n}`, text('a'));
    await eventually(() => {
      for (const { heard } of members) expect(heard).toHaveLength(1);
    });
    for (const { stop } of members) stop();
    await eventually(async () => {
      for (const each of redis.masters) {
        const channels = (await each.ask('PUBSUB', 'SHARDCHANNELS', channelOf('room:*'))) as string[];
        expect(channels).toEqual([]);
      }
    });
    expect(gaps.near).toBe(1);
  }, 20_000);

  it('says that it hears nothing while no node is there', async () => {
    const lonely = redisPubSub({ url: 'redis+cluster://127.0.0.1:1', networkId, nodeId: 'lonely', canaryMs });
    others.push(lonely);
    await expect(lonely.ready(300)).rejects.toThrow('no message came back');
    await expect(lonely.subscribe('room:1', () => {}).ready).rejects.toThrow('out of reach');
    expect(lonely.silenceMs()).toBeGreaterThan(250);
  });
});

describe('in a Redis Cluster, behind a proxy', () => {
  let proxy: BrokenLink;

  beforeAll(async () => {
    redis = clusters.proxied;
    proxy = await proxyTo({ host: '127.0.0.1', port: master(0).port });
    await master(0).ask('CONFIG', 'SET', 'cluster-announce-port', proxy.port);
    await eventually(async () => {
      for (const each of redis.masters)
        expect(JSON.stringify(await each.ask('CLUSTER', 'SLOTS'))).toContain(`${proxy.port}`);
    }, 20_000);
  }, 60_000);
  afterAll(() => proxy.stop());
  beforeEach(openNodes);

  it('only the subscriber link to one master silent: it is opened again, and a gap is told', async () => {
    const member = listen(near, topicOn(0));
    await member.ready;
    proxy.blackhole((connection) => /ssubscribe.*canary:.*near/s.test(connection.sent()));
    await eventually(() => expect(near.silenceMs()).toBeGreaterThan(2 * canaryMs));
    // By the canary, before any command times out.
    await eventually(() => expect(gaps.near).toBe(1), 2_500);
    await hears(member, far, topicOn(0));
    await eventually(() => expect(near.silenceMs()).toBeLessThan(3 * canaryMs));
    expect(gaps).toEqual({ near: 1, far: 0 });
  });

  it('a master whose address leads nowhere is seen, however often it changes', async () => {
    for (const port of [1, 2, 3]) {
      await master(0).ask('CONFIG', 'SET', 'cluster-announce-port', port);
      await new Promise((resolve) => setTimeout(resolve, 2_500));
    }
    expect(near.silenceMs()).toBeGreaterThan(4_000);
    await master(0).ask('CONFIG', 'SET', 'cluster-announce-port', proxy.port);
    await eventually(() => expect(near.silenceMs()).toBeLessThan(500), RECOVERED_WITHIN_MS);
    await flows(topicOn(0));
  }, 30_000);
});

/** As `redis-cli --cluster reshard` does it, without keys. */
async function move(slot: number, from: RedisProcess, to: RedisProcess) {
  const [fromId, toId] = (await Promise.all([from, to].map((each) => each.ask('CLUSTER', 'MYID')))) as [string, string];
  await to.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await from.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
  const others = redis.masters.filter((each) => each !== from && each !== to);
  for (const each of [to, from, ...others]) await each.ask('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
}
