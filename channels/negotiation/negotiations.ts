import type { Store } from '../../server/store/index.ts';
import { microJson, parseMicroJson } from '../kernel/micro_json.ts';
import { Deals, type DealType } from '../messages/deals.ts';
import type { Notifications } from '../messages/notifications.ts';
import { type Command, decide, type Event, type SignedCommand } from './decide.ts';
import { negotiationFacts } from './facts.ts';
import { NEGOTIATIONS_INDEX, placesOf } from './indexes.ts';
import { asOf, type Negotiation } from './state.ts';
import { negotiationTraffic } from './traffic.ts';

export const NEGOTIATION = 'negotiation';

/** `terms` never changes, `course` does; `task` lies apart, so that a node of the version before leaves it as it is. */
const negotiationType: DealType<Negotiation, Command, Event> = {
  kind: NEGOTIATION,
  listedIn: NEGOTIATIONS_INDEX,
  places: placesOf,
  parse: ({ terms = '{}', course = '{}', task: taskId }) => ({
    ...parseMicroJson<Negotiation>(terms),
    ...parseMicroJson(course),
    ...(taskId !== undefined && { taskId }),
  }),
  change(after, before) {
    const { status, history, noticesDueMs, taskId, ...terms } = after;
    return {
      fields: {
        course: microJson({ status, history, noticesDueMs }),
        ...(!before && { terms: microJson(terms) }),
        ...(taskId !== before?.taskId && { task: taskId ?? null }),
      },
      deadlineMs: deadlineMs(after),
    };
  },
  decide,
  asOf,
  facts: negotiationFacts,
  traffic: negotiationTraffic,
};

/** Time at which somebody has to look after it next. */
function deadlineMs({ status, noticesDueMs, expiresAtMs }: Negotiation): number | null {
  return status === 'open' ? expiresAtMs : noticesDueMs;
}

/** The negotiations in the store. */
export class Negotiations extends Deals<Negotiation, Command, SignedCommand, Event> {
  constructor(store: Store, notifications: Pick<Notifications, 'acknowledge'>) {
    super(store, notifications, negotiationType);
  }
}
