import { randomUUID } from 'node:crypto';
import { Hub } from 'aerie';
import { Endpoint } from 'aerie/endpoint';
import { createPresence, redisReplication } from 'aerie/presence';
import { redisNodes, redisPubSub } from 'aerie/redis';
import { lobbySocket } from './lobby.js';

const { PORT = '4100', REDIS_URL = 'redis://127.0.0.1:6379', NETWORK_ID = 'lobby', SECRET } = process.env;
const WITHIN_MS = 5_000;

// What the nodes share: broadcasts, who is alive, and who is present. In this order.
const redis = { url: REDIS_URL, networkId: NETWORK_ID };
const nodeId = randomUUID();
const pubsub = redisPubSub({ ...redis, nodeId });
await pubsub.ready(WITHIN_MS);
const nodes = redisNodes({ ...redis, nodeId, pubsub });
await nodes.ready(WITHIN_MS);
const replication = redisReplication({ ...redis, nodes, pubsub });
await replication.ready(WITHIN_MS);

const hub = new Hub(pubsub);
const presence = createPresence({ hub, diffIntervalMs: 100, replication });
const endpoint = new Endpoint({
  hub,
  mounts: [{ path: '/socket', open: lobbySocket(presence), origins: 'any' }],
  // The same on all nodes: it signs long-poll sessions. Left out, they end with the process.
  ...(SECRET && { secret: SECRET }),
});
const port = await endpoint.listen('127.0.0.1', Number(PORT));
process.stdout.write(`The lobby is at http://127.0.0.1:${port}/socket\n`);

process.once('SIGTERM', async () => {
  await endpoint.drain(1_000);
  endpoint.close();
  await presence.close();
  await nodes.close();
  await pubsub.close();
});
