import type { Log } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { Aggregates, type Applied } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import { acknowledgeNotices } from '../messages/follow_up.ts';
import type { Notifications } from '../messages/notifications.ts';
import { coordinationType } from './codec.ts';
import type { Command, Event, Initiate, MemberCommand } from './commands.ts';
import type { CoordinationSightings } from './sightings.ts';
import { type Coordination, isForgotten, type Kept } from './state.ts';
import { asOf } from './voting.ts';

export interface CoordinationsOptions {
  readonly store: Store;
  readonly notifications: Pick<Notifications, 'acknowledge'>;
  readonly sightings: Pick<CoordinationSightings, 'tell'>;
  readonly log: Log;
}

/** Coordinations whose notices are settled at the same time. */
const AT_A_TIME = 2;

/** The coordinations in the store. */
export class Coordinations {
  readonly #options: CoordinationsOptions;
  readonly #aggregates: Aggregates<Kept, Command, Event>;
  /** Those whose notices are settled in their turn, by id. */
  readonly #waiting = new Map<string, Coordination>();
  readonly #settling = new Map<string, Promise<void>>();

  constructor(options: CoordinationsOptions) {
    this.#options = options;
    this.#aggregates = new Aggregates(options.store, coordinationType);
  }

  /** As it is now; undefined also for one whose retention is over. */
  async read(id: string): Promise<Coordination | undefined> {
    const kept = await this.#aggregates.read(id);
    if (!kept || isForgotten(kept)) return undefined;
    return asOf(kept, await this.#options.store.nowMs());
  }

  /** As it is kept: one whose time is over may still stand as it was. */
  stored(id: string): Promise<Kept | undefined> {
    return this.#aggregates.read(id);
  }

  /**
   * Decides and commits, tells everybody, and settles the notices of one that has ended.
   *
   * @throws StoreUnavailable the outcome is unknown
   */
  async apply(id: string, command: Initiate | MemberCommand): Promise<Applied<Coordination, Event>> {
    const applied = await this.#apply(id, command);
    if (!applied.ok) return applied;
    const { state } = applied;
    if (isForgotten(state)) return refuse('not_found');
    if (state.noticesDueMs !== null) await this.#settleSoon(state);
    return { ...applied, state };
  }

  /**
   * Does what is due: the end by time, its notices, the removal. Twice is fine. Whoever committed an end and has not settled
   * its notices may have died before it told anybody: the end is told again, and who has heard it leaves it out.
   */
  async wake(id: string): Promise<void> {
    const applied = await this.#apply(id, { type: 'wake' });
    if (!applied.ok || isForgotten(applied.state)) return;
    const { state, events } = applied;
    if (!state.ending || state.noticesDueMs === null) return;
    const isOverdue = events.length === 0 && state.noticesDueMs <= (await this.#options.store.nowMs());
    const isLeftOver = isOverdue && !this.#waiting.has(id) && !this.#settling.has(id);
    if (isLeftOver) this.#options.sightings.tell({ type: 'ended', atMs: state.ending.atMs }, state);
    // Other ends are due: they are told before all notices of this one are settled.
    void this.#settleSoon(state);
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    while (this.#settling.size > 0) await Promise.all(this.#settling.values());
  }

  async #apply(id: string, command: Command): Promise<Applied<Kept, Event>> {
    const applied = await this.#aggregates.apply(id, command);
    if (!applied.ok) return applied;
    const { state, events } = applied;
    if (!isForgotten(state)) for (const event of events) this.#options.sightings.tell(event, state);
    return applied;
  }

  #settle({ id, notices }: Coordination): Promise<void> {
    return acknowledgeNotices(this.#options.notifications, notices, () =>
      this.#aggregates.apply(id, { type: 'notices_settled' }),
    );
  }

  /**
   * Acknowledges the notices of one that has ended, of which there may be a hundred. Resolves when that is done, or at once
   * if it has to wait for others: whoever has ended very many does not hold up everybody.
   */
  async #settleSoon(coordination: Coordination): Promise<void> {
    const { id } = coordination;
    if (!this.#settling.has(id)) this.#waiting.set(id, coordination);
    this.#settleNext();
    await this.#settling.get(id);
  }

  #settleNext(): void {
    const [next] = this.#waiting.values();
    if (!next || this.#settling.size >= AT_A_TIME) return;
    const { id } = next;
    this.#waiting.delete(id);
    const settling = this.#settle(next)
      .catch((error: unknown) => {
        this.#options.log.error(
          { err: error, coordination: id },
          'settling notices failed: tried again at its deadline',
        );
      })
      .finally(() => {
        this.#settling.delete(id);
        this.#settleNext();
      });
    this.#settling.set(id, settling);
  }
}
