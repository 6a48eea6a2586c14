import type { Store } from '../../server/store/index.ts';
import { Aggregates, type AggregateType, type Applied, type Placeable } from '../kernel/aggregate.ts';
import { microJson, parseMicroJson } from '../kernel/micro_json.ts';
import { type Moved, unmoved } from '../kernel/signed_change.ts';
import { acknowledgeNotices } from '../messages/follow_up.ts';
import type { Notices } from '../messages/notifications.ts';
import { type Command, decide, type Event, type SignedCommand } from './decide.ts';
import { negotiationFacts } from './facts.ts';
import { NEGOTIATIONS_INDEX, placesOf } from './indexes.ts';
import { asOf, type Session } from './state.ts';

export const NEGOTIATION = 'negotiation';

/** `terms` never changes, `course` does. */
const sessionType: AggregateType<Session, Command, Event, Moved> = {
  kind: NEGOTIATION,
  listedIn: NEGOTIATIONS_INDEX,
  places: placesOf,
  parse: ({ terms = '{}', course = '{}' }) => ({ ...parseMicroJson<Session>(terms), ...parseMicroJson(course) }),
  change(after, before) {
    const { status, history, noticesDueMs, ...terms } = after;
    return {
      fields: { course: microJson({ status, history, noticesDueMs }), ...(!before && { terms: microJson(terms) }) },
      deadlineMs: deadlineMs(after),
    };
  },
  decide,
  facts: negotiationFacts,
};

/** When somebody has to look after it next. */
function deadlineMs({ status, noticesDueMs, expiresAtMs }: Session): number | null {
  return status === 'open' ? expiresAtMs : noticesDueMs;
}

/** The negotiations in the store. */
export class Sessions {
  readonly #store: Pick<Store, 'nowMs'>;
  readonly #notices: Pick<Notices, 'acknowledge'>;
  readonly #aggregates: Aggregates<Session, Command, Event, Moved>;

  constructor(store: Store, notices: Pick<Notices, 'acknowledge'>) {
    this.#store = store;
    this.#notices = notices;
    this.#aggregates = new Aggregates(store, sessionType);
  }

  /** As it is kept: one whose time is over may still say `open`. */
  stored(id: string): Promise<Session | undefined> {
    return this.#aggregates.read(id);
  }

  /** As it is now. */
  async read(id: string): Promise<Session | undefined> {
    const session = await this.#aggregates.read(id);
    return session && asOf(session, await this.#store.nowMs());
  }

  /** Many as they are now, in the order of `ids`. */
  async readMany(ids: readonly string[]): Promise<(Session | undefined)[]> {
    const [sessions, nowMs] = await Promise.all([this.#aggregates.readMany(ids), this.#store.nowMs()]);
    return sessions.map((session) => session && asOf(session, nowMs));
  }

  /** For upkeep: see `Aggregates.placeAnew`. */
  get placeable(): Placeable {
    return this.#aggregates;
  }

  /**
   * Once a negotiation has ended its notices are acknowledged too, unless the store is away then.
   *
   * @throws StoreUnavailable the outcome is unknown
   */
  async apply(id: string, command: Exclude<Command, SignedCommand>): Promise<Applied<Session, Event>> {
    return unmoved(await this.#apply(id, command));
  }

  /** As `apply`, for `signedChange`. */
  applySigned(id: string, command: SignedCommand): Promise<Applied<Session, Event> | Moved> {
    return this.#apply(id, command);
  }

  async #apply(id: string, command: Command): Promise<Applied<Session, Event> | Moved> {
    const applied = await this.#aggregates.apply(id, command);
    if (applied.ok && applied.state.noticesDueMs !== null) {
      await acknowledgeNotices(this.#notices, applied.state.notices ?? [], () =>
        this.#aggregates.apply(id, { type: 'notices_settled' }),
      );
    }
    return applied;
  }
}
