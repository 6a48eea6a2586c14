import type { NodeInfo, Nodes, PubSub } from '../server/index.ts';
import { connected, type RedisOptions } from '../server/redis/index.ts';
import type { Entry } from './entry.ts';
import { LocalShards } from './local_shard.ts';
import { PresenceUnavailable, type Replication } from './replication.ts';
import { ShardStore } from './shard_store.ts';
import { othersOf, type TopicChangeTarget, TopicReplica } from './topic_replica.ts';

export interface RedisReplicationOptions extends RedisOptions {
  /** Has its lease already: what is shared without one counts as left behind. Closed after this. */
  readonly nodes: Nodes;
  readonly pubsub: PubSub;
  /** Interval at which versions are compared with Redis. Default: 2 s. */
  readonly syncMs?: number;
}

export interface RedisReplication extends Replication {
  /** Resolves when Redis is connected. @throws PresenceUnavailable after `timeoutMs` */
  ready(timeoutMs: number): Promise<void>;
}

interface ReplicatedTopic {
  readonly replica: TopicReplica;
  loading: Promise<void> | undefined;
  loaded: boolean;
}

/**
 * Presences of all nodes by way of Redis. The truth about a node's entries is what that node has written; deltas over
 * pub/sub keep the others up to date, and comparing versions finds what was lost.
 */
export function redisReplication(options: RedisReplicationOptions): RedisReplication {
  const { nodes, pubsub, syncMs = 2_000, onTrouble } = options;
  const store = new ShardStore(options);
  const topics = new Map<string, ReplicatedTopic>();
  const incarnation = () => nodes.self.incarnation;
  const local = new LocalShards({ store, nodes, pubsub });
  let returned = false;
  let completed: string | undefined;
  let syncing = false;
  let lost = false;
  let closed = false;

  async function load(topic: ReplicatedTopic) {
    try {
      await topic.replica.load();
      topic.loaded = true;
    } catch (cause) {
      throw new PresenceUnavailable("other nodes' presences are out of reach", { cause });
    } finally {
      topic.loading = undefined;
    }
  }

  /** Compares what this node knows with Redis, both ways, and repairs what differs. */
  async function sync() {
    const wasLost = lost;
    lost = false;
    try {
      await local.retry();
      await sayComplete();
      await Promise.all(othersOf(nodes).map((node) => compare(node, wasLost)));
      await checkLocal();
      await store.removeLeft(incarnation());
    } catch (error) {
      lost ||= wasLost;
      throw error;
    }
  }

  async function compare(node: NodeInfo, wasLost: boolean) {
    const names = [...topics.keys()];
    const compared = [...topics.values()];
    const versions = await store.versions(node.incarnation, names);
    if (!othersOf(nodes).some((each) => each.incarnation === node.incarnation)) return;
    for (const [index, version] of versions.entries()) compared[index]?.replica.compare(node, version, wasLost);
  }

  /** Others wait for this after a return, before they believe that a shard is empty. */
  async function sayComplete() {
    const now = incarnation();
    if (!returned || completed === now || !local.complete) return;
    await store.complete(now);
    completed = now;
  }

  async function checkLocal() {
    const { settled, version } = local;
    if (!settled) return;
    const count = await store.count(incarnation());
    if (local.settled && local.version === version && count !== local.count) await local.writeAnew();
  }

  function syncNow(afterLoss: boolean) {
    lost ||= afterLoss;
    if (syncing || closed) return;
    syncing = true;
    sync().then(
      () => {
        syncing = false;
        if (lost) syncNow(true);
      },
      (error: Error) => {
        syncing = false;
        // A connection that is away tells of itself.
        if (store.connected) onTrouble?.(error);
      },
    );
  }

  store.redis.on('ready', () => syncNow(true));
  pubsub.onGap(() => syncNow(true));
  nodes.onReturn(() => {
    returned = true;
    syncNow(true);
  });
  nodes.onChange(({ joined, left }) => {
    for (const { replica } of topics.values()) replica.nodesChanged(joined, left);
  });
  const timer = setInterval(() => syncNow(lost), syncMs).unref();

  return {
    ready: (timeoutMs) =>
      connected(store.redis, timeoutMs).catch((error: Error) => {
        throw new PresenceUnavailable(`Redis is out of reach: ${error.message}`);
      }),

    follow(name: string, target: TopicChangeTarget) {
      let topic = topics.get(name);
      if (!topic) {
        const replica = new TopicReplica({ topic: name, store, pubsub, nodes, target });
        topic = { replica, loading: undefined, loaded: false };
        topics.set(name, topic);
      }
      if (topic.loaded) return undefined;
      topic.loading ??= load(topic);
      topic.loading.catch(() => {});
      return topic.loading;
    },

    unfollow(name): readonly Entry[] {
      const topic = topics.get(name);
      topics.delete(name);
      return topic?.replica.stop() ?? [];
    },

    record: (topic, change) => local.change(topic, change),
    flush: (topic) => void local.flush(topic),

    async close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      for (const { replica } of topics.values()) replica.stop();
      topics.clear();
      await local.retry();
      await store.remove(incarnation()).catch(() => {});
      store.redis.disconnect();
    },
  };
}
