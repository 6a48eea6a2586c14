import { type SignedFields, signedLines } from '../../crypto/signed_text.ts';
import { usdc } from '../kernel/money.ts';
import type { NoticeRef } from '../messages/notifications.ts';

export type Role = 'client' | 'provider';

/** Terms of a negotiation, fixed when it is made. */
export interface Terms {
  readonly id: string;
  readonly clientAgentId: string;
  readonly providerAgentId: string;
  /** As registered: base64 of 32 bytes. */
  readonly clientPublicKey: string;
  readonly providerPublicKey: string;
  readonly capability: string | null;
  readonly basePriceMicro: bigint;
  /** True if the base price is what the provider asked then. */
  readonly isPriceAnnounced: boolean;
  /** The participant that made it; `null`: the admin. */
  readonly creatorId: string | null;
  /** Digest of the request, by which a repeat is recognised. */
  readonly registration: string;
}

export interface Negotiation extends Terms {
  /** Absent where an earlier version made it. */
  readonly insertedAtMs?: number;
  readonly expiresAtMs: number;
  /** By which the participants were told. */
  readonly notices?: readonly NoticeRef[];
  /** By when somebody has to acknowledge the notices, once it has ended; `null` while it is open, and afterwards. */
  readonly noticesDueMs: number | null;
  readonly status: 'open' | 'agreed' | 'rejected' | 'expired';
  readonly history: readonly Entry[];
  /** The task that was made of the agreement, or is about to be; absent: none. */
  readonly taskId?: string | undefined;
}

export type Entry = Offer | Acceptance | Rejection;

interface EntryBy {
  readonly by: Role;
  readonly atMs: number;
}

export interface Offer extends EntryBy {
  readonly event: 'offer';
  readonly amountMicro: bigint;
  /** Canonical base64. */
  readonly signature: string;
}

export interface Acceptance extends EntryBy {
  readonly event: 'accept';
  readonly amountMicro: bigint;
  readonly signature: string;
}

export interface Rejection extends EntryBy {
  readonly event: 'reject';
  readonly reason: string;
}

export function roleOf({ clientAgentId, providerAgentId }: Terms, agentId: string): Role | undefined {
  if (agentId === clientAgentId) return 'client';
  return agentId === providerAgentId ? 'provider' : undefined;
}

export const agentOf = (terms: Terms, role: Role) => (role === 'client' ? terms.clientAgentId : terms.providerAgentId);
export const publicKeyOf = (terms: Terms, role: Role) =>
  role === 'client' ? terms.clientPublicKey : terms.providerPublicKey;

/** No offer may be above it. */
export const limitMicro = ({ basePriceMicro }: Terms) => 2n * basePriceMicro;

export const offersBy = ({ history }: Negotiation, role: Role) =>
  history.filter((entry): entry is Offer => entry.event === 'offer' && entry.by === role);

/** The latest offer of one side. */
export const standingOffer = (negotiation: Negotiation, role: Role) => offersBy(negotiation, role).at(-1);

/** True if one side offered this before, and then something else: an amount that was given up stays so. */
export function isSuperseded(negotiation: Negotiation, role: Role, amountMicro: bigint): boolean {
  const offers = offersBy(negotiation, role);
  return offers.at(-1)?.amountMicro !== amountMicro && offers.some((offer) => offer.amountMicro === amountMicro);
}

export const acceptanceOf = ({ history }: Negotiation) =>
  history.find((entry): entry is Acceptance => entry.event === 'accept');

/** Returns the negotiation at `nowMs`: expired after its deadline, even if that has not been handled yet. */
export function asOf(negotiation: Negotiation, nowMs: number): Negotiation {
  return negotiation.status === 'open' && nowMs >= negotiation.expiresAtMs
    ? { ...negotiation, status: 'expired' }
    : negotiation;
}

/** The text that the maker of an offer signs. */
export function offerLines(terms: Terms, by: Role, amountMicro: bigint): string {
  return signedLines('negotiation.offer', offerFields(terms, by, amountMicro));
}

/** The text that the accepting agent signs; `undefined` while an offer is missing. */
export function acceptLines(negotiation: Negotiation, by: Role, amountMicro: bigint): string | undefined {
  const [client, provider] = [standingOffer(negotiation, 'client'), standingOffer(negotiation, 'provider')];
  if (!client || !provider) return undefined;
  return signedLines('negotiation.accept', {
    ...offerFields(negotiation, by, amountMicro),
    client_offer_amount: usdc(client.amountMicro),
    provider_offer_amount: usdc(provider.amountMicro),
  });
}

const offerFields = (terms: Terms, by: Role, amountMicro: bigint): SignedFields<'negotiation.offer'> => ({
  session_id: terms.id,
  client_agent_id: terms.clientAgentId,
  provider_agent_id: terms.providerAgentId,
  capability: terms.capability,
  agent_id: agentOf(terms, by),
  amount: usdc(amountMicro),
});
