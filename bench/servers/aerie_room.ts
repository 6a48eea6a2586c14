// Aerie's framework as docs/framework.md builds a server on it: rooms, and topics on which members are present.
import { randomUUID } from 'node:crypto';
import { createPresence, type Presence, redisReplication } from '../../presence/index.ts';
import { Endpoint } from '../../server/endpoint/index.ts';
import { accept, anyPayload, channelsFor, connected, Hub, reply, socket } from '../../server/index.ts';
import { redisNodes, redisPubSub } from '../../server/redis/index.ts';

const { PORT = '4100', REDIS_URL, NETWORK_ID = 'bench' } = process.env;
const WITHIN_MS = 10_000;
const DIFF_INTERVAL_MS = 100;

const room = channelsFor<object>()({
  topic: 'room:*',
  events: { shout: anyPayload, echo: anyPayload },
  join: () => accept({}, {}),
  on: {
    shout: (payload, me) => me.broadcast('shout', payload),
    echo: (payload) => reply(payload),
  },
});

interface CrowdParams {
  /** Left out: not present, but told who is. */
  readonly name?: string;
  readonly wantsState?: boolean;
}

/** Whoever has a name is present. One member can fill the topic with names, so that it is large before others come. */
const crowd = (presence: Presence) =>
  channelsFor<object>()({
    topic: 'crowd:*',
    events: { fill: anyPayload },
    async join({ params, socket: me }) {
      const { name, wantsState = false }: CrowdParams = Object(params);
      await presence.follow(me);
      return accept({ name, wantsState }, {});
    },
    joined(me) {
      const { name, wantsState } = me.assigns;
      if (wantsState) me.pushSnapshot('presence_state', presence.state(me.topic));
      if (name !== undefined) presence.track(me, name, { status: 'online' });
    },
    on: {
      fill(payload, me) {
        const { count }: { readonly count: number } = Object(payload);
        for (let i = 0; i < count; i++) presence.track(me, `member-${i}`, { status: 'online' });
        return reply();
      },
    },
  });

async function shared(url: string) {
  const redis = { url, networkId: NETWORK_ID };
  const nodeId = randomUUID();
  const pubsub = redisPubSub({ ...redis, nodeId });
  await pubsub.ready(WITHIN_MS);
  const nodes = redisNodes({ ...redis, nodeId, pubsub });
  await nodes.ready(WITHIN_MS);
  const replication = redisReplication({ ...redis, nodes, pubsub });
  await replication.ready(WITHIN_MS);
  return { pubsub, replication };
}

const redis = REDIS_URL === undefined ? undefined : await shared(REDIS_URL);
const hub = new Hub(redis?.pubsub);
const presence = createPresence({
  hub,
  diffIntervalMs: DIFF_INTERVAL_MS,
  ...(redis && { replication: redis.replication }),
});
const endpoint = new Endpoint({
  hub,
  mounts: [
    {
      path: '/socket',
      open: socket<object>({ connect: () => connected({}, { ids: [] }), channels: [room, crowd(presence)] }),
      origins: 'any',
      longpoll: { windowMs: 10_000 },
    },
  ],
});
await endpoint.listen('127.0.0.1', Number(PORT));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));
