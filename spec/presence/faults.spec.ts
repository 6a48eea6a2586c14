import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { type Presence, PresenceUnavailable } from '../../presence/index.ts';
import { leaseKey } from '../../server/nodes/lease.ts';
import { keyPrefix } from '../../server/redis/connect.ts';
import { eventually } from '../support/eventually.ts';
import { type Proxy as BrokenLink, proxyTo, type Tapped } from '../support/proxy.ts';
import { ownRedis, sharedRedisUrl } from '../support/redis.ts';
import { TestChannel } from './client.ts';
import { type ClusterNode, type ClusterOptions, openNode } from './cluster.ts';
import { actions, join, Run, seenBy } from './contract.ts';

describe('presence when something breaks', () => {
  let networkId: string;
  let proxy: BrokenLink;
  let observer: Redis;
  let opened: ClusterNode[];

  beforeEach(async () => {
    networkId = randomUUID();
    const { hostname, port } = new URL(sharedRedisUrl());
    proxy = await proxyTo({ host: hostname, port: Number(port) });
    observer = new Redis(sharedRedisUrl());
    opened = [];
  });

  afterEach(async () => {
    proxy.heal();
    await Promise.all(opened.map(({ presence }) => eventually(() => reachesOthers(presence))));
    await closeAll();
    observer.disconnect();
    await proxy.stop();
  });

  async function closeAll() {
    await Promise.all(opened.splice(0).map((node) => node.close()));
    const left = await observer.keys(`${keyPrefix(networkId)}*`);
    if (left.length > 0) await observer.del(...left);
  }

  async function open(nodeId: string, options: Partial<ClusterOptions> = {}) {
    const node = await openNode({ url: sharedRedisUrl(), networkId, nodeId, diffIntervalMs: 20, ...options });
    opened.push(node);
    return node;
  }

  const isSubscriber = ({ sent }: Tapped) => sent().includes('subscribe');
  const keysSeen = ({ presence }: ClusterNode) => [...presence.keys('room')].sort();

  function track(node: ClusterNode, ...keys: string[]) {
    const channel = new TestChannel('room');
    for (const key of keys) node.presence.track(channel, key, { by: key });
    return channel;
  }

  /** Rejects while other nodes' presences cannot be had. */
  async function reachesOthers(presence: Presence) {
    const channel = new TestChannel(`room ${randomUUID()}`);
    await presence.follow(channel);
    channel.end();
  }

  it('goes on alone while Redis is away, and shares when it is back', async () => {
    const [far, near] = [await open('far'), await open('near', { url: proxy.url })];
    const [farMember, nearMember] = [await join(far, 'room'), await join(near, 'room')];
    track(near, 'before');
    await eventually(() => expect(keysSeen(far)).toEqual(['before']));

    proxy.cut();
    await eventually(() => expect(reachesOthers(near.presence)).rejects.toThrow(PresenceUnavailable));
    const channel = track(near, 'a', 'b');
    near.presence.update(channel, 'a', { by: 'a', again: true });
    near.presence.untrack(channel, 'b');
    track(far, 'c');
    await eventually(() => {
      expect(nearMember.member.metas.map(([key]) => key)).toEqual(['a', 'before']);
      expect(keysSeen(far)).toEqual(['before', 'c']);
    });

    proxy.heal();
    await eventually(() => {
      for (const node of [near, far]) expect(keysSeen(node)).toEqual(['a', 'before', 'c']);
      expect(nearMember.member.metas).toEqual(seenBy(far, 'room'));
      expect(farMember.member.metas).toEqual(seenBy(near, 'room'));
    });
  });

  it('brings what could not be had at the join as diffs, as soon as it can', async () => {
    const [far, near] = [await open('far'), await open('near', { url: proxy.url })];
    track(far, 'a');
    proxy.cut();
    const channel = new TestChannel('room');
    const seen: string[] = [];
    near.onDiff('room', (payload) => seen.push(...Object.keys(JSON.parse(payload).joins)));
    await eventually(() => expect(near.presence.follow(channel)).rejects.toThrow(PresenceUnavailable));
    expect(near.presence.state('room')).toBe('{}');
    proxy.heal();
    await eventually(() => expect(seen).toEqual(['a']));
    await eventually(() => expect(near.presence.follow(new TestChannel('room'))).toBeUndefined());
  });

  it('shows nobody twice and nobody missing after two nodes were cut apart and healed', async () => {
    const patient = { leaseMs: 400, patienceMs: 100 };
    const [far, near] = [await open('far', patient), await open('near', { ...patient, url: proxy.url })];
    const [farMember, nearMember] = [await join(far, 'room'), await join(near, 'room')];
    const moving = track(near, 'moves');
    track(near, 'stays');
    const leaving = track(near, 'leaves');
    const farLeaving = track(far, 'far leaves');
    await eventually(() => expect(keysSeen(far)).toHaveLength(4));
    const before = near.incarnation();

    proxy.cut();
    await eventually(() => expect(keysSeen(far)).toEqual(['far leaves']));
    moving.end();
    leaving.end();
    farLeaving.end();
    track(far, 'moves', 'comes');
    track(near, 'near comes');

    proxy.heal();
    const truth = ['comes', 'moves', 'near comes', 'stays'];
    await eventually(() => {
      expect(near.incarnation()).not.toBe(before);
      for (const node of [far, near]) expect(keysSeen(node)).toEqual(truth);
      for (const { member } of [farMember, nearMember]) expect(member.metas).toEqual(seenBy(far, 'room'));
      for (const [, metas] of nearMember.member.metas) expect(metas).toHaveLength(1);
    });
  });

  it('removes what a killed node had, in one diff per topic, and keeps whoever came back elsewhere', async () => {
    const quick = { leaseMs: 500 };
    const [far, near] = [await open('far', quick), await open('near', { ...quick, url: proxy.url })];
    const member = await join(far, 'room');
    track(near, ...Array.from({ length: 50 }, (_, index) => `agent ${index}`), 'moved');
    await eventually(() => expect(keysSeen(far)).toHaveLength(51));
    proxy.cut();
    const killed = near.incarnation();
    track(far, 'moved');
    const before = member.member.seen.length;
    await eventually(() => expect(keysSeen(far)).toEqual(['moved']));
    await eventually(() => expect(member.member.metas).toEqual(seenBy(far, 'room')));
    const leaves = member.member.seen.slice(before).filter((diff) => Object.keys(diff.leaves).length > 0);
    expect(leaves).toHaveLength(1);
    expect(Object.keys(leaves[0]?.leaves ?? {})).toHaveLength(51);
    expect(far.presence.get('room', 'moved')).toHaveLength(1);
    // And what it left in Redis.
    await eventually(async () =>
      expect(await observer.keys(`${keyPrefix(networkId)}presence:*${killed}*`)).toEqual([]),
    );
  });

  it('is rid of a killed node within 10 s with the timings of the product', async () => {
    const timings = { leaseMs: 5_000, renewMs: 1_000, canaryMs: 1_000, syncMs: 2_000, diffIntervalMs: 100 };
    const [far, near] = [await open('far', timings), await open('near', { ...timings, url: proxy.url })];
    await join(far, 'room');
    track(near, 'a');
    await eventually(() => expect(keysSeen(far)).toEqual(['a']));
    const killedAt = performance.now();
    proxy.cut();
    await eventually(() => expect(keysSeen(far)).toEqual([]), 15_000);
    expect(performance.now() - killedAt).toBeLessThan(10_000);
  });

  // The link that brings deltas is dead and nothing says so; commands work, so no lease is lost.
  it('finds what a silent subscriber connection did not bring', async () => {
    const [far, near] = [await open('far'), await open('near', { url: proxy.url, syncMs: 600_000 })];
    const { member } = await join(near, 'room');
    const channel = track(far, 'stays', 'goes');
    await eventually(() => expect(keysSeen(near)).toEqual(['goes', 'stays']));
    const before = near.incarnation();
    proxy.blackhole(isSubscriber);
    far.presence.untrack(channel, 'goes');
    track(far, 'comes');
    await eventually(() => expect(member.metas.map(([key]) => key)).toEqual(['comes', 'stays']));
    expect(near.incarnation()).toBe(before);
  });

  it('finds by comparing versions what was lost without any sign', async () => {
    const [far, near] = [await open('far', { url: proxy.url, canaryMs: 600_000 }), await open('near')];
    await join(near, 'room');
    track(far, 'first');
    await eventually(() => expect(keysSeen(near)).toEqual(['first']));
    // The publisher's connection swallows the delta; the write goes another way.
    proxy.blackhole(({ sent }) => sent().includes('publish'));
    track(far, 'lost');
    await eventually(() => expect(keysSeen(near)).toEqual(['first', 'lost']));
  });

  it('makes no diff out of an outage of Redis in which nobody left, though every lease ran out', async () => {
    const redis = await ownRedis();
    try {
      const options = { url: redis.url, leaseMs: 1_500 };
      const [a, b] = [await open('a', options), await open('b', options)];
      const members = [await join(a, 'room'), await join(b, 'room')];
      track(a, 'a');
      const leaving = track(b, 'b', 'leaves');
      await eventually(() => {
        for (const { member } of members) expect(member.metas).toHaveLength(3);
      });
      const [before, seen] = [a.incarnation(), members.map(({ member }) => member.seen.length)];

      await redis.kill();
      await new Promise((resolve) => setTimeout(resolve, 1_600));
      b.presence.untrack(leaving, 'leaves');
      await redis.start();
      await eventually(() => {
        expect(a.incarnation()).not.toBe(before);
        for (const node of [a, b]) expect(keysSeen(node)).toEqual(['a', 'b']);
      });
      track(a, 'after');
      await eventually(() => {
        for (const { member } of members) expect(member.metas).toEqual(seenBy(a, 'room'));
        expect(keysSeen(b)).toEqual(['a', 'after', 'b']);
      });
      for (const [index, { member }] of members.entries()) {
        const diffs = member.seen.slice(seen[index]);
        expect(diffs.map(({ leaves }) => Object.keys(leaves))).toEqual([['leaves'], []]);
        expect(diffs.map(({ joins }) => Object.keys(joins))).toEqual([[], ['after']]);
      }
    } finally {
      await closeAll();
      await redis.stop();
    }
  });

  it('writes again what Redis has lost', async () => {
    const [a, b] = [await open('a'), await open('b')];
    track(a, 'first');
    await join(b, 'room');
    const keys = await observer.keys(`${keyPrefix(networkId)}presence:*`);
    expect(keys.length).toBeGreaterThan(0);
    await observer.del(...keys);
    await eventually(async () => {
      const late = await join(await open(`late ${randomUUID()}`), 'room');
      expect(late.member.metas.map(([key]) => key)).toEqual(['first']);
    });
  });

  it('removes what incarnations without a lease have left, and nothing else', async () => {
    const a = await open('a');
    track(a, 'kept');
    const presenceKeys = `${keyPrefix(networkId)}presence:`;
    await observer.set(leaseKey(networkId, 'alive'), '');
    for (const each of ['dead', 'alive']) {
      await observer.hset(`${presenceKeys}{${each}}:versions`, 'room', 1);
      await observer.hset(`${presenceKeys}{${each}}:part:room`, '', 1);
    }
    await observer.hset(`${presenceKeys}owners`, 'dead', 'sharing', 'alive', 'sharing');
    await eventually(async () => {
      expect(await observer.keys(`${presenceKeys}{dead}*`)).toEqual([]);
      expect(await observer.hkeys(`${presenceKeys}owners`)).not.toContain('dead');
    });
    expect(await observer.keys(`${presenceKeys}{alive}*`)).toHaveLength(2);
    await eventually(async () => expect(await observer.keys(`${presenceKeys}{${a.incarnation()}}*`)).toHaveLength(2));
  });

  it('writes what one window gathers in one transaction', async () => {
    const near = await open('near', { url: proxy.url, diffIntervalMs: 50 });
    track(near, 'first');
    const written = () => proxy.connections().map(({ sent }) => sent().match(/\bmulti\b/gi)?.length ?? 0);
    await eventually(() => expect(observer.keys(`${keyPrefix(networkId)}presence:*part*`)).resolves.toHaveLength(1));
    const before = written();
    const channels = Array.from({ length: 200 }, (_, index) => track(near, `agent ${index}`));
    for (const [index, channel] of channels.entries()) if (index % 2) channel.end();
    await eventually(async () => {
      const [part] = await observer.keys(`${keyPrefix(networkId)}presence:*part*`);
      expect(await observer.hlen(part ?? '')).toBe(1 + 1 + 100);
    });
    const more = written().map((count, index) => count - (before[index] ?? 0));
    expect(more.reduce((sum, count) => sum + count, 0)).toBe(1);
  });

  it('converges on the truth, whatever happens before, during and after a cut', async () => {
    const quick = { leaseMs: 300, patienceMs: 100, diffIntervalMs: 5 };
    const nodes = [await open('far', quick), await open('near', { ...quick, url: proxy.url })];
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        actions(nodes.length),
        actions(nodes.length),
        actions(nodes.length),
        fc.constantFrom('no lease lost', 'lease lost', 'subscriber silent'),
        async (before, during, after, cut) => {
          const topic = `room ${round++}`;
          const run = new Run(nodes, topic);
          await eventually(() => Promise.all(nodes.map(({ presence }) => reachesOthers(presence))));
          const members = await Promise.all(nodes.map((node) => join(node, topic)));
          const without = (list: typeof before) => list.filter(({ type }) => type !== 'join');
          for (const action of before) await run.take(action);
          if (cut === 'subscriber silent') proxy.blackhole(isSubscriber);
          else proxy.cut();
          for (const action of without(during)) await run.take(action);
          if (cut === 'lease lost') await new Promise((resolve) => setTimeout(resolve, 400));
          proxy.heal();
          for (const action of without(after)) await run.take(action);
          await eventually(() => {
            for (const node of nodes) expect(seenBy(node, topic)).toEqual(run.truth());
            for (const { member } of [...members, ...run.joined]) expect(member.metas).toEqual(run.truth());
          }, 8_000);
          for (const { channel } of [...members, ...run.joined]) channel.end();
          run.end();
        },
      ),
      { numRuns: 12, endOnFailure: true },
    );
  }, 60_000);
});
