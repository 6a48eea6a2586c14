import { applyChange, type EntryChange, type KeyEntries, memberText } from './group.ts';

/**
 * The presences of one topic, twice: as they are, and as they were published to clients.
 *
 * A diff is the difference of the two, so that only net effects are published, and the state for a newcomer is what was
 * published: with the diffs that follow it gives the truth. A state of the present would leave a newcomer with whoever came
 * and went between two diffs.
 */
export class TopicState {
  readonly #current = new Map<string, KeyEntries>();
  readonly #published = new Map<string, KeyEntries>();
  readonly #changed = new Set<string>();
  #text: string | undefined;

  apply(change: EntryChange) {
    for (const key of applyChange(this.#current, change)) this.#changed.add(key);
  }

  /** For what no client needs to hear, as none has been given a state with or without it. */
  applySilently(change: EntryChange) {
    applyChange(this.#current, change);
    applyChange(this.#published, change);
    this.#text = undefined;
  }

  /** @returns the payload of a `presence_diff` with all that has changed since the last one; undefined if nothing */
  takeDiff(): string | undefined {
    const joins: string[] = [];
    const leaves: string[] = [];
    for (const key of this.#changed) {
      const published = this.#published.get(key);
      const current = this.#current.get(key);
      const joined = current?.without(published) ?? [];
      const left = published?.without(current) ?? [];
      if (joined.length > 0) joins.push(memberText(key, joined));
      if (left.length > 0) leaves.push(memberText(key, left));
      if (current) this.#published.set(key, current);
      else this.#published.delete(key);
    }
    this.#changed.clear();
    if (joins.length + leaves.length === 0) return undefined;
    this.#text = undefined;
    return `{"joins":{${joins.join(',')}},"leaves":{${leaves.join(',')}}}`;
  }

  /** The payload of a `presence_state`. */
  get text(): string {
    this.#text ??= `{${Array.from(this.#published.values(), ({ text }) => text).join(',')}}`;
    return this.#text;
  }

  wasPublished(key: string, ref: string): boolean {
    return this.#published.get(key)?.entries.some((entry) => entry.ref === ref) ?? false;
  }

  group = (key: string) => this.#current.get(key);
  keys = () => this.#current.keys();

  get changed(): boolean {
    return this.#changed.size > 0;
  }

  get empty(): boolean {
    return this.#current.size + this.#published.size === 0;
  }
}
