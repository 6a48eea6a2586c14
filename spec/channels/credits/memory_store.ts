import {
  type AggregateId,
  type Change,
  type CommitResult,
  type IndexHit,
  type Store,
  StoreUnavailable,
  type StreamEntry,
} from '../../../server/store/port.ts';

/** Fate of a commit: it is made; its node dies before it; its node dies after it, and never learns of it. */
export type Fate = 'made' | 'lost' | 'made and not told';

interface StoredAggregate {
  version: number;
  readonly fields: Map<string, string>;
  readonly streams: Map<string, Map<number, string>>;
  index: NonNullable<Change['index']>;
  deadlineMs: number | null;
}

/** The parts of a store that accounts use, in memory: a hundred thousand histories want one that opens in no time. */
export class MemoryStore {
  nowMs: number;
  readonly facts: string[] = [];
  /** Decides on each commit. */
  fateOf: () => Fate = () => 'made';
  readonly #aggregates = new Map<string, StoredAggregate>();

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  readonly #stored = ({ kind, id }: AggregateId) => this.#aggregates.get(`${kind}/${id}`);

  #read(aggregate: AggregateId, wanted?: readonly string[]) {
    const stored = this.#stored(aggregate);
    const fields = [...(stored?.fields ?? [])].filter(([name]) => wanted === undefined || wanted.includes(name));
    return { version: stored?.version ?? 0, nowMs: this.nowMs, fields: Object.fromEntries(fields) };
  }

  #commit(aggregate: AggregateId, expected: number, change: Change): CommitResult {
    const fate = this.fateOf();
    if (fate === 'lost') throw new StoreUnavailable('its node died before the commit');
    const stored = this.#stored(aggregate) ?? {
      version: 0,
      fields: new Map(),
      streams: new Map(),
      index: [],
      deadlineMs: null,
    };
    if (stored.version !== expected) return { ok: false, conflict: true };
    this.#aggregates.set(`${aggregate.kind}/${aggregate.id}`, stored);
    stored.version++;
    for (const [name, value] of Object.entries(change.fields ?? {})) {
      if (value === null) stored.fields.delete(name);
      else stored.fields.set(name, value);
    }
    for (const { stream, position, value } of change.entries ?? []) {
      const entries = stored.streams.get(stream) ?? new Map<number, string>();
      stored.streams.set(stream, entries);
      if (value !== null) entries.set(position, value);
    }
    if (change.index) stored.index = change.index;
    if (change.deadlineMs !== undefined) stored.deadlineMs = change.deadlineMs;
    this.facts.push(...(change.facts ?? []));
    if (fate === 'made and not told') throw new StoreUnavailable('its node died after the commit');
    return { ok: true, version: stored.version };
  }

  #lookup(index: string, after: IndexHit | undefined, limit: number): IndexHit[] {
    const hits = [...this.#aggregates].flatMap(([name, { index: places }]) =>
      places.flatMap((place) => (place.index === index ? [{ key: place.key, id: name.split('/')[1] ?? '' }] : [])),
    );
    const order = ({ key, id }: IndexHit) => `${key}\0${id}`;
    const sorted = hits.sort((a, b) => (order(a) < order(b) ? -1 : 1));
    return sorted.filter((hit) => !after || order(hit) > order(after)).slice(0, limit);
  }

  #range(aggregate: AggregateId, stream: string, from: number, limit: number): StreamEntry[] {
    const entries = [...(this.#stored(aggregate)?.streams.get(stream) ?? [])].filter(([position]) => position >= from);
    const sorted = entries.sort(([a], [b]) => a - b).slice(0, limit);
    return sorted.map(([position, value]) => ({ position, value }));
  }

  /** Ids of a kind whose deadline has passed. */
  due(kind: string): string[] {
    return [...this.#aggregates].flatMap(([name, { deadlineMs }]) => {
      const [ofKind, id = ''] = name.split('/');
      return ofKind === kind && deadlineMs !== null && deadlineMs <= this.nowMs ? [id] : [];
    });
  }

  readonly store = {
    read: async (aggregate, wanted) => this.#read(aggregate, wanted),
    readMany: async (kind, ids, wanted) => ids.map((id) => this.#read({ kind, id }, wanted)),
    commit: async (aggregate, expected, change) => this.#commit(aggregate, expected, change),
    range: async (aggregate, stream, from, limit) => this.#range(aggregate, stream, from, limit),
    lookup: async (index, { after, limit }) => this.#lookup(index, after, limit),
    nowMs: async () => this.nowMs,
  } satisfies Partial<Store> as Partial<Store> as Store;
}
