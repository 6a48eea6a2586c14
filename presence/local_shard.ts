import type { Nodes, PubSub } from '../server/index.ts';
import { type Delta, deltaTopic, encodeDelta } from './delta.ts';
import type { Entry } from './entry.ts';
import type { EntryChange } from './group.ts';
import type { ShardStore } from './shard_store.ts';

interface LocalShard {
  readonly topic: string;
  readonly entries: Map<string, Entry>;
  /** Changes not written yet, by ref: an entry to add, or undefined for one to remove. */
  unwritten: Map<string, Entry | undefined>;
  version: number;
  /** The incarnation under which it was written last. */
  incarnation: string | undefined;
  /** True if it is unknown what Redis has, so the next write is of the whole shard. */
  anew: boolean;
  writing: Promise<void> | undefined;
}

const fresh = { incarnation: undefined, anew: false, writing: undefined };

export interface LocalShardsOptions {
  readonly store: Pick<ShardStore, 'connected' | 'change' | 'replace'>;
  readonly nodes: Pick<Nodes, 'self'>;
  readonly pubsub: Pick<PubSub, 'publish'>;
}

/**
 * Writes this node's entries, and publishes what is written: whoever reads a shard after its delta finds the delta in it. One write per topic is under way at a time, and takes with it all that has come up meanwhile.
 */
export class LocalShards {
  readonly #options: LocalShardsOptions;
  readonly #topics = new Map<string, LocalShard>();
  #version = 0;

  constructor(options: LocalShardsOptions) {
    this.#options = options;
  }

  change(topic: string, { joins, leaves }: EntryChange) {
    let shard = this.#topics.get(topic);
    if (!shard) {
      shard = { topic, entries: new Map(), unwritten: new Map(), version: 0, ...fresh };
      this.#topics.set(topic, shard);
    }
    for (const entry of joins) {
      shard.entries.set(entry.ref, entry);
      shard.unwritten.set(entry.ref, entry);
    }
    for (const { ref } of leaves) {
      shard.entries.delete(ref);
      // A ref is added once, so one that waits to be added is in no version that anybody has.
      if (!shard.unwritten.delete(ref)) shard.unwritten.set(ref, undefined);
    }
  }

  /** Resolves after one attempt, which need not have taken what was changed since it began. */
  flush(topic: string): Promise<void> | undefined {
    const shard = this.#topics.get(topic);
    return shard && this.#write(shard);
  }

  /** Writes what could not be written, or was written under an incarnation that is gone. */
  async retry() {
    await Promise.all([...this.#topics.values()].map(({ writing }) => writing));
    await Promise.all([...this.#topics.values()].map((shard) => this.#write(shard)));
  }

  /** Redis has lost what was written. */
  async writeAnew() {
    for (const shard of this.#topics.values()) shard.anew = true;
    await this.retry();
  }

  /** True if all that was ever written is written under the incarnation of now. */
  get complete(): boolean {
    const now = this.#incarnation;
    for (const { incarnation } of this.#topics.values()) if (incarnation && incarnation !== now) return false;
    return true;
  }

  get settled(): boolean {
    for (const shard of this.#topics.values()) if (shard.writing || this.#due(shard)) return false;
    return true;
  }

  /** Number of shards that Redis has once all is written. */
  get count(): number {
    return this.#topics.size;
  }

  /** Grows with every write. */
  get version(): number {
    return this.#version;
  }

  #due({ anew, unwritten, incarnation }: LocalShard): boolean {
    return anew || unwritten.size > 0 || (incarnation !== undefined && incarnation !== this.#incarnation);
  }

  #write(shard: LocalShard): Promise<void> | undefined {
    if (!shard.writing && this.#due(shard)) {
      // While Redis is away nothing is prepared in vain.
      if (!this.#options.store.connected) return undefined;
      shard.writing = this.#writeOnce(shard).then(
        () => {
          shard.writing = undefined;
          this.#write(shard);
        },
        () => {
          // Out of reach, or of unknown outcome: `retry` writes the whole when Redis is back.
          shard.writing = undefined;
          shard.anew = true;
        },
      );
    } else if (!shard.writing && shard.entries.size === 0) this.#topics.delete(shard.topic);
    return shard.writing;
  }

  async #writeOnce(shard: LocalShard) {
    const { store } = this.#options;
    const incarnation = this.#incarnation;
    const { topic, unwritten, version: from } = shard;
    // Looked at anew: the incarnation changes a moment before anybody is told.
    const anew = shard.anew || (shard.incarnation !== undefined && shard.incarnation !== incarnation);
    shard.anew = false;
    shard.unwritten = new Map();
    this.#version++;
    const to = shard.entries.size === 0 ? 0 : this.#version;
    const joins = [...unwritten.values()].filter((entry) => entry !== undefined);
    const leaves = [...unwritten].flatMap(([ref, entry]) => (entry ? [] : [ref]));

    if (anew || to === 0) await store.replace(incarnation, topic, to, [...shard.entries.values()]);
    else await store.change(incarnation, topic, to, joins, leaves);

    shard.version = to;
    shard.incarnation = incarnation;
    if (anew) this.#publish(topic, { incarnation, from: null, to, joins: [], leaves: [] });
    else this.#publish(topic, { incarnation, from, to, joins, leaves });
  }

  #publish(topic: string, delta: Delta): void {
    this.#options.pubsub.publish(deltaTopic(topic), { event: 'delta', payload: encodeDelta(delta) });
  }

  get #incarnation(): string {
    return this.#options.nodes.self.incarnation;
  }
}
