import { oneOf } from '../kernel/lists/query.ts';
import type { PartyParts } from '../principals/parties.ts';
import { type Between, listBetween } from '../principals/things_between.ts';
import { agentNegotiationsIndex, createdAtMs, NEGOTIATIONS_INDEX } from './indexes.ts';
import type { Sessions } from './negotiations.ts';
import type { Session } from './state.ts';
import { sessionView } from './view.ts';

/** `GET /api/negotiations` */
export function negotiationList(sessions: Sessions, parts: PartyParts) {
  const between: Between<Session, 'status'> = {
    name: 'sessions',
    checks: { status: oneOf('open', 'agreed', 'rejected', 'expired') },
    indexOfAll: NEGOTIATIONS_INDEX,
    indexesOf: (agentId) => [agentNegotiationsIndex(agentId)],
    read: (ids) => sessions.readMany(ids),
    insertedAtMs: createdAtMs,
    partiesOf: ({ clientAgentId, providerAgentId }) => [clientAgentId, providerAgentId],
    matches: (session, { status }) => status === undefined || session.status === status,
    view: (found) => found.map(sessionView),
  };
  return listBetween(between, parts);
}
