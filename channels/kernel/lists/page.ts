import type { IndexHit, Store } from '../../../server/store/index.ts';
import type { ListPosition, Order } from './order.ts';

/** Something in a list, and when it was made. */
export interface Listed<T> {
  readonly item: T;
  readonly insertedAtMs: number;
}

/** The indexes that a list is read from, and the things that belong in it. */
export interface Source<T> {
  /** All in `order`; what stands in several of them is listed once. */
  readonly indexes: readonly string[];
  readonly order: Order;
  /** True if a hit may belong into the list, as far as can be told without reading it. */
  isLikely?(hit: IndexHit): boolean;
  /** Reads things as they are now, in the order of `ids`; `undefined`: not there, or not in this list. */
  read(ids: readonly string[]): Promise<readonly (Listed<T> | undefined)[]>;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** The position where the page ended; `undefined` if nothing follows. */
  readonly next: ListPosition | undefined;
}

/** A page looks at so many hits at most, and reads so many things; where matches are rare it is short. */
const MAX_LOOKED_AT = 5_000;
const MAX_READ = 500;
const CHUNK = 500;

/**
 * Reads a page behind a position. That is the time of creation and an id, which never change, so however things move
 * between two pages nothing comes twice, and nothing that was there before is left out.
 */
export async function readPage<T>(
  source: Source<T>,
  { after, limit }: { readonly after: ListPosition | undefined; readonly limit: number },
  store: Pick<Store, 'lookup'>,
): Promise<Page<T>> {
  const { order } = source;
  const items: T[] = [];
  let lastItem: ListPosition | undefined;
  let position = after;
  let looked = 0;
  let reads = 0;
  for (;;) {
    const { hits, isLast } = await mergedHits(
      source,
      position,
      looked === 0 && !source.isLikely ? limit + 1 : CHUNK,
      store,
    );
    looked += hits.length;
    const likely = source.isLikely ? hits.filter((hit) => source.isLikely?.(hit)) : hits;
    for (let at = 0; at < likely.length; ) {
      // As many as are missing; where few match, as many again as were read so far.
      const batch = likely.slice(at, at + Math.max(limit + 1 - items.length, Math.min(reads, MAX_READ - reads)));
      const read = await source.read(batch.map(({ id }) => id));
      at += batch.length;
      reads += batch.length;
      for (const [index, hit] of batch.entries()) {
        const listed = read[index];
        position = order.positionOf(hit);
        // An index may for a moment name a place that its thing has left.
        if (listed?.insertedAtMs !== position.atMs) continue;
        if (items.length === limit) return { items, next: lastItem };
        items.push(listed.item);
        lastItem = position;
      }
      if (reads >= MAX_READ && (at < likely.length || !isLast)) return { items, next: position };
    }
    const end = hits.at(-1);
    if (isLast || !end) return { items, next: undefined };
    position = order.positionOf(end);
    if (looked >= MAX_LOOKED_AT) return { items, next: position };
    // An embedded store answers without waiting; others on this node have their turn between two chunks.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Fewest hits that are asked of one of several indexes. */
const MIN_EACH = 8;

/** The next hits of all indexes together, each thing once. `isLast`: none of them has more. */
async function mergedHits(
  { indexes, order, isLikely }: Omit<Source<unknown>, 'read'>,
  after: ListPosition | undefined,
  wanted: number,
  store: Pick<Store, 'lookup'>,
): Promise<{ hits: IndexHit[]; isLast: boolean }> {
  const limit = indexes.length <= 1 ? wanted : Math.max(MIN_EACH, Math.ceil((2 * wanted) / indexes.length));
  const query = { limit, ...(after && { after: order.behind(after) }) };
  const found = await Promise.all(indexes.map((index) => store.lookup(index, query)));
  /** Behind the last hit of an index that has more, nothing is known of it. */
  let horizon: string | undefined;
  const byKey = new Map<string, IndexHit>();
  for (const hits of found) {
    const last = hits.length === limit ? hits.at(-1) : undefined;
    const end = last && order.sortKey(last);
    if (end !== undefined && (horizon === undefined || end < horizon)) horizon = end;
    for (const hit of hits) {
      const key = order.sortKey(hit);
      if (!byKey.has(key) || isLikely?.(hit)) byKey.set(key, hit);
    }
  }
  const keys = [...byKey.keys()].filter((key) => horizon === undefined || key <= horizon);
  const hits = indexes.length <= 1 ? keys : keys.sort();
  return { hits: hits.flatMap((key) => byKey.get(key) ?? []), isLast: horizon === undefined };
}
