import Type, { type Static } from 'typebox';
import { CapabilityName, nullable, Timestamp } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';
import { PositiveAmount, Usdc } from '../kernel/money.ts';
import { Signature } from '../kernel/signatures.ts';

/** The client's events on `negotiation:{session_id}` (PROTOCOL.md, section 5.3). */
export const events = {
  offer: Type.Object({ amount: PositiveAmount, signature: Signature }),
  accept: Type.Object({ amount: PositiveAmount, signature: Signature }),
  reject: Type.Object({ reason: Type.String({ maxLength: 1_024 }) }),
};

const Offer = Type.Object({
  agent_id: Id,
  role: Type.Union([Type.Literal('client'), Type.Literal('provider')]),
  amount: Usdc,
  signature: Signature,
  offered_at: Timestamp,
});

/** The server's events on `negotiation:{session_id}`. */
export const pushes = {
  offer: Offer,
  reject: Type.Object({ agent_id: Id, reason: Type.String() }),
  negotiation_complete: Type.Object({
    session_id: Id,
    amount: Usdc,
    client_offer: nullable(Offer),
    provider_offer: nullable(Offer),
    accepted_by: Id,
    signature: Signature,
    completed_at: Timestamp,
  }),
  negotiation_expired: Type.Object({ session_id: Id }),
};

export const NegotiationRequest = Type.Object({
  id: Type.Optional(Id),
  client_agent_id: Type.Optional(Id),
  provider_agent_id: Id,
  capability: Type.Optional(CapabilityName),
  base_price: Type.Optional(PositiveAmount),
  expires_in_ms: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 86_400_000 })),
});
export type NegotiationRequest = Static<typeof NegotiationRequest>;

export const DEFAULT_EXPIRES_IN_MS = 1_800_000;
