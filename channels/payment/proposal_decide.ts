import { type Decision, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import { settleNotices, withNoticesDue } from '../messages/follow_up.ts';
import type { NoticeRef } from '../messages/notifications.ts';
import { endOf, hasSameTerms, isOpening, type Proposal, proposalAsOf } from './proposal_state.ts';
import type { Terms } from './state.ts';

/** Time after which a proposal that nobody answered has ended. */
export const PROPOSAL_TTL_MS = 86_400_000;

export type ProposalCommand =
  | Propose
  | { readonly type: 'withdraw' }
  | { readonly type: 'expire' }
  /** The channel is there. */
  | { readonly type: 'opened' }
  | { readonly type: 'notices_settled' };

/** Terms with the signatures that the caller has shown; all of them were found to be good. */
export interface Propose {
  readonly type: 'propose';
  readonly terms: Terms;
  /** False where the caller opens at once: the admin, or an agent with both signatures. */
  readonly isProposed: boolean;
  readonly notices: readonly NoticeRef[];
}

export interface ProposalEvent {
  readonly type: 'proposed' | 'opening' | 'withdrawn' | 'expired';
}

/** Opening, withdrawing and expiry of one payment channel, one after the other; the first that comes is the end. */
export function decideProposal(
  before: Proposal | undefined,
  command: ProposalCommand,
  nowMs: number,
): Decision<Proposal, ProposalEvent> {
  if (command.type === 'propose') return before ? add(before, command, nowMs) : begin(command, nowMs);
  if (!before) return refuse('not_found');
  const now = proposalAsOf(before, nowMs);
  switch (command.type) {
    case 'notices_settled':
      return settleNotices(before);
    case 'expire':
      return now === before ? unchanged(before) : ended(now, 'expired', nowMs);
    case 'withdraw':
      return withdraw(before, now, nowMs);
    case 'opened': {
      if (before.status === 'opening') return ok({ state: { ...before, status: 'opened' }, events: [] });
      // A node of the version before has opened a channel of this id: it is not this one that was opened.
      const state: Proposal = { ...before, status: 'opened', endedAtMs: nowMs };
      return before.status === 'proposed' ? ok({ state: withNoticesDue(state, nowMs), events: [] }) : unchanged(before);
    }
  }
}

function begin({ terms, isProposed, notices }: Propose, nowMs: number): Decision<Proposal, ProposalEvent> {
  const state: Proposal = {
    ...terms,
    isProposed,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + PROPOSAL_TTL_MS,
    notices,
    noticesDueMs: null,
    status: isProposed ? 'proposed' : 'opening',
    endedAtMs: isProposed ? null : nowMs,
  };
  return ok({ state, events: [{ type: isProposed ? 'proposed' : 'opening' }] });
}

/** Signatures are not compared: the first good one of a side is kept. */
function add(before: Proposal, { terms, isProposed }: Propose, nowMs: number): Decision<Proposal, ProposalEvent> {
  const isSame = hasSameTerms(before, terms) && terms.creator !== null;
  if (!before.isProposed) {
    const isRepeat = before.registration === terms.registration || (isProposed && isSame);
    return isRepeat ? unchanged(before) : refuse('conflict');
  }
  if (!isSame) return refuse('conflict');
  const now = proposalAsOf(before, nowMs);
  const reason = endOf(now);
  if (reason) return refuse('channel_closed', { reason });
  const signatureA = before.signatureA ?? terms.signatureA;
  const signatureB = before.signatureB ?? terms.signatureB;
  if (isOpening(before) || signatureA === null || signatureB === null) return unchanged(before);
  const state: Proposal = { ...before, signatureA, signatureB, status: 'opening', endedAtMs: nowMs };
  return ok({ state, events: [{ type: 'opening' }] });
}

function withdraw(before: Proposal, now: Proposal, nowMs: number): Decision<Proposal, ProposalEvent> {
  if (now.status === 'withdrawn') return unchanged(before);
  if (now.status === 'expired') return refuse('channel_closed', { reason: now.status });
  if (now.status !== 'proposed') return refuseOpened();
  return ended({ ...before, status: 'withdrawn', endedAtMs: nowMs }, 'withdrawn', nowMs);
}

export const refuseOpened = () => ({
  ...refuse('conflict'),
  message: 'This payment channel was opened: close it instead.',
});

const ended = (state: Proposal, type: 'withdrawn' | 'expired', nowMs: number) =>
  ok({ state: withNoticesDue(state, nowMs), events: [{ type }] });

const unchanged = (state: Proposal) => ok({ state, events: [] });
