import { type Database, open, type RootDatabaseOptionsWithPath } from 'lmdb';
import type { AggregateId } from './port.ts';

/**
 * Tables of the embedded store. Keys are UTF-8 text, their parts parted by U+0000, ordered by bytes. An aggregate's fields and
 * the entries of its streams are keys of their own: a change writes what it names, a read touches no stream.
 */
export interface Tables {
  /** `kind, id` -> its `Placement`; the LMDB entry's version is the aggregate's. */
  readonly heads: Table;
  /** `kind, id, field` -> value */
  readonly fields: Table;
  /** `kind, id, stream, position` -> value */
  readonly entries: Table;
  /** `index, key, id` -> nothing */
  readonly places: Table;
  /** `kind, deadline, id` -> nothing */
  readonly deadlines: Table;
  /** `counter` -> value */
  readonly counters: Table;
  /** position -> fact */
  readonly facts: Table;
  close(): Promise<void>;
}

export type Table = Database<string, string>;

/** LMDB's bound for pages of 4 KiB. */
const MAX_KEY_BYTES = 1_978;
/**
 * Writes of one turn of the event loop after which LMDB begins before the turn ends. With its own default, 5, it takes the first
 * commits of a turn alone, writes the pages that all share, syncs, and does the same again for the others.
 */
const START_WRITES = 10_000;
/** A safe integer has at most 16 digits. */
const DIGITS = 16;

/** In LMDB's documentation, but not among its types. */
interface Threshold {
  readonly txnStartThreshold: number;
}

export function openTables(path: string): Tables {
  // Without overlappingSync LMDB syncs data, then the page that makes it count, before a commit is visible or resolves:
  // nobody ever reads what a power loss could take back. Commits that come in meanwhile share the next sync; they need
  // no eventTurnBatching for that, whose own promise nobody could catch when a write fails.
  const options: RootDatabaseOptionsWithPath & Threshold = {
    path,
    noSubdir: true,
    overlappingSync: false,
    eventTurnBatching: false,
    txnStartThreshold: START_WRITES,
    maxDbs: 8,
  };
  const root = open(options);
  const table = (name: string, useVersions = false): Table =>
    root.openDB<string, string>({ name, useVersions, ...asText });
  return {
    heads: table('heads', true),
    fields: table('fields'),
    entries: table('entries'),
    places: table('places'),
    deadlines: table('deadlines'),
    counters: table('counters'),
    facts: table('facts'),
    close: () => root.close(),
  };
}

const asText = {
  encoding: 'string',
  keyEncoder: {
    writeKey: (key: string, target: Buffer, start: number) => start + target.write(key, start, 'utf8'),
    readKey: (target: Buffer, start: number, end: number) => target.toString('utf8', start, end),
  },
} as const;

/** @throws RangeError if LMDB could not hold the key: found out before anything is written. */
export function tableKey(...parts: string[]): string {
  const key = parts.join('\0');
  if (key.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new RangeError(`A key of the store is longer than ${MAX_KEY_BYTES} bytes: ${key.slice(0, 64)}…`);
  }
  return key;
}

export const aggregateKey = ({ kind, id }: AggregateId) => tableKey(kind, id);

/** Text that sorts like the number, for integers from 0 on. */
export const sortable = (integer: number) => String(integer).padStart(DIGITS, '0');

/** All keys that go on behind `parts`. */
export function below(...parts: string[]) {
  const start = tableKey(...parts, '');
  return { start, end: `${start.slice(0, -1)}\u0001` };
}

/** Index places of an aggregate, as its head keeps them. */
export interface Placement {
  readonly deadlineMs: number | null;
  readonly index: readonly (readonly [index: string, key: string])[];
}

const NOWHERE: Placement = { deadlineMs: null, index: [] };

export const parsePlacement = (text: string | undefined): Placement => (text ? JSON.parse(text) : NOWHERE);
