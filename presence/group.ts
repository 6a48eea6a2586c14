import type { Entry } from './entry.ts';

export interface EntryChange {
  readonly joins: readonly Entry[];
  readonly leaves: readonly Entry[];
}

/** The presences of one key, oldest first. Unchangeable, so that what was published and what is can share one. */
export class KeyEntries {
  readonly key: string;
  readonly entries: readonly Entry[];
  #text: string | undefined;

  constructor(key: string, entries: readonly Entry[]) {
    this.key = key;
    this.entries = entries;
  }

  /** `"key":{"metas":[…]}`: a member of the JSON objects that clients get. */
  get text(): string {
    this.#text ??= memberText(this.key, this.entries);
    return this.#text;
  }

  without(others: KeyEntries | undefined): readonly Entry[] {
    if (!others) return this.entries;
    const refs = new Set(others.entries.map(({ ref }) => ref));
    return this.entries.filter(({ ref }) => !refs.has(ref));
  }
}

/** Written by hand: a key such as `__proto__` is a key like any other, and no meta is encoded twice. */
export function memberText(key: string, entries: readonly Entry[]): string {
  return `${JSON.stringify(key)}:{"metas":[${entries.map(({ text }) => text).join(',')}]}`;
}

/** Applies a change. A ref that is there is not added again, one that is not there leaves no trace. */
export function applyChange(groups: Map<string, KeyEntries>, { joins, leaves }: EntryChange) {
  const byKey = new Map<string, { readonly joins: Entry[]; readonly leaves: Set<string> }>();
  const of = (key: string) => {
    const known = byKey.get(key) ?? { joins: [], leaves: new Set() };
    byKey.set(key, known);
    return known;
  };
  for (const entry of leaves) of(entry.key).leaves.add(entry.ref);
  for (const entry of joins) of(entry.key).joins.push(entry);

  for (const [key, change] of byKey) {
    const before = groups.get(key)?.entries ?? [];
    const present = new Set(before.map(({ ref }) => ref));
    const entries = [...before, ...change.joins.filter(({ ref }) => !present.has(ref))].filter(
      ({ ref }) => !change.leaves.has(ref),
    );
    // Stable: what one node has tracked within a millisecond keeps its order.
    entries.sort((a, b) => a.atMs - b.atMs);
    if (entries.length > 0) groups.set(key, new KeyEntries(key, entries));
    else groups.delete(key);
  }
  return byKey.keys();
}
