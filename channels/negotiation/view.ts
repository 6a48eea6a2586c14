import { iso } from '../kernel/iso.ts';
import { usdc } from '../kernel/money.ts';
import { acceptanceOf, agentOf, type Entry, limitMicro, type Offer, type Session, standingOffer } from './state.ts';

/** A negotiation on the wire (PROTOCOL.md, section 5.3). */
export function sessionView(session: Session) {
  const [client, provider] = [standingOffer(session, 'client'), standingOffer(session, 'provider')];
  const accepted = acceptanceOf(session);
  return {
    id: session.id,
    client_agent_id: session.clientAgentId,
    provider_agent_id: session.providerAgentId,
    capability: session.capability,
    base_price: usdc(session.basePriceMicro),
    limit: usdc(limitMicro(session)),
    status: session.status,
    client_offer: client ? offerView(session, client) : null,
    provider_offer: provider ? offerView(session, provider) : null,
    agreed_amount: accepted ? usdc(accepted.amountMicro) : null,
    expires_at: iso(session.expiresAtMs),
  };
}

export const offerView = (session: Session, { by, amountMicro, signature, atMs }: Offer) => ({
  agent_id: agentOf(session, by),
  role: by,
  amount: usdc(amountMicro),
  signature,
  offered_at: iso(atMs),
});

export const historyView = (session: Session) =>
  session.history.map((entry: Entry) => ({
    event: entry.event,
    agent_id: agentOf(session, entry.by),
    ...('amountMicro' in entry && { amount: usdc(entry.amountMicro), signature: entry.signature }),
    ...('reason' in entry && { reason: entry.reason }),
    at: iso(entry.atMs),
  }));

/** What everybody is told of an agreement: with the two public keys it is all that a third party needs. */
export function completionView(session: Session) {
  const { client_offer, provider_offer } = sessionView(session);
  const accepted = acceptanceOf(session);
  if (!accepted) throw new Error('not agreed');
  return {
    session_id: session.id,
    amount: usdc(accepted.amountMicro),
    client_offer,
    provider_offer,
    accepted_by: agentOf(session, accepted.by),
    signature: accepted.signature,
    completed_at: iso(accepted.atMs),
  };
}
