import type { Nodes, PubSub } from '../server/index.ts';
import { connected, type RedisOptions } from '../server/redis/index.ts';
import { encodeDelta } from './delta.ts';
import type { Entry } from './entry.ts';
import type { Change } from './group.ts';
import { OwnParts } from './local_shard.ts';
import { PresenceUnavailable, type Replication } from './replication.ts';
import { RedisParts } from './shard_store.ts';
import { deltaTopic, Followed } from './topic_replica.ts';

export interface RedisReplicationOptions extends RedisOptions {
  /** Has its lease already: what is shared without one counts as left behind. Closed after this. */
  readonly nodes: Nodes;
  readonly pubsub: PubSub;
  /** How often versions are compared with Redis. 2 s unless told. */
  readonly syncMs?: number;
}

export interface RedisReplication extends Replication {
  /** Resolves when Redis is connected. @throws PresenceUnavailable after `timeoutMs` */
  ready(timeoutMs: number): Promise<void>;
}

interface Topic {
  readonly followed: Followed;
  loading: Promise<void> | undefined;
  loaded: boolean;
}

/**
 * Presences of all nodes by way of Redis. The truth about a node's entries is what that node has written; deltas over
 * pub/sub keep the others up to date, and comparing versions finds what was lost.
 */
export function redisReplication(options: RedisReplicationOptions): RedisReplication {
  const { nodes, pubsub, syncMs = 2_000, onTrouble } = options;
  const parts = new RedisParts(options);
  const topics = new Map<string, Topic>();
  const incarnation = () => nodes.self.incarnation;
  const own = new OwnParts({
    parts,
    incarnation,
    publish: (topic, delta) => pubsub.publish(deltaTopic(topic), { event: 'delta', payload: encodeDelta(delta) }),
  });
  let remote: (topic: string, change: Change, silent: boolean) => void = () => {};
  let returned = false;
  let completed: string | undefined;
  let syncing = false;
  let lost = false;
  let closed = false;

  const others = () => nodes.live().filter((node) => node.incarnation !== incarnation());

  async function load(topic: Topic) {
    try {
      await topic.followed.load();
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
      await own.retry();
      await sayComplete();
      await Promise.all(others().map((node) => compare(node, wasLost)));
      await checkOwn();
      await parts.removeLeft(incarnation());
    } catch (error) {
      lost ||= wasLost;
      throw error;
    }
  }

  async function compare(node: ReturnType<typeof others>[number], wasLost: boolean) {
    const names = [...topics.keys()];
    const compared = [...topics.values()];
    const versions = await parts.versions(node.incarnation, names);
    if (!others().some((each) => each.incarnation === node.incarnation)) return;
    for (const [index, version] of versions.entries()) compared[index]?.followed.compare(node, version, wasLost);
  }

  /** Others wait for this after a return, before they believe that a part is empty. */
  async function sayComplete() {
    const now = incarnation();
    if (!returned || completed === now || !own.complete) return;
    await parts.complete(now);
    completed = now;
  }

  async function checkOwn() {
    const { settled, version } = own;
    if (!settled) return;
    const count = await parts.count(incarnation());
    if (own.settled && own.version === version && count !== own.count) await own.writeAnew();
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
        if (parts.connected) onTrouble?.(error);
      },
    );
  }

  parts.redis.on('ready', () => syncNow(true));
  pubsub.onGap(() => syncNow(true));
  nodes.onReturn(() => {
    returned = true;
    syncNow(true);
  });
  nodes.onChange(({ came, went }) => {
    for (const { followed } of topics.values()) followed.nodesChanged(came, went);
  });
  const timer = setInterval(() => syncNow(lost), syncMs).unref();

  return {
    ready: (timeoutMs) =>
      connected(parts.redis, timeoutMs).catch((error: Error) => {
        throw new PresenceUnavailable(`Redis is out of reach: ${error.message}`);
      }),

    start(listener) {
      remote = listener;
    },

    follow(name) {
      let topic = topics.get(name);
      if (!topic) {
        const followed = new Followed({
          topic: name,
          parts,
          pubsub,
          others,
          remote: (change, silent) => remote(name, change, silent),
        });
        topic = { followed, loading: undefined, loaded: false };
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
      return topic?.followed.stop() ?? [];
    },

    own: (topic, change) => own.change(topic, change),
    flush: (topic) => void own.flush(topic),

    async close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      for (const { followed } of topics.values()) followed.stop();
      topics.clear();
      await own.retry();
      await parts.remove(incarnation()).catch(() => {});
      parts.redis.disconnect();
    },
  };
}
