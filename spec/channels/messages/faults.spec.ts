import {
  type Aerie,
  folder,
  onRedis,
  type Place,
  registerAgent,
  startAerie,
  type TestAgent,
} from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import type { Client, Topic } from '../../support/official_client.ts';
import { proxyTo, type Proxy as TcpProxy } from '../../support/proxy.ts';
import { ownRedis, type RedisServer } from '../../support/redis.ts';
import { idsArrived, joinInbox } from './inbox_client.ts';

let clients: Client[];
beforeEach(() => {
  clients = [];
});

async function enter(node: Aerie, agent: TestAgent): Promise<Topic> {
  const { client, topic } = await joinInbox(node, agent);
  clients.push(client);
  return topic;
}

const post = (node: Aerie, from: TestAgent, to: TestAgent, id: string) =>
  node
    .call('POST', '/api/messages', from.apiKey, { id, to_agent_id: to.id, type: 'greeting', payload: 'hello' })
    .catch(() => ({ status: 0 }));

const isReady = (node: Aerie) =>
  eventually(async () => expect((await node.call('GET', '/ready')).status).toBe(200), 10_000);

describe('on two nodes with a Redis that comes and goes', () => {
  let redis: RedisServer;
  let proxy: TcpProxy;
  let place: Place;
  /** Talks to Redis directly. */
  let a: Aerie;
  /** Talks to Redis through the proxy. */
  let b: Aerie;
  let ada: TestAgent;
  let bob: TestAgent;

  beforeEach(async () => {
    redis = await ownRedis();
    proxy = await proxyTo({ host: '127.0.0.1', port: redis.port });
    place = onRedis(redis.url);
    a = await startAerie({ ...place.env, HTTP_RATE_LIMIT: '0' });
    b = await startAerie({ ...place.env, REDIS_URL: proxy.url, HTTP_RATE_LIMIT: '0' });
    [ada, bob] = [await registerAgent(a), await registerAgent(a)];
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all([a.stop(), b.stop()]);
    await proxy.stop();
    await redis.stop();
  });

  it('the node of a sender killed: what it accepted arrives, on the other node', async () => {
    const bobs = await enter(b, bob);
    const sending = Array.from({ length: 200 }, (_, at) => post(a, ada, bob, `m-${at}`));
    await eventually(() => expect(idsArrived(bobs).length).toBeGreaterThan(20));
    a.signal('SIGKILL');
    const accepted = (await Promise.all(sending)).flatMap(({ status }, at) => (status === 201 ? [`m-${at}`] : []));
    await eventually(() => expect(idsArrived(bobs)).toEqual(expect.arrayContaining(accepted.slice(0, 100))), 15_000);
    for (const id of accepted.slice(0, 100)) await bobs.push('acknowledge', { message_id: id });
    await eventually(() => expect(idsArrived(bobs)).toEqual(expect.arrayContaining(accepted)), 15_000);
    // A retry finds them, and finishes the rest.
    for (let at = 0; at < 200; at++) expect([200, 201]).toContain((await post(b, ada, bob, `m-${at}`)).status);
  }, 60_000);

  it('Redis killed: sending and acknowledging are refused, and a retry does both once', async () => {
    const bobs = await enter(a, bob);
    expect((await post(a, ada, bob, 'm-1')).status).toBe(201);
    await eventually(() => expect(idsArrived(bobs)).toEqual(['m-1']));
    // What was acknowledged within the last second of `appendfsync everysec` is Redis' to lose.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await redis.kill();
    await expect(bobs.push('acknowledge', { message_id: 'm-1' })).rejects.toMatchObject({ reason: 'unavailable' });
    expect((await post(b, ada, bob, 'm-2')).status).toBe(503);
    await redis.start();
    await Promise.all([isReady(a), isReady(b)]);
    expect([200, 201]).toContain((await post(b, ada, bob, 'm-2')).status);
    await eventually(() => bobs.push('acknowledge', { message_id: 'm-1' }));
    await eventually(() => expect(new Set(idsArrived(bobs))).toEqual(new Set(['m-1', 'm-2'])), 10_000);
    await eventually(() => bobs.push('acknowledge', { message_id: 'm-2' }));
    // The notice goes out at most once, and the sender's channel may be joining again; what it says can be read.
    const { body } = await a.call('GET', '/api/messages/m-2', ada.apiKey);
    expect(body).toMatchObject({ message: { status: 'acknowledged' } });
    const again = await enter(b, bob);
    expect(await again.joined).toMatchObject({ pending: 0 });
  }, 60_000);

  it('only the subscriber connection cut: the client joins again and finds what it missed', async () => {
    const bobs = await enter(b, bob);
    for (const connection of proxy.connections()) if (/subscribe/i.test(connection.sent())) connection.end();
    const sending = Array.from({ length: 10 }, (_, at) => post(a, ada, bob, `m-${at}`));
    expect((await Promise.all(sending)).every(({ status }) => status === 201)).toBe(true);
    await eventually(() => expect(new Set(idsArrived(bobs)).size).toBe(10), 10_000);
  });
});

describe('on the embedded store', () => {
  it('a server killed again and again: what it accepted is there, what it acknowledged is not', async () => {
    const place = await folder();
    let node = await startAerie({ ...place.env, HTTP_RATE_LIMIT: '0' });
    const [ada, bob] = [await registerAgent(node), await registerAgent(node)];
    const accepted = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const sending = Array.from({ length: 100 }, async (_, at) => {
        const { status } = await post(node, ada, bob, `m-${round}-${at}`);
        if (status === 201) accepted.add(`m-${round}-${at}`);
      });
      await eventually(() => expect(accepted.size).toBeGreaterThan(round * 40 + 5));
      node.signal('SIGKILL');
      await Promise.all([...sending, node.exit]);
      node = await startAerie({ ...place.env, HTTP_RATE_LIMIT: '0' });
    }
    const bobs = await enter(node, bob);
    const done = new Set<string>();
    // By name, not by number: what was stored when the answer got lost is there too.
    while ([...accepted].some((id) => !done.has(id))) {
      await eventually(() => expect(idsArrived(bobs).some((id) => !done.has(id))).toBe(true), 10_000);
      for (const id of idsArrived(bobs).filter((id) => !done.has(id))) {
        expect(await bobs.push('acknowledge', { message_id: id })).toEqual({});
        done.add(id);
      }
    }
    node.signal('SIGKILL');
    await node.exit;
    await Promise.all(clients.map((client) => client.close()));
    clients = [];
    node = await startAerie(place.env);
    const again = await enter(node, bob);
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const id of idsArrived(again)) expect(done.has(id)).toBe(false);
    await Promise.all(clients.map((client) => client.close()));
    await node.stop();
    await place.remove();
  }, 60_000);
});
