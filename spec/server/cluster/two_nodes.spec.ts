import { randomUUID } from 'node:crypto';
import * as aerie from '../../../server/index.ts';
import { type RedisPubSub, redisPubSub } from '../../../server/pubsub/redis.ts';
import { type Served, serve } from '../../support/endpoint.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, LongPollClient, openLongPoll, type SocketClient } from '../../support/frames.ts';
import { proxyTo, type Proxy as TcpProxy } from '../../support/proxy.ts';
import { sharedRedisUrl } from '../../support/redis.ts';

const hall = aerie.channel({
  topic: 'hall:*',
  events: { say: aerie.anyPayload, tell: aerie.anyPayload, tag: aerie.anyPayload },
  join: () => aerie.accept({}),
  on: {
    say(payload, socket) {
      socket.broadcast('said', payload);
      return aerie.reply();
    },
    tell(payload, socket) {
      socket.broadcastOthers('told', payload);
      return aerie.reply();
    },
    tag(payload, socket) {
      socket.broadcast('tagged', payload);
    },
  },
  intercept: { tagged: (payload, socket) => socket.push('tagged', { ...Object(payload), seen: true }) },
});
const open = aerie.socket({
  connect: ({ params }) => aerie.connected({}, { ids: [`user:${params.user}`] }),
  channels: [hall],
});

interface Node extends Omit<Served, 'close'> {
  readonly pubsub: RedisPubSub;
  close(): Promise<void>;
}

let networkId: string;
let proxy: TcpProxy;
let a: Node;
let b: Node;

async function node(url: string): Promise<Node> {
  const pubsub = redisPubSub({ url, networkId, nodeId: randomUUID(), canaryMs: 100 });
  await pubsub.ready(5_000);
  const served = await serve(open, { pubsub });
  return {
    ...served,
    pubsub,
    async close() {
      served.close();
      await pubsub.close();
    },
  };
}

beforeEach(async () => {
  networkId = `spec-${randomUUID()}`;
  const { hostname, port } = new URL(sharedRedisUrl());
  proxy = await proxyTo({ host: hostname, port: Number(port) });
  [a, b] = await Promise.all([node(sharedRedisUrl()), node(proxy.url)]);
});
afterEach(async () => {
  await Promise.all([a.close(), b.close()]);
  await proxy.stop();
});

async function enter(where: Node, query = ''): Promise<SocketClient> {
  const client = await connect(`${where.socketUrl}${query}`);
  await client.send('["1","1","hall:1","phx_join",{}]');
  expect(String(await client.next())).toContain('"ok"');
  return client;
}
const heard = async (client: SocketClient) => JSON.parse(String(await client.next()));

it('a broadcast reaches the members of both nodes, each once and in order', async () => {
  const [here, there] = [await enter(a), await enter(b)];
  for (let i = 0; i < 50; i++) await here.send(`["1","2","hall:1","say",{"i":${i}}]`);
  for (let i = 0; i < 50; i++) {
    expect(await heard(here)).toEqual([null, null, 'hall:1', 'said', { i }]);
    expect((await heard(here))[4]).toEqual({ status: 'ok', response: {} });
    expect(await heard(there)).toEqual([null, null, 'hall:1', 'said', { i }]);
  }
  await Promise.all([here.close(), there.close()]);
});

it('a broadcast to others leaves out its sender only', async () => {
  const [here, beside, there] = [await enter(a), await enter(a), await enter(b)];
  await here.send('["1","2","hall:1","tell",{}]');
  expect((await heard(here))[3]).toBe('phx_reply');
  expect((await heard(beside))[3]).toBe('told');
  expect((await heard(there))[3]).toBe('told');
  await Promise.all([here, beside, there].map((client) => client.close()));
});

it('an intercepted event is handled by every member’s own channel on both nodes', async () => {
  const [here, there] = [await enter(a), await enter(b)];
  await here.send('["1","2","hall:1","tag",{"x":1}]');
  for (const client of [here, there]) {
    expect(await heard(client)).toEqual(['1', null, 'hall:1', 'tagged', { x: 1, seen: true }]);
  }
  await Promise.all([here.close(), there.close()]);
});

it('disconnect closes the sockets of an id on both nodes', async () => {
  const [here, there, other] = [await enter(a, '&user=1'), await enter(b, '&user=1'), await enter(b, '&user=2')];
  a.endpoint.disconnect('user:1');
  expect((await here.closed()).code).toBe(1001);
  expect((await there.closed()).code).toBe(1001);
  await other.send('["1","2","hall:1","say",{}]');
  expect((await heard(other))[3]).toBe('said');
  await other.close();
});

it('a long-poll session is served by a node that does not hold it', async () => {
  const here = await openLongPoll(a.longPollUrl);
  const there = new LongPollClient(b.longPollUrl, here.token);
  expect(await there.post('["1","1","hall:1","phx_join",{}]')).toBe(200);
  expect(await there.poll()).toMatchObject({
    status: 200,
    token: here.token,
    messages: [expect.stringContaining('"ok"')],
  });

  const waiting = there.poll();
  const talker = await enter(a);
  await talker.send('["1","2","hall:1","say",{"x":1}]');
  expect((await waiting).messages).toEqual(['[null,null,"hall:1","said",{"x":1}]']);

  expect(await there.post('["1","3","hall:1","say",{"x":2}]\n["1","4","hall:1","say",{"x":3}]')).toBe(200);
  const messages: string[] = [];
  await eventually(async () => {
    messages.push(...((await here.poll()).messages ?? []));
    expect(messages).toHaveLength(4);
  });
  await talker.close();
});

it('a poll that its client gave up on another node takes nothing with it', async () => {
  const here = await openLongPoll(a.longPollUrl);
  const there = new LongPollClient(b.longPollUrl, here.token);
  await here.post('["1","1","hall:1","phx_join",{}]');
  await here.poll();
  const giveUp = new AbortController();
  const abandoned = expect(there.poll(giveUp.signal)).rejects.toThrow();
  // A POST goes the same way, so the poll is there when it is answered; a stale message has no reply.
  await there.post('["stale","9","hall:1","say",{}]');
  giveUp.abort();
  await abandoned;
  await there.post('["1","2","hall:1","say",{"x":1}]');
  const messages: string[] = [];
  await eventually(async () => {
    messages.push(...((await here.poll()).messages ?? []));
    expect(messages).toHaveLength(2);
  });
});

it('a session of a node that is gone answers 410 with a new one', async () => {
  const here = await openLongPoll(a.longPollUrl);
  const there = new LongPollClient(b.longPollUrl, here.token);
  a.endpoint.close();
  const answer = await there.poll();
  expect(answer.status).toBe(410);
  expect(answer.token).not.toBe(here.token);
});

it('a node that lost its subscriber connection makes its clients join again, and they hear everything after that', async () => {
  const [here, there] = [await enter(a), await enter(b)];
  for (const connection of proxy.connections())
    if (connection.sent().includes('SUBSCRIBE') || /subscribe/i.test(connection.sent())) connection.end();
  expect(await heard(there)).toEqual(['1', '1', 'hall:1', 'phx_error', { reason: 'channel_crash' }]);
  await there.send('["2","2","hall:1","phx_join",{}]');
  expect((await heard(there))[4].status).toBe('ok');
  await here.send('["1","3","hall:1","say",{"x":1}]');
  expect(await heard(there)).toEqual([null, null, 'hall:1', 'said', { x: 1 }]);
  await Promise.all([here.close(), there.close()]);
});
