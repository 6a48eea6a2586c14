import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { keyPrefix } from '../../../server/redis/connect.ts';
import { StoreUnavailable } from '../../../server/store/port.ts';
import { openRedisStore, type RedisStore } from '../../../server/store/redis.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free_port.ts';
import { proxyTo, type Proxy as TcpProxy } from '../../support/proxy.ts';
import { ownRedis, sharedRedisUrl } from '../../support/redis.ts';
import { storeContract } from './contract.ts';

const newNetwork = () => `spec-${randomBytes(6).toString('hex')}`;
const READY_MS = 5_000;
/** A command's own time-out and a little more. */
const OUTAGE_SEEN_MS = 4_000;

async function forget(networkId: string) {
  const redis = new Redis(sharedRedisUrl());
  const found = await keysOf(redis, networkId);
  for (let at = 0; at < found.length; at += 1_000) await redis.del(found.slice(at, at + 1_000));
  await redis.quit();
}

async function keysOf(redis: Redis, networkId: string) {
  const found = new Set<string>();
  for await (const page of redis.scanStream({ match: `${keyPrefix(networkId)}*`, count: 1_000 })) {
    for (const key of page as string[]) found.add(key);
  }
  return [...found];
}

storeContract('redis', async () => {
  const networkId = newNetwork();
  const [store, peer] = [0, 1].map(() => openRedisStore({ url: sharedRedisUrl(), networkId })) as [
    RedisStore,
    RedisStore,
  ];
  await Promise.all([store.ready(READY_MS), peer.ready(READY_MS)]);
  return {
    store,
    peer,
    async discard() {
      await Promise.all([store.close(), peer.close()]);
      await forget(networkId);
    },
  };
});

