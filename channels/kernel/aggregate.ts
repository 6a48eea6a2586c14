import { LRUCache } from 'lru-cache';
import type { Refusal } from '../../server/index.ts';
import type { Change, IndexEntry, Snapshot, Store, StreamChange, Version } from '../../server/store/index.ts';
import { untilDone } from './attempts.ts';
import { type Fact, factText } from './facts.ts';
import { isId } from './ids.ts';
import type { Traffic, TrafficChange } from './traffic.ts';

/** One kind of thing that changes as a whole. `S`: its state; `C`: the commands it takes; `E`: what they bring about. */
export interface AggregateType<S, C, E, M extends NotDecided = never> {
  /** The store's word for it. */
  readonly kind: string;
  /** The fields that a command needs to be decided; `undefined`, or where this is left out, all. `parse` gets no others. */
  reads?(command: C): readonly string[] | undefined;
  parse(fields: Snapshot['fields']): S;
  /**
   * Everywhere it can be found. Where it is left out `change` says so itself, if at all.
   */
  places?(state: S): readonly IndexEntry[];
  /** True if the places never change: they are written with the first commit, and not looked at again. */
  readonly staysPlaced?: boolean;
  /** Of the places the one that all of this kind have, in a list by creation. */
  readonly listedIn?: string;
  /** True for a state that may be kept in memory at its version. `parse` of what `change` wrote must give the same. */
  remembers?(state: S): boolean;
  /** Returns the fields, places in indexes and deadline that differ from `before`, for the commit to write. */
  change(after: S, before: S | undefined): Pick<Change, 'fields' | 'index' | 'deadlineMs'>;
  /**
   * Pure: what a decision that changed something has brought about, for the figures of the platform. It is logged with
   * the change, and counted once.
   */
  facts?(events: readonly E[], state: S, context: FactContext<S>): readonly Fact[];
  /** Pure: what has passed between agents by these events. It is told after the commit, and not kept. */
  traffic?(events: readonly E[], state: S, context: FactContext<S>): readonly Traffic[];
  /** Pure. `state` is undefined for an id that was never committed; `nowMs` is the store's clock. */
  decide(state: S | undefined, command: C, nowMs: number): Decision<S, E> | M;
}

export interface FactContext<S> {
  readonly id: string;
  readonly before: S | undefined;
  /** The store's clock at the decision. */
  readonly nowMs: number;
}

export type Decision<S, E> = Decided<S, E> | Refusal;

/** Neither yes nor no: for the caller alone (`Moved`). */
export interface NotDecided {
  readonly ok: false;
}

/** With the same `state` object as before, and no entries, there is nothing to commit. */
export interface Decided<S, E> extends Pick<Change, 'entries' | 'dropStreams'> {
  readonly ok: true;
  readonly state: S;
  readonly events: readonly E[];
}

export type Applied<S, E> = { readonly ok: true; readonly state: S; readonly events: readonly E[] } | Refusal;

/** A decision that says yes. */
export function ok<D extends object>(decided: D): D & { readonly ok: true } {
  return { ok: true, ...decided };
}

/** Commands that share a commit. */
const MAX_BATCH = 64;
/** States of one kind that are kept in memory, the latest used. */
const MAX_REMEMBERED = 4_096;

/** A state as the store has it at a version. */
interface Stored<S> extends Pick<Snapshot, 'version' | 'commitId'> {
  readonly state: S | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface QueuedCommand<S, C, E, M> {
  readonly command: C;
  readonly resolve: (applied: Applied<S, E> | M) => void;
  readonly reject: (error: unknown) => void;
}

/** The aggregates of one kind, as upkeep of indexes needs them. */
export interface Placeable {
  readonly kind: string;
  /** The index by creation that has all of them. */
  readonly listedIn: string;
  /** Puts an aggregate into the indexes where it belongs. */
  placeAnew(id: string): Promise<void>;
}

/** The aggregates of one kind, in the store. Ids may come from anybody: a malformed one is never there. */
export class Aggregates<S, C, E, M extends NotDecided = never> implements Placeable {
  readonly #store: Store;
  readonly #type: AggregateType<S, C, E, M>;
  /** Commands by id that wait while others of the same id are decided and committed. */
  readonly #waiting = new Map<string, QueuedCommand<S, C, E, M>[]>();
  /**
   * By id, what this node has committed last. It has the state only where the commit before was this node's as well: where others
   * commit in between it would be out of date each time, and a commit that loses costs more than a read.
   */
  readonly #remembered: LRUCache<string, Stored<S>> | undefined;

