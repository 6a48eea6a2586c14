import Type, { type Static } from 'typebox';
import { CapabilityName } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';
import { Amount, Balance, PositiveAmount } from '../kernel/money.ts';
import { Signature } from '../kernel/signatures.ts';
import { CoSignedState } from '../payment/schema.ts';

const PublicKeys = Type.Optional(Type.Record(Type.String(), Type.String()));
const Time = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
  description: 'a time like 2026-01-31T12:00:00.000Z',
});
const orNull = <T extends Type.TSchema>(type: T) => Type.Optional(Type.Union([type, Type.Null()]));
const Nonce = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const OfferExport = Type.Object({ agent_id: Id, amount: PositiveAmount, signature: Signature });

/** The answer of `GET /api/negotiations/{id}`, and the public keys. */
export const NegotiationExport = Type.Object({
  network_id: Type.Optional(Type.String()),
  public_keys: PublicKeys,
  session: Type.Object({
    id: Id,
    client_agent_id: Id,
    provider_agent_id: Id,
    capability: orNull(CapabilityName),
    base_price: PositiveAmount,
    limit: Balance,
    status: Type.Union(['open', 'agreed', 'rejected', 'expired'].map((status) => Type.Literal(status))),
    client_offer: orNull(OfferExport),
    provider_offer: orNull(OfferExport),
    agreed_amount: orNull(PositiveAmount),
    history: Type.Array(
      Type.Object({
        event: Type.Union(['offer', 'accept', 'reject'].map((event) => Type.Literal(event))),
        agent_id: Id,
        amount: Type.Optional(PositiveAmount),
        signature: Type.Optional(Signature),
        at: Time,
      }),
    ),
  }),
});
export type NegotiationExport = Static<typeof NegotiationExport>;

export const Executed = CoSignedState;
const Burned = Type.Object({
  nonce: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  burned: Type.Literal(true),
  by: Id,
  at: Time,
});

/** The answers of `GET /api/payment_channels/{id}` and of all pages of its history, and the public keys. */
export const PaymentExport = Type.Object({
  network_id: Type.Optional(Type.String()),
  public_keys: PublicKeys,
  channel: Type.Object({
    id: Id,
    agent_a: Id,
    agent_b: Id,
    deposit_a: Amount,
    deposit_b: Amount,
    balance_a: Balance,
    balance_b: Balance,
    nonce: Nonce,
    next_nonce: Nonce,
    pending: orNull(Type.Object({ nonce: Nonce })),
    status: Type.Union(['proposed', 'open', 'disputed', 'closed'].map((status) => Type.Literal(status))),
    proposed_close: orNull(
      Type.Object({ by: Id, final_balance_a: Balance, final_balance_b: Balance, nonce: Nonce, signature: Signature }),
    ),
    challenge_period_ms: Type.Integer(),
    challenge_ends_at: orNull(Time),
    last_state: orNull(CoSignedState),
    closing: orNull(
      Type.Object({
        final_balance_a: Balance,
        final_balance_b: Balance,
        nonce: Nonce,
        reason: Type.Union(['cooperative', 'dispute', 'withdrawn', 'expired'].map((reason) => Type.Literal(reason))),
        signature_a: orNull(Signature),
        signature_b: orNull(Signature),
      }),
    ),
    opened_at: orNull(Time),
    proposed_by: orNull(Id),
    open_signature_a: orNull(Signature),
    open_signature_b: orNull(Signature),
  }),
  history: Type.Array(Type.Union([Burned, CoSignedState])),
});
export type PaymentExport = Static<typeof PaymentExport>;
export type HistoryItem = PaymentExport['history'][number];
