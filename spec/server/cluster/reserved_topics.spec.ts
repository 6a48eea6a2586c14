import { randomUUID } from 'node:crypto';
import * as aerie from '../../../server/index.ts';
import { type RedisPubSub, redisPubSub } from '../../../server/pubsub/redis.ts';
import { reservedTopics } from '../../../server/reserved_topics.ts';
import { type Served, serve } from '../../support/endpoint.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, type SocketClient } from '../../support/frames.ts';
import { sharedRedisUrl } from '../../support/redis.ts';

/** A channel that lets any client join any topic, and broadcasts whatever a member sends. */
const anything = aerie.channel({
  topic: '*',
  events: {},
  join: () => aerie.accept({}),
  on: {},
  unknownEvent(event, payload, socket) {
    socket.broadcast(event, payload);
    return aerie.reply();
  },
});
const open = aerie.socket({
  connect: ({ params }) => aerie.connected({}, { ids: [`user:${params.user}`] }),
  channels: [anything],
});

let networkId: string;
let pubsubs: RedisPubSub[];
let nodes: Served[];

async function node(): Promise<Served> {
  const pubsub = redisPubSub({ url: sharedRedisUrl(), networkId, nodeId: randomUUID(), canaryMs: 100 });
  pubsubs.push(pubsub);
  await pubsub.ready(5_000);
  return serve(open, { pubsub });
}

beforeEach(async () => {
  networkId = `spec-${randomUUID()}`;
  pubsubs = [];
  nodes = [await node(), await node()];
  await Promise.all(pubsubs.map((pubsub) => pubsub.ready(5_000)));
});
afterEach(async () => {
  for (const { close } of nodes) close();
  await Promise.all(pubsubs.map((pubsub) => pubsub.close()));
});

async function enter(at: number, user: string): Promise<SocketClient> {
  const client = await connect(`${nodes[at]?.socketUrl}&user=${user}`);
  await client.send('["1","1","hall","phx_join",{}]');
  expect(String(await client.next())).toContain('"ok"');
  return client;
}

/** Says something in the hall until the other has heard it: what was published before on these two nodes has arrived. */
async function hears(victim: SocketClient, attacker: SocketClient) {
  await attacker.send('["1","said","hall","said",{}]');
  expect(JSON.parse(String(await victim.next()))).toEqual([null, null, 'hall', 'said', {}]);
}

const attacks: readonly [topic: string, event: string, payload: object][] = [
  ['disconnect', 'disconnect', { id: 'user:victim' }],
  ['\0lost', 'lost', {}],
  ['\0nodes', 'went', {}],
  ['\0presence:hall', 'delta', {}],
];

it.each(attacks)(
  'a client cannot join %j where a channel takes any topic, nor relay to it',
  async (topic, event, payload) => {
    const [victims, attacker] = [[await enter(0, 'victim'), await enter(1, 'victim')], await enter(0, 'attacker')];
    await attacker.send(JSON.stringify(['9', '9', topic, 'phx_join', {}]));
    const refused = { status: 'error', response: { reason: 'unmatched topic' } };
    expect(JSON.parse(String(await attacker.next()))).toEqual([null, '9', topic, 'phx_reply', refused]);
    await attacker.send(JSON.stringify(['9', '10', topic, event, payload]));
    expect(JSON.parse(String(await attacker.next()))).toEqual([null, '10', topic, 'phx_reply', refused]);
    for (const victim of victims) await hears(victim, attacker);
    for (const client of [...victims, attacker]) await client.close();
  },
);

it('an author cannot broadcast to one, and is told what to do', () => {
  const [{ endpoint }] = nodes as [Served, Served];
  const toClose = 'broadcast `disconnect` to one of their ids, or call disconnect(id)';
  expect(() => endpoint.broadcast('disconnect', 'disconnect', { id: 'user:victim' })).toThrow(toClose);
  expect(() => endpoint.broadcast('\0lost', 'lost', {})).toThrow('choose a topic');
  expect(() => endpoint.hub.broadcastLocal('longpoll_requests:n', 'poll', '{}')).toThrow('choose a topic');
});

it('another event on one changes nothing: who listens there looks at the event too', async () => {
  const [victim, attacker] = [await enter(1, 'victim'), await enter(0, 'attacker')];
  const [{ endpoint }] = nodes as [Served, Served];
  const [here, there] = pubsubs as [RedisPubSub, RedisPubSub];
  let gaps = 0;
  there.onGap(() => gaps++);
  const payload = JSON.stringify({ id: 'user:victim' });
  for (const topic of [reservedTopics.disconnect, reservedTopics.lost])
    here.publish(topic, { event: 'relayed', payload });
  await hears(victim, attacker);
  expect(gaps).toBe(0);
  // What they would have been.
  here.publish(reservedTopics.lost, { event: 'lost', payload: '{}' });
  await eventually(() => expect(gaps).toBe(1));
  endpoint.disconnect('user:victim');
  expect((await victim.ended()).code).toBe(1001);
  await attacker.close();
});
