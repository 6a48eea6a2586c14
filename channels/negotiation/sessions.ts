import type { Store } from '../../server/store/port.ts';
import { Aggregates, type AggregateType, type Applied } from '../aggregate.ts';
import { microJson, parseMicroJson } from '../micro_json.ts';
import { type Command, decide, type Event } from './decide.ts';
import { negotiationFacts } from './facts.ts';
import { asOf, type Session } from './session.ts';

export const NEGOTIATION = 'negotiation';

/** `terms` never changes, `course` does. */
const sessionType: AggregateType<Session, Command, Event> = {
  kind: NEGOTIATION,
  parse: ({ terms = '{}', course = '{}' }) => ({ ...parseMicroJson<Session>(terms), ...parseMicroJson(course) }),
  change(after, before) {
    const { status, history, isAnnounced, ...terms } = after;
    return {
      fields: { course: microJson({ status, history, isAnnounced }), ...(!before && { terms: microJson(terms) }) },
      deadlineMs: deadlineMs(after),
    };
  },
  decide,
  facts: negotiationFacts,
};

/** When somebody has to look after it next. */
function deadlineMs({ status, isAnnounced, announceByMs, expiresAtMs }: Session): number | null {
  const deadlines = [...(isAnnounced ? [] : [announceByMs]), ...(status === 'open' ? [expiresAtMs] : [])];
  return deadlines.length > 0 ? Math.min(...deadlines) : null;
}

/** The negotiations in the store. */
export class Sessions {
  readonly #store: Pick<Store, 'nowMs'>;
  readonly #aggregates: Aggregates<Session, Command, Event>;

  constructor(store: Store) {
    this.#store = store;
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

  /** @throws StoreUnavailable the outcome is unknown */
  apply(id: string, command: Command): Promise<Applied<Session, Event>> {
    return this.#aggregates.apply(id, command);
  }
}
