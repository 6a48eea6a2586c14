import type { IndexEntry } from '../../server/store/index.ts';
import { placeKey } from '../kernel/lists/order.ts';
import { type Found, isProposal, type Proposal } from './proposal_state.ts';
import type { PaymentChannel } from './state.ts';

/** All payment channels, by creation. */
export const PAYMENT_CHANNELS_INDEX = 'payment_channels';
export const agentChannelsIndex = (agentId: string) => `payment_channels:agent:${agentId}`;

/** All that were proposed, whatever became of them: a channel that was opened later keeps its place. */
export const PAYMENT_PROPOSALS_INDEX = 'payment_proposals';
export const agentProposalsIndex = (agentId: string) => `payment_proposals:agent:${agentId}`;

export const createdAtMs = (found: Found) =>
  isProposal(found) ? found.createdAtMs : (found.proposedAtMs ?? found.openedAtMs);

/** They never change. */
export function placesOf(channel: PaymentChannel): IndexEntry[] {
  const key = placeKey(createdAtMs(channel));
  return [
    { index: PAYMENT_CHANNELS_INDEX, key },
    { index: agentChannelsIndex(channel.agentA), key },
    { index: agentChannelsIndex(channel.agentB), key },
  ];
}

/** They never change. */
export function proposalPlaces(proposal: Proposal): IndexEntry[] {
  const key = placeKey(createdAtMs(proposal));
  return [
    { index: PAYMENT_PROPOSALS_INDEX, key },
    { index: agentProposalsIndex(proposal.agentA), key },
    { index: agentProposalsIndex(proposal.agentB), key },
  ];
}
