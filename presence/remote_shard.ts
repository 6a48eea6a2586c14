import { type Delta, place } from './delta.ts';
import type { Entry } from './entry.ts';
import type { Change } from './group.ts';
import type { Part } from './shard_store.ts';

export interface RemotePartOptions {
  /** Reads the part as it is in Redis; undefined: whatever it says does not count (any more). */
  readonly read: () => Promise<Part | undefined>;
  readonly changed: (change: Change) => void;
  /** Entries that are shown already, of the same node's former incarnation. */
  readonly adopted?: ReadonlyMap<string, Entry> | undefined;
}

/**
 * One other node's part of one topic, as this node knows it: read once, then kept by deltas, read again after a gap.
 * Deltas that come while it is read wait, so that there is no hole between what was read and what follows.
 */
export class RemotePart {
  readonly #options: RemotePartOptions;
  #entries: Map<string, Entry>;
  #version = 0;
  #reading: Promise<void> | undefined;
  #again = false;
  #waiting: Delta[] = [];
  #read = false;
  #stopped = false;

  constructor(options: RemotePartOptions) {
    this.#options = options;
    this.#entries = new Map(options.adopted);
  }

  get version(): number {
    return this.#version;
  }

  /** Whether it was read, and the last reading has not failed. */
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

  /** From now on nothing is changed or told. */
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
        const part = await this.#options.read();
        if (this.#stopped) return;
        this.#read = part !== undefined;
        if (part) this.#become(part);
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

  #become({ version, entries }: Part) {
    const refs = new Map(entries.map((entry) => [entry.ref, entry]));
    const joins = entries.filter(({ ref }) => !this.#entries.has(ref));
    const leaves = [...this.#entries.values()].filter(({ ref }) => !refs.has(ref));
    this.#entries = refs;
    this.#version = version;
    if (joins.length + leaves.length > 0) this.#options.changed({ joins, leaves });
  }

  #apply({ to, joins, leaves }: Delta) {
    const left = leaves.flatMap((ref) => this.#entries.get(ref) ?? []);
    for (const { ref } of left) this.#entries.delete(ref);
    for (const entry of joins) this.#entries.set(entry.ref, entry);
    this.#version = to;
    this.#options.changed({ joins, leaves: left });
  }
}