  constructor(store: Store, type: AggregateType<S, C, E, M>) {
    this.#store = store;
    this.#type = type;
    if (type.remembers) this.#remembered = new LRUCache({ max: MAX_REMEMBERED });
  }

  /** @param fields those that `parse` gets; all if left out */
  async read(id: string, fields?: readonly string[]): Promise<S | undefined> {
    if (!isId(id)) return undefined;
    return (await this.#read(id, fields)).state;
  }

  /**
   * As `read`, or what this node saw last if it is remembered, which may be out of date: for preparing a command whose decision
   * finds out.
   */
  async recall(id: string): Promise<S | undefined> {
    return this.#known(id)?.state ?? this.read(id);
  }

  /** In the order of `ids`. @param fields those that `parse` gets; all if left out */
  async readMany(ids: readonly string[], fields?: readonly string[]): Promise<(S | undefined)[]> {
    const wellFormed = ids.filter(isId);
    const found = await this.#store.readMany(this.#type.kind, wellFormed, fields);
    const byId = new Map(found.map((snapshot, at) => [wellFormed[at], this.#parse(snapshot)]));
    return ids.map((id) => byId.get(id));
  }

  get kind(): string {
    return this.#type.kind;
  }

  get listedIn(): string {
    return this.#type.listedIn ?? '';
  }

  async placeAnew(id: string): Promise<void> {
    const aggregate = { kind: this.#type.kind, id };
    await untilDone(`${aggregate.kind} ${id}`, async () => {
      const snapshot = await this.#store.read(aggregate);
      const state = this.#parse(snapshot);
      const index = state && this.#type.places?.(state);
      if (!index?.length) return true;
      return (await this.#store.commit(aggregate, snapshot.version, { index })).ok || undefined;
    });
  }

  /**
   * Reads or remembers, decides and commits at the version of that; decides again if somebody else was faster. Resolves when the
   * change is durable. Commands of this node on one id are decided in the order in which they came; those that come
   * while others are being committed share the next commit, so only nodes contend.
   *
   * @throws StoreUnavailable the outcome is unknown
   */
  apply(id: string, command: C): Promise<Applied<S, E> | M> {
    if (!isId(id))
      throw new RangeError(`Invalid id, expected letters, digits, dots, underscores and hyphens: ${id.slice(0, 32)}`);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(id);
      if (waiting) return void waiting.push({ command, resolve, reject });
      this.#waiting.set(id, [{ command, resolve, reject }]);
      void this.#work(id);
    });
  }

  async #work(id: string): Promise<void> {
    for (let waiting = this.#waiting.get(id); waiting?.length; waiting = this.#waiting.get(id)) {
      const batch = waiting.splice(0, MAX_BATCH);
      try {
        await this.#applyAll(id, batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#waiting.delete(id);
  }

  async #applyAll(id: string, batch: readonly QueuedCommand<S, C, E, M>[]): Promise<void> {
    const aggregate = { kind: this.#type.kind, id };
    const fields = union(batch.map(({ command }) => this.#type.reads?.(command)));
    const settle = await untilDone(`${aggregate.kind} ${id}`, async () => {
      const known = fields ? undefined : this.#known(id);
      const { version, state: before, nowMs } = known ? await this.#asOfNow(known) : await this.#read(id, fields);
      const decided = this.#decideAll(id, before, batch, nowMs);
      const { state, entries, dropStreams, facts, traffic } = decided;
      const hasChanged = state !== undefined && (state !== before || entries.length > 0 || dropStreams.length > 0);
      if (hasChanged) {
        const change: Mutable<TrafficChange> = state === before ? {} : { ...this.#type.change(state, before) };
        const index = state === before ? undefined : this.#newPlaces(state, before);
        if (index) change.index = index;
        if (entries.length > 0) change.entries = entries;
        if (dropStreams.length > 0) change.dropStreams = dropStreams;
        if (facts.length > 0) change.facts = facts.map((fact) => factText({ ...fact, version }));
        if (traffic.length > 0) change.traffic = traffic;
        const committed = await this.#store.commit(aggregate, version, change, known?.commitId);
        if (!committed.ok) {
          this.#remembered?.delete(id);
          return undefined;
        }
        if (!fields) this.#remember(id, version, { ...committed, state });
      } else if (known && !isSame(await this.#store.read(aggregate, []), known)) {
        // No commit has told whether what is remembered still holds.
        this.#remembered?.delete(id);
        return undefined;
      }
      return decided.settle;
    });
    for (const one of settle) one();
  }

  /** All places from now on; `undefined` if they are those that it has. */
  #newPlaces(after: S, before: S | undefined): readonly IndexEntry[] | undefined {
    if (before !== undefined && this.#type.staysPlaced) return undefined;
    const index = this.#type.places?.(after);
    const isPlaced = !index || (before !== undefined && samePlaces(index, this.#type.places?.(before) ?? []));
    return isPlaced ? undefined : index;
  }

  /** A state that may be decided on without a read. */
  #known(id: string): Stored<S> | undefined {
    const remembered = this.#remembered?.get(id);
    return remembered?.state && remembered;
  }

  async #asOfNow({ version, state }: Stored<S>) {
    return { version, state, nowMs: await this.#store.nowMs() };
  }

  /** One command after the other, each on the state that those before it have left. */
  #decideAll(id: string, before: S | undefined, batch: readonly QueuedCommand<S, C, E, M>[], nowMs: number) {
    let state = before;
    const facts: Fact[] = [];
    const traffic: Traffic[] = [];
    const entries: StreamChange[] = [];
    const dropStreams: string[] = [];
    /** To be called once all of it is durable. */
    const settle: (() => void)[] = [];
    for (const { command, resolve, reject } of batch) {
      try {
        const decided = this.#type.decide(state, command, nowMs);
        if (isDecided(decided)) {
          const { state: after, events } = decided;
          const context = { id, before: state, nowMs };
          if (after !== state) facts.push(...(this.#type.facts?.(events, after, context) ?? []));
          if (events.length > 0) traffic.push(...(this.#type.traffic?.(events, after, context) ?? []));
          state = after;
          // A dropped stream takes along what this batch has put into it so far, as if it had been committed.
          for (const dropped of decided.dropStreams ?? []) {
            dropStreams.push(dropped);
            removeStream(entries, dropped);
          }
          entries.push(...(decided.entries ?? []));
          settle.push(() => resolve({ ok: true, state: after, events }));
        } else {
          settle.push(() => resolve(decided));
        }
      } catch (error) {
        settle.push(() => reject(error));
      }
    }
    return { state, entries, dropStreams, facts, traffic, settle };
  }

  async #read(id: string, fields?: readonly string[]): Promise<Stored<S> & Pick<Snapshot, 'nowMs'>> {
    const aggregate = { kind: this.#type.kind, id };
    const known = fields ? undefined : this.#known(id);
    if (known) {
      const now = await this.#store.read(aggregate, []);
      if (isSame(now, known)) return { ...known, nowMs: now.nowMs };
    }
    const snapshot = await this.#store.read(aggregate, fields);
    const { version, commitId, nowMs } = snapshot;
    return { version, commitId, state: this.#parse(snapshot), nowMs };
  }

  #remember(id: string, before: Version, { version, commitId, state }: Stored<S>): void {
    if (!this.#remembered) return;
    const mayTrust = this.#remembered.get(id)?.version === before && state !== undefined;
    this.#remembered.set(id, {
      version,
      commitId,
      state: mayTrust && this.#type.remembers?.(state) ? state : undefined,
    });
  }

  #parse({ version, fields }: Snapshot): S | undefined {
    return version === 0 ? undefined : this.#type.parse(fields);
  }
}

const isSame = (one: Pick<Snapshot, 'version' | 'commitId'>, other: typeof one) =>
  one.version === other.version && one.commitId === other.commitId;

const isDecided = <S, E>(decision: Decided<S, E> | NotDecided): decision is Decided<S, E> => decision.ok;

function removeStream(entries: StreamChange[], dropped: string): void {
  for (let at = entries.length - 1; at >= 0; at--) if (entries[at]?.stream === dropped) entries.splice(at, 1);
}

/** In any order. */
function samePlaces(one: readonly IndexEntry[], other: readonly IndexEntry[]): boolean {
  if (one.length !== other.length) return false;
  if (one.every(({ index, key }, at) => other[at]?.index === index && other[at]?.key === key)) return true;
  const texts = new Set(other.map(placeText));
  return one.every((place) => texts.has(placeText(place)));
}

const placeText = ({ index, key }: IndexEntry) => `${index}\0${key}`;

/** All fields if one of the lists is of all. */
function union(lists: readonly (readonly string[] | undefined)[]): string[] | undefined {
  const named = lists.filter((list) => list !== undefined);
  return named.length === lists.length ? [...new Set(named.flat())] : undefined;
}
