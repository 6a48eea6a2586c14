import type { IndexEntry } from '../../server/store/index.ts';
import { placeKey } from '../kernel/lists/order.ts';
import type { Negotiation } from './state.ts';

/** All negotiations, by creation. */
export const NEGOTIATIONS_INDEX = 'negotiations';
export const agentNegotiationsIndex = (agentId: string) => `negotiations:agent:${agentId}`;

/** Time from creation to `announceByMs` in the version that did not store the time of creation. */
const ANNOUNCED_WITHIN_MS = 5_000;

export const createdAtMs = ({
  insertedAtMs,
  announceByMs = ANNOUNCED_WITHIN_MS,
}: Pick<Negotiation, 'insertedAtMs'> & { readonly announceByMs?: number }) =>
  insertedAtMs ?? announceByMs - ANNOUNCED_WITHIN_MS;

/** They never change. */
export function placesOf(negotiation: Negotiation): IndexEntry[] {
  const { clientAgentId, providerAgentId } = negotiation;
  const key = placeKey(createdAtMs(negotiation));
  return [
    { index: NEGOTIATIONS_INDEX, key },
    { index: agentNegotiationsIndex(clientAgentId), key },
    { index: agentNegotiationsIndex(providerAgentId), key },
  ];
}
