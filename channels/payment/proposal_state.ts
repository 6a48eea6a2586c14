import type { NoticeRef } from '../messages/notifications.ts';
import { newChannel, type PaymentChannel, type Terms } from './state.ts';

/**
 * A payment channel before it is open: terms that one side has signed, or that are about to be opened. It has the id of
 * the channel and decides for all who want it open or withdrawn; it is kept apart from channels, so that a node of the
 * version before, which does not know of proposals, cannot move money on one.
 */
export interface Proposal extends Terms {
  /** True if one side proposed it; else it was opened at once, and is here only to hold the id. */
  readonly isProposed: boolean;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** By which the other side was told; the channel takes them over. */
  readonly notices?: readonly NoticeRef[];
  /** By when somebody has to acknowledge the notices of one that has ended; `null` before and afterwards. */
  readonly noticesDueMs: number | null;
  /** `opening`: decided, but the channel may not be there yet. */
  readonly status: 'proposed' | 'opening' | 'opened' | 'withdrawn' | 'expired';
  /** Time at which it was opened, withdrawn or expired. */
  readonly endedAtMs: number | null;
}

/** A payment channel, or what will become one. */
export type Found = PaymentChannel | Proposal;

export const isProposal = (found: Found): found is Proposal => 'isProposed' in found;

export const isOpening = ({ status }: Proposal) => status === 'opening' || status === 'opened';

/** The reason for which a proposal has ended without a channel. */
export function endOf({ status }: Proposal): 'withdrawn' | 'expired' | undefined {
  return status === 'withdrawn' || status === 'expired' ? status : undefined;
}

/** Returns the proposal at `nowMs`: expired after its time, even if that has not been handled yet. */
export function proposalAsOf(proposal: Proposal, nowMs: number): Proposal {
  const { status, expiresAtMs } = proposal;
  return status === 'proposed' && nowMs >= expiresAtMs
    ? { ...proposal, status: 'expired', endedAtMs: expiresAtMs }
    : proposal;
}

/** True if two say the same of agents, deposits and challenge period; who has signed is another matter. */
export function hasSameTerms(one: OpenTerms, other: OpenTerms): boolean {
  return (
    one.agentA === other.agentA &&
    one.agentB === other.agentB &&
    one.deposits.aMicro === other.deposits.aMicro &&
    one.deposits.bMicro === other.deposits.bMicro &&
    one.challengePeriodMs === other.challengePeriodMs
  );
}

export type OpenTerms = Pick<Terms, 'agentA' | 'agentB' | 'deposits' | 'challengePeriodMs'>;

/** The terms of the channel that a proposal opens. */
export function termsOf(proposal: Proposal): Terms {
  const { isProposed, createdAtMs, expiresAtMs, notices, noticesDueMs, status, endedAtMs, ...terms } = proposal;
  return isProposed ? { ...terms, proposedAtMs: createdAtMs } : terms;
}

/** The channel as a proposal opens it. */
export const channelOf = (proposal: Proposal): PaymentChannel =>
  newChannel(termsOf(proposal), {
    openedAtMs: proposal.endedAtMs ?? proposal.createdAtMs,
    notices: proposal.notices ?? [],
  });
