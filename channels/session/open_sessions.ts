import type { Refusal } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { Aggregates, type AggregateType, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';

type OwnerKind = 'user' | 'agent';

/** Open sessions that one user or one agent may have. */
const MOST: Readonly<Record<OwnerKind, number>> = { user: 20, agent: 1_000 };
/** A place taken so long ago whose session is not there was left by a node that died. */
const LOST_MS = 60_000;

/** The open sessions of one user or agent: how many, and those that a command names. */
interface Places {
  readonly count: number;
  /** Time at which each was taken; null: given up. */
  readonly takenAtMs: ReadonlyMap<string, number | null>;
}

type PlaceCommand =
  | { readonly type: 'take'; readonly sessionId: string }
  | { readonly type: 'give_up'; readonly sessionId: string };

const FIELD = 'in:';

function placesType(scope: OwnerKind): AggregateType<Places, PlaceCommand, never> {
  return {
    kind: `${scope}_open_sessions`,
    reads: ({ sessionId }) => ['count', FIELD + sessionId],
    parse: ({ count = '0', ...fields }) => ({
      count: Number(count),
      takenAtMs: new Map(Object.entries(fields).map(([name, at]) => [name.slice(FIELD.length), Number(at)])),
    }),
    change: ({ count, takenAtMs }) => ({
      fields: {
        count: String(count),
        ...Object.fromEntries([...takenAtMs].map(([id, at]) => [FIELD + id, at === null ? null : String(at)])),
      },
    }),
    decide(before = { count: 0, takenAtMs: new Map() }, { type, sessionId }, nowMs) {
      const isTaken = typeof before.takenAtMs.get(sessionId) === 'number';
      if (type === 'take' ? isTaken : !isTaken) return ok({ state: before, events: [] });
      if (type === 'take' && before.count >= MOST[scope]) {
        return refuse('too_many_sessions', { scope, limit: MOST[scope] });
      }
      const takenAtMs = new Map(before.takenAtMs).set(sessionId, type === 'take' ? nowMs : null);
      return ok({ state: { count: before.count + (type === 'take' ? 1 : -1), takenAtMs }, events: [] });
    },
  };
}

/** Bounds how many open sessions a user or an agent has, exactly, over all nodes. */
export class OpenSessions {
  readonly #scope: OwnerKind;
  readonly #store: Pick<Store, 'nowMs'>;
  readonly #places: Aggregates<Places, PlaceCommand, never>;
  readonly #areTaken: (ids: readonly string[], ownerId: string) => Promise<readonly boolean[]>;

  /** @param areTaken tells which of these sessions are open and the owner's */
  constructor(
    scope: OwnerKind,
    store: Store,
    areTaken: (ids: readonly string[], ownerId: string) => Promise<readonly boolean[]>,
  ) {
    this.#scope = scope;
    this.#store = store;
    this.#places = new Aggregates(store, placesType(scope));
    this.#areTaken = areTaken;
  }

  /** Takes a place for a session; one that has it keeps it. */
  async take(ownerId: string, sessionId: string): Promise<{ readonly ok: true } | Refusal> {
    const taken = await this.#places.apply(ownerId, { type: 'take', sessionId });
    if (taken.ok || !(await this.#giveUpLost(ownerId))) return taken;
    return this.#places.apply(ownerId, { type: 'take', sessionId });
  }

  async giveUp(ownerId: string, sessionId: string): Promise<void> {
    await this.#places.apply(ownerId, { type: 'give_up', sessionId });
  }

  /** Gives up the places that nobody has. @returns whether there were some */
  async #giveUpLost(ownerId: string): Promise<boolean> {
    const [places, nowMs] = await Promise.all([this.#places.read(ownerId), this.#store.nowMs()]);
    const old = [...(places?.takenAtMs ?? [])].filter(([, atMs]) => atMs !== null && atMs < nowMs - LOST_MS);
    const ids = old.map(([id]) => id);
    const areTaken = await this.#areTaken(ids, ownerId);
    const lost = ids.filter((_, at) => !areTaken[at]);
    for (const id of lost) await this.giveUp(ownerId, id);
    return lost.length > 0;
  }

  get scope(): OwnerKind {
    return this.#scope;
  }
}
