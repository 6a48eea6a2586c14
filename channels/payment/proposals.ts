import type { IndexEntry, Store } from '../../server/store/index.ts';
import { microJson, parseMicroJson } from '../kernel/micro_json.ts';
import { Deals, type DealType } from '../messages/deals.ts';
import { FOLLOW_UP_MS } from '../messages/follow_up.ts';
import type { Notifications } from '../messages/notifications.ts';
import { proposalPlaces } from './indexes.ts';
import { decideProposal, type ProposalCommand, type ProposalEvent } from './proposal_decide.ts';
import { type Proposal, proposalAsOf } from './proposal_state.ts';

export const PROPOSAL = 'payment_proposal';

/** `terms` never changes. */
const proposalType: DealType<Proposal, ProposalCommand, ProposalEvent> = {
  kind: PROPOSAL,
  places: (proposal): readonly IndexEntry[] => (proposal.isProposed ? proposalPlaces(proposal) : []),
  parse: ({ terms = '{}', course = '{}' }) => ({ ...parseMicroJson<Proposal>(terms), ...parseMicroJson(course) }),
  change(after, before) {
    const { status, endedAtMs, signatureA, signatureB, noticesDueMs, ...terms } = after;
    return {
      fields: {
        course: microJson({ status, endedAtMs, signatureA, signatureB, noticesDueMs }),
        ...(!before && { terms: microJson(terms) }),
      },
      deadlineMs: deadlineMs(after),
    };
  },
  decide: decideProposal,
  asOf: proposalAsOf,
};

/** Time at which somebody has to look after it next. */
function deadlineMs({ status, expiresAtMs, endedAtMs, noticesDueMs }: Proposal): number | null {
  if (status === 'proposed') return expiresAtMs;
  return status === 'opening' ? (endedAtMs ?? 0) + FOLLOW_UP_MS : noticesDueMs;
}

/** The proposals of payment channels, in the store. */
export class Proposals extends Deals<Proposal, ProposalCommand, never, ProposalEvent> {
  constructor(store: Store, notifications: Pick<Notifications, 'acknowledge'>) {
    super(store, notifications, proposalType);
  }
}
