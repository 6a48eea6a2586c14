import Type, { type Static } from 'typebox';
import { Id } from '../kernel/ids.ts';
import { Amount, Balance, PositiveAmount } from '../kernel/money.ts';
import { Signature } from '../kernel/signatures.ts';

const Nonce = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Reason = Type.String({ maxLength: 1_024 });

/** `evidence` is any JSON; where it holds a `state`, `CoSignedState` says what that has to be. */
export const DisputeRequest = Type.Object({ reason: Reason, evidence: Type.Unknown() });
export type DisputeRequest = Static<typeof DisputeRequest>;

export const EVIDENCE_KIB = 16;

/** The client's events on `payment:{channel_id}` (PROTOCOL.md, section 5.4). */
export const events = {
  propose_transfer: Type.Object({ amount: PositiveAmount, nonce: Nonce, signature: Signature }),
  acknowledge_transfer: Type.Object({ amount: PositiveAmount, nonce: Nonce, signature: Signature }),
  reject_transfer: Type.Object({ reason: Reason, nonce: Type.Optional(Nonce) }),
  dispute: DisputeRequest,
  close: Type.Object({
    final_balance_a: Balance,
    final_balance_b: Balance,
    signature_a: Signature,
    signature_b: Signature,
  }),
};

export const CoSignedState = Type.Object({
  nonce: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  from: Id,
  to: Id,
  amount: PositiveAmount,
  balance_a: Balance,
  balance_b: Balance,
  signature_a: Signature,
  signature_b: Signature,
});

export const PaymentChannelRequest = Type.Object({
  id: Type.Optional(Id),
  agent_a: Id,
  agent_b: Id,
  deposit_a: Amount,
  deposit_b: Amount,
  challenge_period_ms: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 2_592_000_000 })),
  signature_a: Type.Optional(Signature),
  signature_b: Type.Optional(Signature),
});
export type PaymentChannelRequest = Static<typeof PaymentChannelRequest>;

export const DEFAULT_CHALLENGE_PERIOD_MS = 3_600_000;
