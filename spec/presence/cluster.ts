import { createPresence, redisReplication } from '../../presence/index.ts';
import { redisNodes } from '../../server/nodes/redis.ts';
import { redisPubSub } from '../../server/pubsub/redis.ts';
import type { PresenceNode } from './contract.ts';
import { diffListeners } from './diff_listeners.ts';

export interface ClusterNode extends PresenceNode {
  readonly incarnation: () => string;
  close(): Promise<void>;
}

export interface ClusterOptions {
  readonly url: string;
  readonly networkId: string;
  readonly nodeId: string;
  readonly diffIntervalMs: number;
  readonly leaseMs?: number;
  readonly renewMs?: number;
  readonly patienceMs?: number;
  readonly canaryMs?: number;
  readonly syncMs?: number;
}

/** A node as `platform/node.ts` puts it together, without sockets. */
export async function openNode(options: ClusterOptions): Promise<ClusterNode> {
  const timings = { leaseMs: 3_000, renewMs: 50, canaryMs: 50, syncMs: 100, ...options };
  const pubsub = redisPubSub(timings);
  const nodes = redisNodes({ ...timings, pubsub });
  const replication = redisReplication({ ...timings, nodes, pubsub });
  await Promise.all([pubsub.ready(10_000), nodes.ready(10_000), replication.ready(10_000)]);
  const { onDiff, broadcastLocal } = diffListeners();
  const presence = createPresence({ hub: { broadcastLocal }, diffIntervalMs: options.diffIntervalMs, replication });
  return {
    presence,
    onDiff,
    incarnation: () => nodes.self.incarnation,
    async close() {
      await presence.close();
      await nodes.close();
      await pubsub.close();
    },
  };
}
