import type { Delta } from './delta.ts';
import type { Entry } from './entry.ts';
import type { Change } from './group.ts';
import type { RedisParts } from './shard_store.ts';

interface OwnPart {
  readonly topic: string;
  readonly entries: Map<string, Entry>;
  /** What is not written yet, by ref: an entry to add, or undefined for one to remove. */
  unwritten: Map<string, Entry | undefined>;
  version: number;
  /** The incarnation under which it was written last. */
  incarnation: string | undefined;
  /** What Redis has is unknown: write the whole. */
  anew: boolean;
  writing: Promise<void> | undefined;
}

const fresh = { incarnation: undefined, anew: false, writing: undefined };

export interface OwnPartsOptions {
  readonly parts: Pick<RedisParts, 'connected' | 'change' | 'replace'>;
  readonly incarnation: () => string;
  readonly publish: (topic: string, delta: Delta) => void;
}

/**
 * Writes this node's entries, and tells the others of what is written: whoever reads a part after its delta finds the
 * delta in it. One write per topic is under way at a time, and takes with it all that has come up meanwhile.
 */
export class OwnParts {
  readonly #options: OwnPartsOptions;
  readonly #topics = new Map<string, OwnPart>();
  #version = 0;

  constructor(options: OwnPartsOptions) {
    this.#options = options;
  }

  change(topic: string, { joins, leaves }: Change) {
    let part = this.#topics.get(topic);
    if (!part) {
      part = { topic, entries: new Map(), unwritten: new Map(), version: 0, ...fresh };
      this.#topics.set(topic, part);
    }
    for (const entry of joins) {
      part.entries.set(entry.ref, entry);
      part.unwritten.set(entry.ref, entry);
    }
    for (const { ref } of leaves) {
      part.entries.delete(ref);
      // A ref is added once, so one that waits to be added is in no version that anybody has.
      if (!part.unwritten.delete(ref)) part.unwritten.set(ref, undefined);
    }
  }

  /** Resolves after one attempt, which need not have taken what was changed since it began. */
  flush(topic: string): Promise<void> | undefined {
    const part = this.#topics.get(topic);
    return part && this.#write(part);
  }

  /** Writes what could not be written, or was written under an incarnation that is gone. */
  async retry() {
    await Promise.all([...this.#topics.values()].map(({ writing }) => writing));
    await Promise.all([...this.#topics.values()].map((part) => this.#write(part)));
  }

  /** Redis has lost what was written. */
  async writeAnew() {
    for (const part of this.#topics.values()) part.anew = true;
    await this.retry();
  }

  /** Whether all that was ever written is written under the incarnation of now. */
  get complete(): boolean {
    const now = this.#options.incarnation();
    for (const { incarnation } of this.#topics.values()) if (incarnation && incarnation !== now) return false;
    return true;
  }

  get settled(): boolean {
    for (const part of this.#topics.values()) if (part.writing || this.#due(part)) return false;
    return true;
  }

  /** How many parts Redis has once all is written. */
  get count(): number {
    return this.#topics.size;
  }

  /** Grows with every write. */
  get version(): number {
    return this.#version;
  }

  #due({ anew, unwritten, incarnation }: OwnPart): boolean {
    return anew || unwritten.size > 0 || (incarnation !== undefined && incarnation !== this.#options.incarnation());
  }

  #write(part: OwnPart): Promise<void> | undefined {
    if (!part.writing && this.#due(part)) {
      // While Redis is away nothing is prepared in vain.
      if (!this.#options.parts.connected) return undefined;
      part.writing = this.#writeOnce(part).then(
        () => {
          part.writing = undefined;
          this.#write(part);
        },
        () => {
          // Out of reach, or of unknown outcome: `retry` writes the whole when Redis is back.
          part.writing = undefined;
          part.anew = true;
        },
      );
    } else if (!part.writing && part.entries.size === 0) this.#topics.delete(part.topic);
    return part.writing;
  }

  async #writeOnce(part: OwnPart) {
    const { parts, publish } = this.#options;
    const incarnation = this.#options.incarnation();
    const { topic, unwritten, version: from } = part;
    // Looked at anew: the incarnation changes a moment before anybody is told.
    const anew = part.anew || (part.incarnation !== undefined && part.incarnation !== incarnation);
    part.anew = false;
    part.unwritten = new Map();
    this.#version++;
    const to = part.entries.size === 0 ? 0 : this.#version;
    const joins = [...unwritten.values()].filter((entry) => entry !== undefined);
    const leaves = [...unwritten].flatMap(([ref, entry]) => (entry ? [] : [ref]));

    if (anew || to === 0) await parts.replace(incarnation, topic, to, [...part.entries.values()]);
    else await parts.change(incarnation, topic, to, joins, leaves);

    part.version = to;
    part.incarnation = incarnation;
    if (anew) publish(topic, { incarnation, from: null, to, joins: [], leaves: [] });
    else publish(topic, { incarnation, from, to, joins, leaves });
  }
}
