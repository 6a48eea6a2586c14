import { iso } from '../kernel/iso.ts';
import { usdc } from '../kernel/money.ts';
import {
  agentOf,
  type Balances,
  type Closing,
  type CoSigned,
  type Dispute,
  otherSide,
  type Past,
  type PaymentChannel,
  type Pending,
  statusOf,
  type Terms,
  type Transfer,
} from './state.ts';

/** A payment channel on the wire (PROTOCOL.md, section 5.4). */
export function channelView(channel: PaymentChannel) {
  const { pending, lastState, dispute, closing } = channel;
  return {
    id: channel.id,
    agent_a: channel.agentA,
    agent_b: channel.agentB,
    deposit_a: usdc(channel.deposits.aMicro),
    deposit_b: usdc(channel.deposits.bMicro),
    ...balancesView(channel.balances),
    nonce: channel.nonce,
    next_nonce: channel.nextNonce,
    pending: pending ? pendingView(channel, pending) : null,
    status: statusOf(channel),
    challenge_period_ms: channel.challengePeriodMs,
    challenge_ends_at: dispute ? iso(dispute.endsAtMs) : null,
    last_state: lastState ? coSignedView(channel, lastState) : null,
    dispute: dispute ? disputeView(channel, dispute) : null,
    opened_at: iso(channel.openedAtMs),
    closing: closing ? closingView(closing) : null,
  };
}

const balancesView = ({ aMicro, bMicro }: Balances) => ({ balance_a: usdc(aMicro), balance_b: usdc(bMicro) });

const transferView = (terms: Terms, { nonce, from, amountMicro, balances }: Transfer) => ({
  nonce,
  from: agentOf(terms, from),
  to: agentOf(terms, otherSide(from)),
  amount: usdc(amountMicro),
  ...balancesView(balances),
});

export const pendingView = (terms: Terms, pending: Pending) => ({
  ...transferView(terms, pending),
  signature: pending.signature,
});

export const coSignedView = (terms: Terms, state: CoSigned) => ({
  ...transferView(terms, state),
  signature_a: state.signatureA,
  signature_b: state.signatureB,
});

/** An item of `GET …/history`. */
export const pastView = (terms: Terms, past: Past) =>
  'burned' in past
    ? { nonce: past.nonce, burned: true, by: agentOf(terms, past.by), reason: past.reason, at: iso(past.atMs) }
    : { ...coSignedView(terms, past), at: iso(past.atMs) };

/** A dispute as everybody is told. `nonce`: that of the newest state known. */
export const disputeView = (channel: PaymentChannel, { openedBy, reason, evidenceJson, endsAtMs }: Dispute) => ({
  opened_by: agentOf(channel, openedBy),
  reason,
  evidence: JSON.parse(evidenceJson) as unknown,
  nonce: channel.lastState?.nonce ?? 0,
  challenge_ends_at: iso(endsAtMs),
});

export const closedView = ({ balances, nonce, reason, closedAtMs }: Closing) => ({
  final_balance_a: usdc(balances.aMicro),
  final_balance_b: usdc(balances.bMicro),
  nonce,
  reason,
  closed_at: iso(closedAtMs),
});

const closingView = (closing: Closing) => ({
  ...closedView(closing),
  ...(closing.signatureA !== null && { signature_a: closing.signatureA }),
  ...(closing.signatureB !== null && { signature_b: closing.signatureB }),
});
