import Type, { type Static } from 'typebox';
import { CapabilityName } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';
import { PositiveAmount } from '../kernel/money.ts';
import { Signature } from '../kernel/signatures.ts';

/** The client's events on `negotiation:{session_id}` (PROTOCOL.md, section 5.3). */
export const events = {
  offer: Type.Object({ amount: PositiveAmount, signature: Signature }),
  accept: Type.Object({ amount: PositiveAmount, signature: Signature }),
  reject: Type.Object({ reason: Type.String({ maxLength: 1_024 }) }),
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
