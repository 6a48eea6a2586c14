import { Unavailable } from '../unavailable.ts';

/**
 * The store port: what the rules of the platform need from a database, in the server's words.
 *
 * State is kept in *aggregates*: things that change as a whole (an agent, a task, a payment channel). An aggregate has
 * named fields, ordered streams, places in ordered indexes and at most one deadline. One `commit` changes all of these
 * at once or not at all, and only if nobody else has changed the aggregate since it was read: decisions are made again
 * on a conflict, so no rule lives in the database.
 *
 * Two adapters keep the same promises (spec/server/store/contract.ts): `embedded` on LMDB and `redis`.
 */
export interface Store {
  readonly name: 'embedded' | 'redis';

  /**
   * The aggregate as it is now; version 0 and no fields if it was never committed.
   *
   * @param fields those that are wanted; all if left out
   */
  read(aggregate: AggregateId, fields?: readonly string[]): Promise<Snapshot>;

  /**
   * Many aggregates of one kind, in the order of `ids`; each is read at one instant, but not all at the same.
   *
   * @param fields those that are wanted; all if left out
   */
  readMany(kind: string, ids: readonly string[], fields?: readonly string[]): Promise<Snapshot[]>;

  /**
   * Applies `change` if the aggregate is still at `expected`, else changes nothing.
   * Resolves when the change is durable, that is, when it survives the end of this process at any moment.
   *
   * @param lastCommitId if given, that commit must have made this version: for who remembers what it has committed
   */
  commit(aggregate: AggregateId, expected: Version, change: Change, lastCommitId?: CommitId): Promise<CommitResult>;

  /** Entries of a stream with `position >= from`, by ascending position, at most `limit`. */
  range(aggregate: AggregateId, stream: string, from: number, limit: number): Promise<StreamEntry[]>;

  /**
   * Entries of an index in the order of `key` (by UTF-8 bytes), then of `id`. In a Redis Cluster an index may for a
   * moment name an aggregate that is not there (yet, or any more): a reader checks a hit against what it reads.
   */
  lookup(index: string, query: IndexQuery): Promise<IndexHit[]>;

  /**
   * Walks over all aggregates of these kinds, in no order, some of them more than once. Those that are committed for the
   * first time meanwhile may be left out. Costs a look at all that the store holds: for upkeep, not for answers.
   *
   * @throws StoreUnavailable also when the walk was interrupted and has to begin anew
   */
  scan(kinds: readonly string[]): AsyncIterable<readonly Placed[]>;

  /**
   * Takes up to `limit` aggregates of `kind` whose deadline has passed. Each is handed to one caller on one node only.
   * The caller commits a change of its deadline; if that has not happened after `leaseMs` (the node died), it is
   * handed out again.
   */
  claimDue(kind: string, limit: number, leaseMs: number): Promise<Due[]>;

  /**
   * Facts that commits have left, in the order of those commits (but see `facts` of a change), behind a position (or
   * from the oldest one kept), at most `limit`. Whoever reads on from the last position it got misses none and gets none
   * twice: a commit that is seen later has later positions.
   */
  facts(after: string | undefined, limit: number): Promise<LoggedFact[]>;

  /** Forgets all facts up to this position; a position given out once is never given out again. */
  trimFacts(upTo: string): Promise<void>;

  /**
   * Adds `by` (an integer, may be 0 or negative) to a counter and resolves to its new value; 0 at first. The value is durable at
   * the latest with any commit that is begun after it is known.
   */
  increment(counter: string, by: number): Promise<number>;

  /** The store's clock, in ms since the epoch: the only clock that decisions see. */
  nowMs(): Promise<number>;

  /**
   * Writes a small key of a node's own, to every part of the store that a commit may go to. Resolves when that is done.
   *
   * @throws StoreReadOnly the store is there and takes no writes
   * @throws StoreUnavailable it is out of reach
   */
  probe(nodeId: string): Promise<void>;

  /** Resolves to what "durable" means here, for operators (`fsync`, `appendonly everysec`, …). */
  durability(): Promise<string>;

  close(): Promise<void>;
}

/**
 * `kind` is one of the platform's own words, never user text; `id` matches the contract's id pattern. Names of streams,
 * indexes and counters are such words or ids too: free of U+0000.
 */
export interface AggregateId {
  readonly kind: string;
  readonly id: string;
}

/** 0: never committed. Grows by one with every commit. */
export type Version = number;

/**
 * Tells a commit from any other that makes the same version: a failover of Redis may take an acknowledged commit back, and another
 * follows in its place. Absent where that cannot be.
 */
export type CommitId = string;

export interface Snapshot {
  readonly version: Version;
  /** The commit that made this version. */
  readonly commitId?: CommitId | undefined;
  /** The store's clock at the read. */
  readonly nowMs: number;
  readonly fields: Readonly<Record<string, string>>;
}

export interface Change {
  /** Fields to set; `null` removes one. Those not named stay. */
  readonly fields?: Readonly<Record<string, string | null>>;
  /** Entries to put into streams; `value: null` removes one, a position already taken is overwritten. */
  readonly entries?: readonly StreamChange[];
  /** Streams to remove whole. Applied before `entries`. */
  readonly dropStreams?: readonly string[];
  /** All places in indexes from now on: earlier ones that are not named are given up. Left out: they stay. */
  readonly index?: readonly IndexEntry[];
  /**
   * Time from which `claimDue` hands the aggregate out, in ms by the store's clock; `null`: never. Left out or repeated:
   * as it was.
   */
  readonly deadlineMs?: number | null;
  /**
   * Texts for the log of the deployment, added together with everything else or not at all. In a Redis Cluster the log
   * lies in another slot and is written right after: a node that dies in that moment leaves a change without its facts,
   * an unavailable store may have made the change and not kept them, and those of two nodes may change places.
   */
  readonly facts?: readonly string[];
}

export interface LoggedFact {
  /** Opaque; sorts as text. */
  readonly position: string;
  readonly fact: string;
}

export interface StreamChange {
  readonly stream: string;
  /** A safe integer, 0 or more. */
  readonly position: number;
  readonly value: string | null;
}

export interface StreamEntry {
  readonly position: number;
  readonly value: string;
}

export interface IndexEntry {
  readonly index: string;
  /** Free of U+0000; at most 512 bytes. */
  readonly key: string;
}

export interface IndexQuery {
  /** Lowest key, inclusive. */
  readonly from?: string;
  /** Keys from this one on are left out. */
  readonly until?: string;
  /** Goes on behind this hit, as an earlier answer gave it. */
  readonly after?: IndexHit;
  readonly limit: number;
}

export interface IndexHit {
  readonly key: string;
  readonly id: string;
}

/** An aggregate, and where it can be found. */
export interface Placed extends AggregateId {
  readonly index: readonly IndexEntry[];
}

export interface Due {
  readonly id: string;
  /** The deadline that has passed. */
  readonly deadlineMs: number;
}

export type CommitResult =
  | { readonly ok: true; readonly version: Version; readonly commitId?: CommitId }
  | { readonly ok: false; readonly conflict: true };

/** The store is out of reach or did not answer in time: whether a commit took effect is unknown. */
export class StoreUnavailable extends Unavailable {
  override readonly name: string = 'StoreUnavailable';
}

/** The store is there, can be read, and refuses writes. */
export class StoreReadOnly extends StoreUnavailable {
  override readonly name = 'StoreReadOnly';
  /** Why, for anybody to read: no places, no names. */
  readonly why: string;

  constructor(message: string, why: string, options?: ErrorOptions) {
    super(message, options);
    this.why = why;
  }
}
