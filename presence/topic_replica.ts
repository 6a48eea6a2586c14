import { internalTopic, type NodeInfo, type PubSub, type Subscription } from '../server/index.ts';
import { type Delta, decodeDelta } from './delta.ts';
import type { Entry } from './entry.ts';
import type { Change } from './group.ts';
import { RemotePart } from './remote_shard.ts';
import type { RedisParts } from './shard_store.ts';

/** Nodes tell each other of a topic's presences beside it. */
export const deltaTopic = (topic: string) => internalTopic(`presence:${topic}`);

export interface FollowedOptions {
  readonly topic: string;
  readonly parts: Pick<RedisParts, 'isComplete' | 'read'>;
  readonly pubsub: PubSub;
  /** The other nodes that live. */
  readonly others: () => readonly NodeInfo[];
  readonly remote: (change: Change, silent: boolean) => void;
}

/** A topic that is followed on this node: the parts that other nodes have in it. */
export class Followed {
  readonly #options: FollowedOptions;
  readonly #parts = new Map<string, RemotePart>();
  /** Parts that were behind when they were compared last, and the version they had. */
  readonly #behind = new WeakMap<RemotePart, number>();
  #subscription: Subscription | undefined;
  #first = true;
  #stopped = false;

  constructor(options: FollowedOptions) {
    this.#options = options;
  }

  /** First subscribes, then reads: a delta that comes in between waits for what is read. */
  async load() {
    try {
      const { pubsub, topic, others } = this.#options;
      const former = this.#subscription;
      this.#subscription = pubsub.subscribe(deltaTopic(topic), ({ event, payload }, nodeId) => {
        const delta = nodeId === pubsub.nodeId || event !== 'delta' ? undefined : decodeDelta(payload);
        if (delta) this.#receive(delta);
      });
      former?.stop();
      await this.#subscription.ready;
      await Promise.all(others().map((node) => this.part(node).load()));
    } finally {
      this.#first = false;
    }
  }

  /** @param adopted entries of a former incarnation of that node, which are shown until its part is read */
  part(node: NodeInfo, adopted?: ReadonlyMap<string, Entry>): RemotePart {
    let part = this.#parts.get(node.incarnation);
    if (!part) {
      part = new RemotePart({
        adopted,
        read: () => this.#read(node.incarnation, adopted !== undefined),
        changed: (change) => this.#options.remote(change, this.#first),
      });
      this.#parts.set(node.incarnation, part);
    }
    return part;
  }

  nodesChanged(came: readonly NodeInfo[], went: readonly NodeInfo[]) {
    const leaves: Entry[] = [];
    for (const { incarnation, id } of went) {
      const part = this.#parts.get(incarnation);
      if (!part) continue;
      part.stop();
      this.#parts.delete(incarnation);
      // The same process, which lost its lease and is back: most of its entries are the same, so nobody left.
      const successor = came.find((node) => node.id === id);
      if (successor) this.part(successor, part.entries);
      else leaves.push(...part.entries.values());
    }
    if (leaves.length > 0) this.#options.remote({ joins: [], leaves }, this.#first);
    for (const node of came) this.part(node).load().catch(failed);
  }

  /**
   * Compares a part with the version that Redis has of it. Behind is read again: at once after something was lost, else
   * only if it has not moved since it was behind the last time, as a delta may still be on its way.
   */
  compare(node: NodeInfo, version: number, lost: boolean) {
    if (this.#stopped) return;
    const part = this.part(node);
    if (!part.known || (part.version !== version && (lost || this.#behind.get(part) === part.version))) {
      this.#behind.delete(part);
      part.reload().catch(failed);
    } else if (part.version !== version) this.#behind.set(part, part.version);
    else this.#behind.delete(part);
  }

  /** @returns the entries that it knew */
  stop(): Entry[] {
    this.#stopped = true;
    this.#subscription?.stop();
    for (const part of this.#parts.values()) part.stop();
    return [...this.#parts.values()].flatMap(({ entries }) => [...entries.values()]);
  }

  #receive(delta: Delta) {
    // From a node that is new, its part is read when it is known; from one that is gone, it must not come back.
    const node = this.#options.others().find(({ incarnation }) => incarnation === delta.incarnation);
    if (node) this.part(node).receive(delta);
  }

  async #read(incarnation: string, adopted: boolean) {
    const { parts, topic } = this.#options;
    // A node that is back writes its parts one by one: until it is through, nothing there does not mean nothing.
    const complete = !adopted || (await parts.isComplete(incarnation));
    const part = await parts.read(incarnation, topic);
    return complete || (part && part.version > 0) ? part : undefined;
  }
}

/** A part that cannot be read now is read when parts are compared the next time. */
const failed = () => {};
