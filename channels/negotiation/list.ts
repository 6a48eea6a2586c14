import { oneOf } from '../kernel/lists/query.ts';
import type { PartyOptions } from '../principals/parties.ts';
import { type Between, listBetween } from '../principals/things_between.ts';
import { agentNegotiationsIndex, createdAtMs, NEGOTIATIONS_INDEX } from './indexes.ts';
import type { Negotiations } from './negotiations.ts';
import type { Negotiation } from './state.ts';
import { negotiationView } from './view.ts';

/** `GET /api/negotiations` */
export function negotiationList(negotiations: Negotiations, options: PartyOptions) {
  const between: Between<Negotiation, 'status'> = {
    // On the wire a negotiation is a session.
    name: 'sessions',
    checks: { status: oneOf('open', 'agreed', 'rejected', 'expired') },
    indexesOfAll: [NEGOTIATIONS_INDEX],
    indexesOf: (agentId) => [agentNegotiationsIndex(agentId)],
    read: (ids) => negotiations.readMany(ids),
    insertedAtMs: createdAtMs,
    partiesOf: ({ clientAgentId, providerAgentId }) => [clientAgentId, providerAgentId],
    matches: (negotiation, { status }) => status === undefined || negotiation.status === status,
    view: (found) => found.map(negotiationView),
  };
  return listBetween(between, options);
}
