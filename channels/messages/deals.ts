import type { Events, TypedHub } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { Aggregates, type AggregateType, type Applied, type Placeable } from '../kernel/aggregate.ts';
import { type Moved, unmoved } from '../kernel/signed_change.ts';
import type { DomainContext } from '../principals/domain.ts';
import { acknowledgeNotices, type Deal } from './follow_up.ts';
import type { Notifications } from './notifications.ts';

/** The parts of a node that a domain of deals is made with. `P`: what its channel pushes. */
export interface DealContext<P extends Events> extends Pick<DomainContext, 'store' | 'networkId'> {
  readonly hub: TypedHub<P>;
  readonly principals: { readonly agents: Pick<DomainContext['principals']['agents'], 'read' | 'readProfiles'> };
  readonly notifications: Notifications;
}

interface NoticesSettled {
  readonly type: 'notices_settled';
}

export interface DealType<S extends Deal, C, E> extends AggregateType<S, C | NoticesSettled, E, Moved> {
  /** Returns the state at `nowMs`: a deadline that has passed counts, even if it has not been handled yet. */
  asOf(state: S, nowMs: number): S;
}

/** The deals of one kind, in the store. `Signed`: those of its commands that were prepared for a stored state. */
export class Deals<S extends Deal, C extends object, Signed extends C, E> {
  readonly #store: Pick<Store, 'nowMs'>;
  readonly #notifications: Pick<Notifications, 'acknowledge'>;
  readonly #type: DealType<S, C, E>;
  readonly #aggregates: Aggregates<S, C | NoticesSettled, E, Moved>;

  constructor(store: Store, notifications: Pick<Notifications, 'acknowledge'>, type: DealType<S, C, E>) {
    this.#store = store;
    this.#notifications = notifications;
    this.#type = type;
    this.#aggregates = new Aggregates(store, type);
  }

  /** As it is kept: one whose time is over may still stand as it was. */
  stored(id: string): Promise<S | undefined> {
    return this.#aggregates.read(id);
  }

  /** As it was kept when this node saw it last: see `Aggregates.recall`. */
  recall(id: string): Promise<S | undefined> {
    return this.#aggregates.recall(id);
  }

  /** As it is now. */
  async read(id: string): Promise<S | undefined> {
    const state = await this.#aggregates.read(id);
    return state && this.#type.asOf(state, await this.#store.nowMs());
  }

  /** Many as they are now, in the order of `ids`. */
  async readMany(ids: readonly string[]): Promise<(S | undefined)[]> {
    const [states, nowMs] = await Promise.all([this.#aggregates.readMany(ids), this.#store.nowMs()]);
    return states.map((state) => state && this.#type.asOf(state, nowMs));
  }

  /** For upkeep: see `Aggregates.placeAnew`. */
  get placeable(): Placeable {
    return this.#aggregates;
  }

  /**
   * Once a deal has ended its notices are acknowledged too, unless the store is away then.
   *
   * @throws StoreUnavailable the outcome is unknown
   */
  async apply(id: string, command: Exclude<C, Signed>): Promise<Applied<S, E>> {
    return unmoved(await this.#apply(id, command));
  }

  /** As `apply`, for `signedChange`. */
  applySigned(id: string, command: Signed): Promise<Applied<S, E> | Moved> {
    return this.#apply(id, command);
  }

  async #apply(id: string, command: C): Promise<Applied<S, E> | Moved> {
    const applied = await this.#aggregates.apply(id, command);
    if (applied.ok && applied.state.noticesDueMs !== null) {
      await acknowledgeNotices(this.#notifications, applied.state.notices ?? [], () =>
        this.#aggregates.apply(id, { type: 'notices_settled' }),
      );
    }
    return applied;
  }
}