describe('the redis store and its Redis', () => {
  const task = { kind: 'task', id: 't1' };
  let networkId: string;
  let redis: Redis;
  let proxy: TcpProxy;
  let store: RedisStore;
  const opened: RedisStore[] = [];

  beforeEach(async () => {
    networkId = newNetwork();
    redis = new Redis(sharedRedisUrl());
    const { hostname, port } = new URL(sharedRedisUrl());
    proxy = await proxyTo({ host: hostname, port: Number(port) });

    store = open(proxy.url);
    await store.ready(READY_MS);
  });
  afterEach(async () => {
    proxy.heal();
    await Promise.all(opened.splice(0).map((store) => store.close()));
    await proxy.stop();
    await redis.quit();
    await forget(networkId);
  });

  function open(url: string) {
    const store = openRedisStore({ url, networkId });
    opened.push(store);
    return store;
  }

  const everyCall = () => [
    store.read(task),
    store.readMany('task', ['a', 'b']),
    store.commit(task, 0, { fields: { a: '1' } }),
    store.commit(task, 0, { index: [{ index: 'i', key: 'k' }], deadlineMs: 1 }),
    store.range(task, 's', 0, 1),
    store.lookup('i', { limit: 1 }),
    store.claimDue('task', 1, 1_000),
    store.increment('c', 1),
    store.probe('node-1'),
    store.nowMs(),
    store.durability(),
  ];

  async function allUnavailable(calls: Promise<unknown>[]) {
    const started = Date.now();
    for (const call of await Promise.allSettled(calls)) {
      expect(call).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) });
      if (call.status === 'rejected') expect(call.reason.message).toMatch(/^Redis did not answer: [^\n]+$/);
    }
    expect(Date.now() - started).toBeLessThan(OUTAGE_SEEN_MS);
  }

  const worksAgain = () =>
    eventually(async () => {
      const { version } = await store.read(task);
      expect(await store.commit(task, version, { fields: { back: 'yes' } })).toMatchObject({ ok: true });
    });

  it('is unavailable while connections are refused, and works again by itself', async () => {
    const inFlight = everyCall();
    proxy.cut();
    await allUnavailable(inFlight);
    await allUnavailable(everyCall());
    proxy.heal();
    await worksAgain();
  });

  it('sends its scripts again when Redis has forgotten them, and applies each commit once', async () => {
    await store.commit(task, 0, { fields: { a: '1' } });
    await redis.script('FLUSH');
    const results = await Promise.all([
      ...Array.from({ length: 20 }, () =>
        store.commit(task, 1, { entries: [{ stream: 's', position: 1, value: 'v' }] }),
      ),
      store.claimDue('task', 1, 1_000),
    ]);
    expect(results.filter((result) => 'ok' in result && result.ok)).toMatchObject([{ ok: true, version: 2 }]);
    expect(await store.read(task)).toMatchObject({ version: 2 });
  });

  it('rejects with one line when no Redis answers in time, and is closed without one', async () => {
    const lost = open(`redis://user:secret@127.0.0.1:${await freePort()}`);
    await expect(lost.ready(300)).rejects.toThrow(
      /^Redis at 127\.0\.0\.1:\d+ is out of reach: [^\n]*ECONNREFUSED[^\n]*$/,
    );
    await expect(lost.ready(1)).rejects.toThrow(StoreUnavailable);
    await lost.close();
    await lost.close();
    await expect(lost.read(task)).rejects.toThrow(StoreUnavailable);
    await expect(lost.ready(1)).rejects.toThrow(StoreUnavailable);
  });

  it('waits for a Redis that comes later', async () => {
    proxy.cut();
    const early = open(proxy.url);
    const ready = early.ready(READY_MS);
    await expect(early.read(task)).rejects.toThrow(StoreUnavailable);
    proxy.heal();
    await ready;
    expect(await early.read(task)).toMatchObject({ version: 0 });
  });

  it('says that it does not know how durable Redis is where it may not ask', async () => {
    const user = randomBytes(6).toString('hex');
    await redis.call('ACL', 'SETUSER', user, 'on', '>pass', '~*', '+@all', '-config');
    const { host } = new URL(sharedRedisUrl());
    const limited = open(`redis://${user}:pass@${host}`);
    try {
      await limited.ready(READY_MS);
      expect(await limited.durability()).toBe('unknown');
    } finally {
      await limited.close();
      await redis.call('ACL', 'DELUSER', user);
    }
  });

  it('keeps all that one commit changes under one hash tag', async () => {
    await store.commit(task, 0, { fields: { a: '1' }, entries: [{ stream: 's', position: 1, value: 'v' }] });
    const prefix = keyPrefix(networkId);
    expect((await keysOf(redis, networkId)).sort()).toEqual([`${prefix}{task:t1}`, `${prefix}{task:t1}:s`]);
  });

  it('drops a deadline whose commit never came, once its aggregate has gone on, and leaves one that may still come', async () => {
    const deadlines = `${keyPrefix(networkId)}deadlines:task`;
    const [lost, pending] = [`t1\u00001.lost`, `t1\u00002.pending`];
    await store.commit(task, 0, { deadlineMs: 9e12 });
    await redis.zadd(deadlines, 1, lost, 2, pending);
    expect(await store.claimDue('task', 9, 60_000)).toEqual([]);
    await store.nowMs();
    expect(await redis.zscore(deadlines, lost)).toBeNull();
    expect(Number(await redis.zscore(deadlines, pending))).toBeLessThan((await store.nowMs()) + 2_000);
  });

  it('counts a place once that is there twice, for a moment or for good', async () => {
    const index = `${keyPrefix(networkId)}index:i`;
    const hits = ['a', 'b', 'c'].map((id) => ({ key: 'k', id }));
    for (const { id } of hits) await store.commit({ kind: 'task', id }, 0, { index: [{ index: 'i', key: 'k' }] });
    for (const token of ['0.z', '1.', '7.~'])
      await redis.zadd(index, 0, `k\u0000a\u0000${token}`, 0, `k\u0000c\u0000${token}`);
    expect(await store.lookup('i', { limit: 3 })).toEqual(hits);
    expect(await store.lookup('i', { limit: 9 })).toEqual(hits);
    expect(await store.lookup('i', { limit: 2, after: { key: 'k', id: 'a' } })).toEqual(hits.slice(1));
  });

  it('tells a commit that a failover has taken back from the one in its place', async () => {
    const key = `${keyPrefix(networkId)}{task:t1}`;
    await store.commit(task, 0, { fields: { a: '1' } });
    const before = await redis.dumpBuffer(key);
    const lost = await store.commit(task, 1, { fields: { a: 'lost' } });
    await redis.restore(key, 0, before, 'REPLACE');
    const other = open(sharedRedisUrl());
    await other.ready(READY_MS);
    const kept = await other.commit(task, 1, { fields: { a: 'kept' } });
    if (!lost.ok || !kept.ok) throw new Error('conflict');
    expect(await store.read(task)).toMatchObject({ version: lost.version, commitId: kept.commitId });
    const change = { fields: { a: 'next' } };
    expect(await store.commit(task, lost.version, change, lost.commitId)).toEqual({ ok: false, conflict: true });
    expect(await store.commit(task, kept.version, change, kept.commitId)).toMatchObject({ ok: true });
  });

  it('finds an aggregate at every moment of a move within an index, and once', async () => {
    const other = open(sharedRedisUrl());
    await other.ready(READY_MS);
    let isMoving = true;
    const moves = (async () => {
      for (let version = 0; version < 100; version++) {
        await store.commit(task, version, { index: [{ index: 'i', key: version % 2 ? 'x' : 'y' }] });
      }
      isMoving = false;
    })();
    await eventually(async () => expect(await other.lookup('i', { limit: 9 })).not.toEqual([]));
    while (isMoving) {
      const found = (await other.lookup('i', { limit: 9 })).map(({ key }) => key).join();
      expect(['x', 'y', 'x,y']).toContain(found);
    }
    await moves;
    await eventually(async () => expect(await other.lookup('i', { limit: 9 })).toEqual([{ key: 'x', id: 't1' }]));
  });

  it('is unavailable within the time-out when nothing comes back, those queued behind it too', async () => {
    proxy.blackhole();
    const first = everyCall();
    const second = new Promise<Promise<unknown>[]>((resolve) =>
      setImmediate(() => setImmediate(() => resolve(everyCall()))),
    );
    await allUnavailable(first);
    await allUnavailable(await second);
    await worksAgain();
  });

  it('is unavailable while Redis is stopped or paused, and works again with what it had', async () => {
    const server = await ownRedis();
    const its = open(server.url);
    try {
      await its.ready(READY_MS);
      expect(await its.commit(task, 0, { fields: { a: '1' } })).toMatchObject({ ok: true });
      expect(await its.durability()).toBe('appendonly everysec');

      server.pause();
      await expect(its.read(task)).rejects.toThrow(StoreUnavailable);
      await expect(its.commit(task, 1, {})).rejects.toThrow(StoreUnavailable);
      server.resume();
      const { version } = await eventually(() => its.read(task));

      const settings = new Redis(server.url);

      await settings.config('SET', 'appendfsync', 'always');
      await settings.quit();
      expect(await its.durability()).toBe('appendonly always');
      expect(await its.commit(task, version, { fields: { a: '2' } })).toMatchObject({ ok: true });

      await server.kill();
      await expect(its.read(task)).rejects.toThrow(StoreUnavailable);
      await server.start();
      expect(await eventually(() => its.read(task))).toMatchObject({ version: version + 1, fields: { a: '2' } });
      expect(await its.commit(task, version + 1, { fields: { a: '3' } })).toMatchObject({ ok: true });
    } finally {
      await its.close();
      await server.stop();
    }
  });
});
