import { oneOf } from '../kernel/lists/query.ts';
import type { PartyOptions } from '../principals/parties.ts';
import { type Between, listBetween } from '../principals/things_between.ts';
import {
  agentChannelsIndex,
  agentProposalsIndex,
  createdAtMs,
  PAYMENT_CHANNELS_INDEX,
  PAYMENT_PROPOSALS_INDEX,
} from './indexes.ts';
import type { Openings } from './openings.ts';
import type { Found } from './proposal_state.ts';
import { foundStatus, foundView } from './view.ts';

/** `GET /api/payment_channels` */
export function paymentChannelList(openings: Pick<Openings, 'findMany'>, options: PartyOptions) {
  const between: Between<Found, 'status'> = {
    name: 'channels',
    checks: { status: oneOf('proposed', 'open', 'disputed', 'closed') },
    indexesOfAll: [PAYMENT_CHANNELS_INDEX, PAYMENT_PROPOSALS_INDEX],
    indexesOf: (agentId) => [agentChannelsIndex(agentId), agentProposalsIndex(agentId)],
    read: (ids) => openings.findMany(ids),
    insertedAtMs: createdAtMs,
    partiesOf: ({ agentA, agentB }) => [agentA, agentB],
    matches: (found, { status }) => status === undefined || foundStatus(found) === status,
    view: (found) => found.map(foundView),
  };
  return listBetween(between, options);
}
