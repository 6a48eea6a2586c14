import { type Between, listBetween } from '../lists/between.ts';
import type { PartyParts } from '../lists/parties.ts';
import { oneOf } from '../lists/query.ts';
import { agentNegotiationsIndex, createdAtMs, NEGOTIATIONS_INDEX } from './indexes.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
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
