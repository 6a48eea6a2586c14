import { iso } from '../kernel/iso.ts';
import { usdc } from '../kernel/money.ts';
import { channelOf, endOf, type Found, isProposal, type Proposal } from './proposal_state.ts';
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
  type ProposedClose,
  standingClose,
  statusOf,
  type Terms,
} from './state.ts';

/** A payment channel on the wire (PROTOCOL.md, section 5.4). */
export function channelView(channel: PaymentChannel) {
  const { pending, lastState, dispute, closing, creator, proposedAtMs } = channel;
  const standing = standingClose(channel);
  // Member by member, as everywhere here: an object that is put together from others costs several times as much.
  return {
    id: channel.id,
    agent_a: channel.agentA,
    agent_b: channel.agentB,
    deposit_a: usdc(channel.deposits.aMicro),
    deposit_b: usdc(channel.deposits.bMicro),
    challenge_period_ms: channel.challengePeriodMs,
    open_signature_a: channel.signatureA,
    open_signature_b: channel.signatureB,
    balance_a: usdc(channel.balances.aMicro),
    balance_b: usdc(channel.balances.bMicro),
    nonce: channel.nonce,
    next_nonce: channel.nextNonce,
    pending: pending ? pendingView(channel, pending) : null,
    status: statusOf(channel) as FoundStatus,
    proposed_close: standing ? proposedCloseView(channel, standing) : null,
    challenge_ends_at: dispute ? iso(dispute.endsAtMs) : null,
    last_state: lastState ? coSignedView(channel, lastState) : null,
    dispute: dispute ? disputeView(channel, dispute) : null,
    opened_at: iso(channel.openedAtMs) as string | null,
    closing: closing ? closingView(closing) : null,
    proposed_by: proposedAtMs !== undefined && creator ? agentOf(channel, creator) : null,
    proposal_expires_at: null as string | null,
  };
}

/** A proposal on the wire: as a channel that has not been opened, or never will be. */
export function proposalView(proposal: Proposal): ReturnType<typeof channelView> {
  const { creator, status, expiresAtMs } = proposal;
  const closing = proposalClosing(proposal);
  return {
    ...channelView(channelOf(proposal)),
    status: foundStatus(proposal),
    opened_at: null,
    closing: closing ? closedView(closing) : null,
    proposed_by: creator ? agentOf(proposal, creator) : null,
    proposal_expires_at: status === 'proposed' ? iso(expiresAtMs) : null,
  };
}

export const foundView = (found: Found) => (isProposal(found) ? proposalView(found) : channelView(found));

/** `closed`: the channel, or a proposal that has ended without one. */
export type FoundStatus = 'proposed' | ReturnType<typeof statusOf>;

export function foundStatus(found: Found): FoundStatus {
  if (!isProposal(found)) return statusOf(found);
  return endOf(found) ? 'closed' : 'proposed';
}

/** The end of a proposal without a channel: each side keeps its deposit. */
export function proposalClosing(proposal: Proposal): Ended | undefined {
  const { deposits, endedAtMs, expiresAtMs } = proposal;
  const reason = endOf(proposal);
  return reason && { balances: deposits, nonce: 0, reason, closedAtMs: endedAtMs ?? expiresAtMs };
}

export const proposedCloseView = (terms: Terms, { by, final, nonce, signature, atMs }: ProposedClose) => ({
  by: agentOf(terms, by),
  ...finalView(final),
  nonce,
  signature,
  at: iso(atMs),
});

const finalView = ({ aMicro, bMicro }: Balances) => ({ final_balance_a: usdc(aMicro), final_balance_b: usdc(bMicro) });

export const pendingView = (terms: Terms, { nonce, from, amountMicro, balances, signature }: Pending) => ({
  nonce,
  from: agentOf(terms, from),
  to: agentOf(terms, otherSide(from)),
  amount: usdc(amountMicro),
  balance_a: usdc(balances.aMicro),
  balance_b: usdc(balances.bMicro),
  signature,
});

export const coSignedView = (
  terms: Terms,
  { nonce, from, amountMicro, balances, signatureA, signatureB }: CoSigned,
) => ({
  nonce,
  from: agentOf(terms, from),
  to: agentOf(terms, otherSide(from)),
  amount: usdc(amountMicro),
  balance_a: usdc(balances.aMicro),
  balance_b: usdc(balances.bMicro),
  signature_a: signatureA,
  signature_b: signatureB,
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

/** The end of a channel, or of a proposal. */
type Ended = Pick<Closing, 'balances' | 'nonce' | 'closedAtMs'> & {
  readonly reason: Closing['reason'] | 'withdrawn' | 'expired';
};

export const closedView = ({ balances, nonce, reason, closedAtMs }: Ended) => ({
  ...finalView(balances),
  nonce,
  reason,
  closed_at: iso(closedAtMs),
});

const closingView = (closing: Closing) => ({
  ...closedView(closing),
  ...(closing.signatureA !== null && { signature_a: closing.signatureA }),
  ...(closing.signatureB !== null && { signature_b: closing.signatureB }),
});
