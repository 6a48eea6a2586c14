import { open as openFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { endOfTurn } from '../end_of_turn.ts';
import { diskRoom } from './disk_room.ts';
import { commitChange } from './embedded_commit.ts';
import { counting } from './embedded_counters.ts';
import { claims } from './embedded_deadlines.ts';
import { factLog } from './embedded_facts.ts';
import { aggregateKey, below, openTables, parsePlacement, sortable, type Tables, tableKey } from './embedded_tables.ts';
import { makeFolder } from './make_folder.ts';
import {
  type AggregateId,
  type Change,
  type IndexQuery,
  type Snapshot,
  type Store,
  StoreReadOnly,
  StoreUnavailable,
  type Version,
} from './port.ts';
import { ownAlone, type Release } from './sole_owner.ts';

export interface EmbeddedOptions {
  /** Made if it is not there. Belongs to one process at a time. */
  readonly dir: string;
  /** Called once, when a write has failed: from then on the store only reads, and the process should be started again. */
  readonly onFailure?: (error: Error) => void;
  /** The store's clock; specs move it. */
  readonly nowMs?: () => number;
  /** Free room of the disk; specs fill it. */
  readonly freeBytes?: (dir: string) => Promise<number>;
}

/** No counter's key: they have names. One for all starts, as there is one node at a time. */
const PROBE_KEY = tableKey('', 'probe');

/** Aggregates that a walk reads at a time. */
const SCAN_PAGE = 500;

/**
 * Opens the store in this process: LMDB, in one file.
 *
 * @throws Error with a message of one line if another process uses the folder, or it cannot be used at all
 */
export async function openEmbeddedStore({
  dir,
  onFailure,
  nowMs = Date.now,
  freeBytes,
}: EmbeddedOptions): Promise<Store> {
  const { tables, release } = await openFolder(dir).catch((error) => unusable(dir, error));
  const { heads, fields, entries, places, counters } = tables;
  const deadlines = claims(tables);
  const log = factLog(tables);
  const room = diskRoom(dir, freeBytes);
  await room.look();
  const writing = new Set<Promise<unknown>>();
  const counts = counting(counters, written);
  let closing: Promise<void> | undefined;
  let failure: StoreReadOnly | undefined;

  /** LMDB must not be touched once it is closed: its memory is gone. */
  function assertOpen() {
    if (closing) throw new StoreUnavailable('The store is closed');
  }

  function assertWritable() {
    assertOpen();
    if (failure) throw failure;
    room.assertRoom();
  }

  /**
   * A write that fails has changed nothing, nor have those that shared its transaction. But from then on nobody knows
   * what of the file reached the disk, and LMDB is known to damage its memory: the process writes nothing any more.
   */
  async function written<T>(write: Promise<T>): Promise<T> {
    writing.add(write);
    try {
      return await write;
    } catch (error) {
      if (error instanceof RangeError) throw error;
      if (!failure) {
        failure = new StoreReadOnly(
          `The store failed to write and has to be started again: ${await reasonOf(error)}`,
          'a write has failed, and the node has to start again',
        );
        onFailure?.(failure);
      }
      throw failure;
    } finally {
      writing.delete(write);
    }
  }

  /** LMDB would write and sync the first commit of a turn at once, and all others of it behind that: so they share one sync. */
  async function commitLater(aggregate: AggregateId, expected: Version, change: Change) {
    await endOfTurn();
    if (failure) throw failure;
    return commitChange(tables, aggregate, expected, change, log);
  }

  function snapshot({ kind, id }: AggregateId, wanted?: readonly string[]): Snapshot {
    const head = heads.getEntry(aggregateKey({ kind, id }));
    const named: Record<string, string> = Object.create(null);
    if (!head?.version) return { version: 0, nowMs: nowMs(), fields: named };
    if (wanted) {
      for (const name of wanted) {
        const value = fields.get(tableKey(kind, id, name));
        if (value !== undefined) named[name] = value;
      }
    } else {
      const range = below(kind, id);
      for (const { key, value } of fields.getRange(range)) named[key.slice(range.start.length)] = value;
    }
    return { version: head.version, nowMs: nowMs(), fields: named };
  }

  return {
    name: 'embedded',

    async read(aggregate, wanted) {
      assertOpen();
      return snapshot(aggregate, wanted);
    },

    async readMany(kind, ids, wanted) {
      assertOpen();
      return ids.map((id) => snapshot({ kind, id }, wanted));
    },

    async commit(aggregate, expected, change) {
      assertWritable();
      const result = await written(commitLater(aggregate, expected, change));
      if (result.ok && change.deadlineMs !== undefined && !closing) deadlines.settle(aggregate);
      return result;
    },

    async range({ kind, id }, stream, from, limit) {
      assertOpen();
      const { start, end } = below(kind, id, stream);
      return entries
        .getRange({ start: start + sortable(from), end, limit })
        .map(({ key, value }) => ({ position: Number(key.slice(start.length)), value })).asArray;
    },

    async lookup(index, query) {
      assertOpen();
      const { start, end } = span(index, query);
      return places.getKeys({ start, end, limit: query.limit }).map((place) => {
        const [, key, id] = place.split('\0') as [string, string, string];
        return { key, id };
      }).asArray;
    },

    async *scan(kinds) {
      for (const kind of kinds) {
        const { start, end } = below(kind);
        for (let from = start; ; ) {
          assertOpen();
          const page = await heads.getRange({ start: from, end, limit: SCAN_PAGE }).asArray;
          const last = page.at(-1);
          if (!last) break;
          yield page.map(({ key, value }) => ({
            kind,
            id: key.slice(start.length),
            index: parsePlacement(value).index.map(([index, key]) => ({ index, key })),
          }));
          from = `${last.key}\u0000`;
        }
      }
    },

    async claimDue(kind, limit, leaseMs) {
      assertOpen();
      return deadlines.claim(kind, limit, leaseMs, nowMs());
    },

    async facts(after, limit) {
      assertOpen();
      return log.after(after, limit);
    },

    async trimFacts(upTo) {
      assertWritable();
      await written(log.trim(upTo));
    },

    async increment(counter, by) {
      assertOpen();
      if (by === 0) return counts.value(counter);
      assertWritable();
      return counts.add(counter, by);
    },

    async nowMs() {
      return nowMs();
    },

    async probe(nodeId) {
      assertOpen();
      // The known room may be out of date after a time without writes.
      await room.look();
      assertWritable();
      await written(counters.put(PROBE_KEY, nodeId));
    },

    async durability() {
      return 'fsync';
    },

    close() {
      closing ??= (async () => {
        await Promise.allSettled(writing);
        await tables.close();
        await release();
      })();
      return closing;
    },
  };
}

function span(index: string, { from, until, after }: IndexQuery) {
  const all = below(index);
  const starts = [all.start];
  if (from) starts.push(tableKey(index, from));
  if (after) starts.push(tableKey(index, after.key, `${after.id}\u0000`));
  return {
    start: starts.reduce((a, b) => (Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0 ? b : a)),
    end: until === undefined ? all.end : tableKey(index, until),
  };
}

async function openFolder(dir: string): Promise<{ readonly tables: Tables; readonly release: Release }> {
  await makeFolder(dir);
  const release = await ownAlone(dir);
  try {
    return { tables: await openFiles(dir), release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Errors of the system or of LMDB have a code, but do not say what to do. */
function unusable(dir: string, error: unknown): never {
  if (!(error instanceof Error && 'code' in error)) throw error;
  const [reason] = error.message.split('\n', 1);
  throw new Error(`The store cannot be kept in ${dir} (${reason}): set DATA_DIR to a folder on a local disk`, {
    cause: error,
  });
}

/** A new file outlasts a power loss only if its folder has been synced too, and that one's folder. */
async function openFiles(dir: string): Promise<Tables> {
  const tables = openTables(join(dir, 'aerie.mdb'));
  await syncFolder(dir);
  await syncFolder(dirname(resolve(dir)));
  return tables;
}

async function syncFolder(dir: string) {
  const folder = await openFile(dir, 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

/** LMDB reports the cause by a promise of its own, which no other code awaits. */
async function reasonOf(error: unknown): Promise<string> {
  if (!(error instanceof Error)) return String(error);
  const { commitError } = error as { commitError?: Promise<never> };
  return commitError ? commitError.catch((cause: Error) => cause.message) : error.message;
}
