import { iso } from '../kernel/iso.ts';
import { type Coordination, deadlineMs, eligibleIds, isConsensus } from './state.ts';
import { progressOf, tallyOf } from './voting.ts';

/** The payload of `coordination.initiated` (VISUALISATION.md). `parameters.proposal` is for its members and their owners alone. */
export function initiatedView(coordination: Coordination) {
  const { id, pattern, initiatorId, participants, consensusThreshold, timeoutMs, proposal } = coordination;
  return {
    coordinationId: id,
    pattern,
    initiator: { id: initiatorId },
    participants: participants.map(({ id, role }) => ({ id, role })),
    parameters: { consensusThreshold, timeout: timeoutMs, proposal },
  };
}

/** The payload of `coordination.progress`. */
export function progressView(coordination: Coordination) {
  const { id, pattern, ending } = coordination;
  return {
    coordinationId: id,
    pattern,
    progress: progressOf(coordination),
    status: ending?.status ?? (isConsensus(coordination) ? 'VOTING' : 'RUNNING'),
    votes: votesView(coordination),
    estimatedCompletion: iso(deadlineMs(coordination)),
  };
}

/** The payload of `coordination.ended`. */
export function endedView(coordination: Coordination) {
  return { ...progressView(coordination), ...endView(coordination) };
}

/** A coordination as its members get it. With the names of the events, so that a client can lay an event over it. */
export function coordinationView(coordination: Coordination) {
  const { id, initiatedAtMs, ending } = coordination;
  return {
    id,
    ...initiatedView(coordination),
    ...progressView(coordination),
    ...endView(coordination),
    initiatedAt: iso(initiatedAtMs),
    reason: ending?.reason ?? null,
  };
}

function endView(coordination: Coordination) {
  const { ending } = coordination;
  const { approved, eligible } = tallyOf(coordination);
  return { endedAt: ending ? iso(ending.atMs) : null, approved, eligible };
}

/** By agent: all that may vote. */
function votesView(coordination: Coordination): Record<string, { vote: string; timestamp?: string }> {
  const byAgent = new Map(coordination.ballots.map((ballot) => [ballot.agentId, ballot]));
  return Object.fromEntries(
    eligibleIds(coordination).map((agentId) => {
      const ballot = byAgent.get(agentId);
      return [agentId, ballot ? { vote: ballot.vote, timestamp: iso(ballot.atMs) } : { vote: 'pending' }];
    }),
  );
}
