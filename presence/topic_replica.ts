import type { NodeInfo, Nodes, PubSub, Subscription } from '../server/index.ts';
import { type Delta, decodeDelta, deltaTopic } from './delta.ts';
import type { Entry } from './entry.ts';
import type { EntryChange } from './group.ts';
import { type ChangeTarget, RemoteShard } from './remote_shard.ts';
import type { ShardStore } from './shard_store.ts';

/** Takes the changes of other nodes' entries. */
export interface TopicChangeTarget {
  apply(topic: string, change: EntryChange): void;
  /** For what belongs to the first load: nobody here was given a state of that topic yet. */
  applySilently(topic: string, change: EntryChange): void;
}

export interface TopicReplicaOptions {
  readonly topic: string;
  readonly store: Pick<ShardStore, 'isComplete' | 'read'>;
  readonly pubsub: PubSub;
  readonly nodes: Pick<Nodes, 'self' | 'live'>;
  readonly target: TopicChangeTarget;
}

/** The other nodes that live. */
export function othersOf(nodes: Pick<Nodes, 'self' | 'live'>): readonly NodeInfo[] {
  const { incarnation } = nodes.self;
  return nodes.live().filter((node) => node.incarnation !== incarnation);
}

/** A topic that is followed on this node: the shards that other nodes have in it. */
export class TopicReplica implements ChangeTarget {
  readonly #options: TopicReplicaOptions;
  readonly #shards = new Map<string, RemoteShard>();
  /** Shards that were behind when they were compared last, and the version they had. */
  readonly #behind = new WeakMap<RemoteShard, number>();
  #subscription: Subscription | undefined;
  #isFirstLoad = true;
  #stopped = false;

  constructor(options: TopicReplicaOptions) {
    this.#options = options;
  }

  /** First subscribes, then reads: a delta that comes in between waits for what is read. */
  async load() {
    try {
      const { pubsub, topic, nodes } = this.#options;
      const former = this.#subscription;
      this.#subscription = pubsub.subscribe(deltaTopic(topic), ({ event, payload }, nodeId) => {
        const delta = nodeId === pubsub.nodeId || event !== 'delta' ? undefined : decodeDelta(payload);
        if (delta) this.#receive(delta);
      });
      former?.stop();
      await this.#subscription.ready;
      await Promise.all(othersOf(nodes).map((node) => this.shard(node).load()));
    } finally {
      this.#isFirstLoad = false;
    }
  }

  /** @param adopted entries of a former incarnation of that node, which are shown until its shard is read */
  shard(node: NodeInfo, adopted?: ReadonlyMap<string, Entry>): RemoteShard {
    let shard = this.#shards.get(node.incarnation);
    if (!shard) {
      const { topic, store } = this.#options;
      const { incarnation } = node;
      shard = new RemoteShard({ topic, incarnation, store, target: this, adopted });
      this.#shards.set(incarnation, shard);
    }
    return shard;
  }

  /** Applies what has changed in one of its shards. */
  apply(change: EntryChange) {
    const { target, topic } = this.#options;
    if (this.#isFirstLoad) target.applySilently(topic, change);
    else target.apply(topic, change);
  }

  nodesChanged(joined: readonly NodeInfo[], left: readonly NodeInfo[]) {
    const leaves: Entry[] = [];
    for (const { incarnation, id } of left) {
      const shard = this.#shards.get(incarnation);
      if (!shard) continue;
      shard.stop();
      this.#shards.delete(incarnation);
      // The same process, which lost its lease and is back: most of its entries are the same, so nobody left.
      const successor = joined.find((node) => node.id === id);
      if (successor) this.shard(successor, shard.entries);
      else leaves.push(...shard.entries.values());
    }
    if (leaves.length > 0) this.apply({ joins: [], leaves });
    for (const node of joined) this.shard(node).load().catch(failed);
  }

  /**
   * Compares a shard with the version that Redis has of it. Behind is read again: at once after something was lost, else
   * only if it has not moved since it was behind the last time, as a delta may still be on its way.
   */
  compare(node: NodeInfo, version: number, lost: boolean) {
    if (this.#stopped) return;
    const shard = this.shard(node);
    if (!shard.known || (shard.version !== version && (lost || this.#behind.get(shard) === shard.version))) {
      this.#behind.delete(shard);
      shard.reload().catch(failed);
    } else if (shard.version !== version) this.#behind.set(shard, shard.version);
    else this.#behind.delete(shard);
  }

  /** @returns the entries that it knew */
  stop(): Entry[] {
    this.#stopped = true;
    this.#subscription?.stop();
    for (const shard of this.#shards.values()) shard.stop();
    return [...this.#shards.values()].flatMap(({ entries }) => [...entries.values()]);
  }

  #receive(delta: Delta) {
    // From a node that is new, its shard is read when it is known; from one that is gone, it must not come back.
    const node = othersOf(this.#options.nodes).find(({ incarnation }) => incarnation === delta.incarnation);
    if (node) this.shard(node).receive(delta);
  }
}

/** A shard that cannot be read now is read when shards are compared the next time. */
const failed = () => {};
