import type { Refusal } from '../server/refusal.ts';
import { type Change, type Snapshot, type Store, StoreUnavailable } from '../server/store/port.ts';
import { isId } from './ids.ts';

/** One kind of thing that changes as a whole. `S`: its state; `C`: the commands it takes; `E`: what they bring about. */
export interface AggregateType<S, C, E> {
  /** The store's word for it. */
  readonly kind: string;
  parse(fields: Snapshot['fields']): S;
  /** What a commit writes: fields, places in indexes and the deadline that differ from `before`. */
  change(after: S, before: S | undefined): Pick<Change, 'fields' | 'index' | 'deadlineMs'>;
  /** Pure. `state` is undefined for an id that was never committed; `nowMs` is the store's clock. */
  decide(state: S | undefined, command: C, nowMs: number): Decision<S, E>;
}

export type Decision<S, E> = Decided<S, E> | Refusal;

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

/** Every conflict means that somebody else's command went through, so this is reached by a fault only. */
const MAX_ATTEMPTS = 200;
const MAX_PAUSE_MS = 20;

/** The aggregates of one kind, in the store. Ids may come from anybody: a malformed one is never there. */
export class Aggregates<S, C, E> {
  readonly #store: Store;
  readonly #type: AggregateType<S, C, E>;
  readonly #turns = new Turns();

  constructor(store: Store, type: AggregateType<S, C, E>) {
    this.#store = store;
    this.#type = type;
  }

  async read(id: string): Promise<S | undefined> {
    if (!isId(id)) return undefined;
    return this.#parse(await this.#store.read({ kind: this.#type.kind, id }));
  }

  /** In the order of `ids`. */
  async readMany(ids: readonly string[]): Promise<(S | undefined)[]> {
    const wellFormed = ids.filter(isId);
    const found = await this.#store.readMany(this.#type.kind, wellFormed);
    const byId = new Map(found.map((snapshot, at) => [wellFormed[at], this.#parse(snapshot)]));
    return ids.map((id) => byId.get(id));
  }

  /**
   * Reads, decides and commits at the version it read; decides again if somebody else was faster. Resolves when the
   * change is durable. Commands of this node on one id wait for each other, so that only nodes contend.
   *
   * @throws StoreUnavailable the outcome is unknown
   */
  apply(id: string, command: C): Promise<Applied<S, E>> {
    if (!isId(id)) throw new RangeError(`Not an id: ${id.slice(0, 32)}`);
    return this.#turns.take(id, () => this.#apply(id, command));
  }

  async #apply(id: string, command: C): Promise<Applied<S, E>> {
    const aggregate = { kind: this.#type.kind, id };
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (attempt > 0) await pause(attempt);
      const snapshot = await this.#store.read(aggregate);
      const before = this.#parse(snapshot);
      const decided = this.#type.decide(before, command, snapshot.nowMs);
      if (!decided.ok) return decided;
      const { state, events, entries, dropStreams } = decided;
      if (state === before && !entries && !dropStreams) return { ok: true, state, events };
      const committed = await this.#store.commit(aggregate, snapshot.version, {
        ...(state !== before && this.#type.change(state, before)),
        ...(entries && { entries }),
        ...(dropStreams && { dropStreams }),
      });
      if (committed.ok) return { ok: true, state, events };
    }
    throw new StoreUnavailable(`${MAX_ATTEMPTS} conflicts on ${aggregate.kind} ${id}: nothing was changed`);
  }

  #parse({ version, fields }: Snapshot): S | undefined {
    return version === 0 ? undefined : this.#type.parse(fields);
  }
}

/** At random, so that nodes which met once do not meet again. */
function pause(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(attempt, MAX_PAUSE_MS)));
}

/** Lets what is done for one id happen one after the other. */
class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  take<T>(id: string, act: () => Promise<T>): Promise<T> {
    const before = this.#last.get(id);
    const turn = before ? before.then(act, act) : act();
    this.#last.set(id, turn);
    const leave = () => {
      if (this.#last.get(id) === turn) this.#last.delete(id);
    };
    turn.then(leave, leave);
    return turn;
  }
}
