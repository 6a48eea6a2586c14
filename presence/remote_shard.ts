import { type Delta, place } from './delta.ts';
import type { Entry } from './entry.ts';
import type { EntryChange } from './group.ts';
import type { Shard, ShardStore } from './shard_store.ts';

/** Takes what has changed. */
export interface ChangeTarget {
  apply(change: EntryChange): void;
}

export interface RemoteShardOptions {
  readonly topic: string;
  /** Of the node whose shard it is. */
  readonly incarnation: string;
  readonly store: Pick<ShardStore, 'isComplete' | 'read'>;
  readonly target: ChangeTarget;
  /** Entries that are shown already, of the same node's former incarnation. */
  readonly adopted?: ReadonlyMap<string, Entry> | undefined;
}

/**
 * One other node's shard of one topic, as this node knows it: read once, then kept by deltas, read again after a gap.
 * Deltas that come while it is read wait, so that there is no hole between what was read and what follows.
 */
export class RemoteShard {
  readonly #options: RemoteShardOptions;
  #entries: Map<string, Entry>;
  #version = 0;
  #reading: Promise<void> | undefined;
  #again = false;
  #waiting: Delta[] = [];
  #read = false;
  #stopped = false;

  constructor(options: RemoteShardOptions) {
    this.#options = options;
    this.#entries = new Map(options.adopted);
  }

  get version(): number {
    return this.#version;
  }

  /** True if it was read, and the last reading has not failed. */
  get known(): boolean {
    return this.#read;
  }

  get entries(): ReadonlyMap<string, Entry> {
    return this.#entries;
  }

  /** Resolves when it is known. */
  load(): Promise<void> {
    return this.#reading ?? (this.#read ? Promise.resolve() : this.reload());
  }

  /** Resolves when it has been read by a reading that began after this call. */
  reload(): Promise<void> {
    if (this.#reading) this.#again = true;
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  receive(delta: Delta) {
    if (this.#stopped) return;
    if (this.#reading) {
      this.#waiting.push(delta);
      return;
    }
    const placed = this.#place(delta);
    if (placed === 'next') this.#apply(delta);
    // What cannot be read now is found out of date by the next comparison.
    if (placed === 'gap') this.reload().catch(() => {});
  }

  /** From now on nothing changes. */
  stop() {
    this.#stopped = true;
  }

  #place(delta: Delta) {
    return this.#read ? place(delta, this.#version) : 'gap';
  }

  async #readAll() {
    do {
      this.#again = false;
      this.#waiting = [];
      try {
        const shard = await this.#readStore();
        if (this.#stopped) return;
        this.#read = shard !== undefined;
        if (shard) this.#become(shard);
      } catch (error) {
        this.#read = false;
        throw error;
      }
      for (const delta of this.#waiting) {
        const placed = this.#place(delta);
        if (placed === 'next') this.#apply(delta);
        // It came while Redis was read, perhaps before; the truth of now has it.
        if (placed === 'gap') this.#again = true;
      }
    } while (this.#again);
  }

  /** `undefined`: whatever the store says does not count (any more). */
  async #readStore(): Promise<Shard | undefined> {
    const { store, topic, incarnation, adopted } = this.#options;
    // A node that is back writes its shards one by one: until it is through, nothing there does not mean nothing.
    const isComplete = !adopted || (await store.isComplete(incarnation));
    const shard = await store.read(incarnation, topic);
    return isComplete || (shard && shard.version > 0) ? shard : undefined;
  }

  #become({ version, entries }: Shard) {
    const refs = new Map(entries.map((entry) => [entry.ref, entry]));
    const joins = entries.filter(({ ref }) => !this.#entries.has(ref));
    const leaves = [...this.#entries.values()].filter(({ ref }) => !refs.has(ref));
    this.#entries = refs;
    this.#version = version;
    if (joins.length + leaves.length > 0) this.#options.target.apply({ joins, leaves });
  }

  #apply({ to, joins, leaves }: Delta) {
    const left = leaves.flatMap((ref) => this.#entries.get(ref) ?? []);
    for (const { ref } of left) this.#entries.delete(ref);
    for (const entry of joins) this.#entries.set(entry.ref, entry);
    this.#version = to;
    this.#options.target.apply({ joins, leaves: left });
  }
}
