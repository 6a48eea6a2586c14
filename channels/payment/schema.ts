import Type, { type Static } from 'typebox';
import { nullable, Timestamp } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';
import { Amount, Balance, PositiveAmount, Usdc } from '../kernel/money.ts';
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
  propose_close: Type.Object({
    final_balance_a: Balance,
    final_balance_b: Balance,
    nonce: Nonce,
    signature: Signature,
  }),
  close: Type.Object({
    final_balance_a: Balance,
    final_balance_b: Balance,
    signature_a: Signature,
    signature_b: Signature,
  }),
};

const transfer = { nonce: Nonce, from: Id, to: Id, amount: Usdc, balance_a: Usdc, balance_b: Usdc };
const signed = Type.Object({ ...transfer, signature: Signature });
const coSigned = Type.Object({ ...transfer, signature_a: Signature, signature_b: Signature });
const finals = { final_balance_a: Usdc, final_balance_b: Usdc, nonce: Nonce };
const proposedClose = Type.Object({ by: Id, ...finals, signature: Signature, at: Timestamp });
const dispute = Type.Object({
  opened_by: Id,
  reason: Reason,
  evidence: Type.Unknown(),
  nonce: Nonce,
  challenge_ends_at: Timestamp,
});
const closed = {
  ...finals,
  reason: Type.Union([
    Type.Literal('cooperative'),
    Type.Literal('dispute'),
    Type.Literal('withdrawn'),
    Type.Literal('expired'),
  ]),
  closed_at: Timestamp,
};
const closing = Type.Object({
  ...closed,
  signature_a: Type.Optional(Signature),
  signature_b: Type.Optional(Signature),
});

const channel = Type.Object({
  id: Id,
  agent_a: Id,
  agent_b: Id,
  deposit_a: Usdc,
  deposit_b: Usdc,
  balance_a: Usdc,
  balance_b: Usdc,
  nonce: Nonce,
  next_nonce: Nonce,
  pending: nullable(signed),
  status: Type.Union([
    Type.Literal('proposed'),
    Type.Literal('open'),
    Type.Literal('disputed'),
    Type.Literal('closed'),
  ]),
  proposed_close: nullable(proposedClose),
  challenge_period_ms: Type.Integer(),
  challenge_ends_at: nullable(Timestamp),
  last_state: nullable(coSigned),
  dispute: nullable(dispute),
  opened_at: nullable(Timestamp),
  closing: nullable(closing),
  proposed_by: nullable(Id),
  proposal_expires_at: nullable(Timestamp),
  open_signature_a: nullable(Signature),
  open_signature_b: nullable(Signature),
});

/** The server's events on `payment:{channel_id}`. */
export const pushes = {
  channel_opened: Type.Object({ channel }),
  propose_transfer: signed,
  transfer_complete: coSigned,
  reject_transfer: Type.Object({ nonce: Nonce, reason: Reason, by: Id }),
  dispute,
  propose_close: proposedClose,
  channel_closed: Type.Object(closed),
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
