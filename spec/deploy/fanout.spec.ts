import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import * as aerie from '../../server/index.ts';
import { redisPubSub } from '../../server/pubsub/redis.ts';
import { keyPrefix } from '../../server/redis/connect.ts';
import { type Served, serve } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { connect, type SocketClient } from '../support/frames.ts';
import { ownRedis, type RedisServer } from '../support/redis.ts';

// What a broadcast costs, by Redis' own statistics.

const BROADCASTS = 200;
const MEMBERS_PER_NODE = 5;
const open = aerie.socket({
  connect: () => aerie.connected({}, {}),
  channels: [aerie.channel({ topic: 'hall:*', events: {}, join: () => aerie.accept({}), on: {} })],
});

let redis: RedisServer;
let asks: Redis;
type Node = Served & { end(): Promise<void> };
let nodes: Node[];
const networkId = randomUUID();

beforeAll(async () => {
  redis = await ownRedis();
  asks = new Redis(redis.url);
  nodes = await Promise.all(
    [1, 2, 3, 4].map(async (at) => {
      // No canaries but the first: they are messages too.
      const pubsub = redisPubSub({ url: redis.url, networkId, nodeId: `n${at}`, canaryMs: 600_000 });
      await pubsub.ready(5_000);
      const served = await serve(open, { pubsub });
      const end = () => {
        served.close();
        return pubsub.close();
      };
      return { ...served, end };
    }),
  );
});
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.end()));
  asks.disconnect();
  await redis.stop();
});

async function published(): Promise<number> {
  return Number(/cmdstat_publish:calls=(\d+)/.exec(await asks.info('commandstats'))?.[1] ?? 0);
}

async function enter(node: Served): Promise<SocketClient> {
  const client = await connect(node.socketUrl);
  await client.send('["1","2","hall:1","phx_join",{}]');
  await client.next();
  return client;
}

it('a broadcast is one message to Redis, whatever the members, and goes to the nodes that have some', async () => {
  const [first, second, third] = nodes as [Node, Node, Node, Node];
  const members = await Promise.all(
    [first, second, third].flatMap((node) => Array.from({ length: MEMBERS_PER_NODE }, () => enter(node))),
  );
  const topic = `${keyPrefix(networkId)}topic:hall:1`;
  await eventually(async () => expect(await asks.pubsub('NUMSUB', topic)).toEqual([topic, 3]));

  const before = await published();
  for (let at = 0; at < BROADCASTS; at++) first.endpoint.broadcast('hall:1', 'said', { at });
  await eventually(() => {
    for (const member of members) expect(member.frames).toHaveLength(1 + BROADCASTS);
  });
  expect((await published()) - before).toBe(BROADCASTS);

  // A node whose last member has left is told nothing any more; the fourth never was.
  await Promise.all(members.slice(-MEMBERS_PER_NODE).map((member) => member.close()));
  await eventually(async () => expect(await asks.pubsub('NUMSUB', topic)).toEqual([topic, 2]));
  await Promise.all(members.map((member) => member.close()));
});
