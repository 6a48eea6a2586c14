import { iso } from '../kernel/iso.ts';
import { usdc } from '../kernel/money.ts';
import { acceptanceOf, agentOf, type Entry, limitMicro, type Negotiation, type Offer, standingOffer } from './state.ts';

/** A negotiation on the wire (PROTOCOL.md, section 5.3). */
export function negotiationView(negotiation: Negotiation) {
  const [client, provider] = [standingOffer(negotiation, 'client'), standingOffer(negotiation, 'provider')];
  const accepted = acceptanceOf(negotiation);
  return {
    id: negotiation.id,
    client_agent_id: negotiation.clientAgentId,
    provider_agent_id: negotiation.providerAgentId,
    capability: negotiation.capability,
    base_price: usdc(negotiation.basePriceMicro),
    limit: usdc(limitMicro(negotiation)),
    status: negotiation.status,
    client_offer: client ? offerView(negotiation, client) : null,
    provider_offer: provider ? offerView(negotiation, provider) : null,
    agreed_amount: accepted ? usdc(accepted.amountMicro) : null,
    task_id: negotiation.taskId ?? null,
    expires_at: iso(negotiation.expiresAtMs),
  };
}

export const offerView = (negotiation: Negotiation, { by, amountMicro, signature, atMs }: Offer) => ({
  agent_id: agentOf(negotiation, by),
  role: by,
  amount: usdc(amountMicro),
  signature,
  offered_at: iso(atMs),
});

export const historyView = (negotiation: Negotiation) =>
  negotiation.history.map((entry: Entry) => ({
    event: entry.event,
    agent_id: agentOf(negotiation, entry.by),
    ...('amountMicro' in entry && { amount: usdc(entry.amountMicro), signature: entry.signature }),
    ...('reason' in entry && { reason: entry.reason }),
    at: iso(entry.atMs),
  }));

/** An agreement as everybody is told: with the two public keys it is all that a third party needs. */
export function completionView(negotiation: Negotiation) {
  const { client_offer, provider_offer } = negotiationView(negotiation);
  const accepted = acceptanceOf(negotiation);
  if (!accepted) throw new Error('not agreed');
  return {
    session_id: negotiation.id,
    amount: usdc(accepted.amountMicro),
    client_offer,
    provider_offer,
    accepted_by: agentOf(negotiation, accepted.by),
    signature: accepted.signature,
    completed_at: iso(accepted.atMs),
  };
}
