import { type Rate, type Refusal, TokenBucket } from '../../server/index.ts';
import { type Decision, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import { settleNotices, withNoticesDue } from '../messages/follow_up.ts';
import type { CastVote, Command, Event, Initiate, MemberCommand } from './commands.ts';
import {
  type Coordination,
  type Ending,
  isConsensus,
  isForgotten,
  type Kept,
  RETENTION_MS,
  roleOf,
  type Terms,
} from './state.ts';
import { allHaveVoted, asOf, verdictOf } from './voting.ts';

/** Every change goes to all members with everybody's votes, so each agent has an allowance of its own. */
export const RATE: Rate = { perSecond: 5, burst: 20 };
const BURST_MS = (RATE.burst / RATE.perSecond) * 1_000;

/** A command that was taken before comes out as yes with no events: a repeat is harmless. */
export function decide(before: Kept | undefined, command: Command, nowMs: number): Decision<Kept, Event> {
  if (command.type === 'initiate') return initiate(before, command, nowMs);
  if (!before || isForgotten(before)) return refuse('not_found');
  switch (command.type) {
    case 'wake':
      return wake(before, nowMs);
    case 'notices_settled':
      return settleNotices(before);
    default:
      return change(before, command, nowMs);
  }
}

function initiate(before: Kept | undefined, { terms, notices }: Initiate, nowMs: number): Decision<Kept, Event> {
  if (before) {
    const isRepeat = !isForgotten(before) && before.request === terms.request;
    return isRepeat ? ok({ state: before, events: [] }) : refuse('conflict');
  }
  const state: Coordination = {
    ...terms,
    initiatedAtMs: nowMs,
    ballots: [],
    reported: 0,
    ending: null,
    notices,
    noticesDueMs: null,
    revision: 1,
    paces: [],
  };
  return ok({ state, events: [{ type: 'initiated', atMs: nowMs }] });
}

function wake(before: Coordination, nowMs: number): Decision<Kept, Event> {
  const { ending } = asOf(before, nowMs);
  if (!ending) return ok({ state: before, events: [] });
  if (!before.ending) return ended(before, ending, nowMs);
  const isOver = before.noticesDueMs === null && nowMs >= ending.atMs + RETENTION_MS;
  return ok({ state: isOver ? { forgotten: true } : before, events: [] });
}

function change(before: Coordination, command: MemberCommand, nowMs: number): Decision<Kept, Event> {
  const refused = roleRefusal(before, command);
  if (refused) return refused;
  if (isRepeat(before, command)) return ok({ state: before, events: [] });
  const { ending } = asOf(before, nowMs);
  if (ending) return refuse('coordination_closed', { status: ending.status });
  if (command.type === 'end') return ended(before, { status: command.status, atMs: nowMs }, nowMs);
  if (command.type === 'cancel')
    return ended(before, { status: 'CANCELLED', atMs: nowMs, reason: command.reason }, nowMs);

  const paced = atPace(before, command.by, nowMs);
  if (!paced.ok) return paced;
  const after =
    command.type === 'vote' ? withVote(paced.state, command, nowMs) : { ...paced.state, reported: command.progress };
  if (command.type === 'vote' && allHaveVoted(after)) {
    return ended(after, { status: verdictOf(after), atMs: nowMs }, nowMs);
  }
  return ok({ state: { ...after, revision: after.revision + 1 }, events: [{ type: 'progress', atMs: nowMs }] });
}

/** Voters and the initiator vote; the rest is the initiator's. CONSENSUS ends by votes alone. */
function roleRefusal(terms: Terms, { type, by }: MemberCommand): Refusal | undefined {
  const role = roleOf(terms, by);
  const isAllowed = role === 'initiator' || (role === 'voter' && type === 'vote');
  if (!isAllowed) return refuse('forbidden', { role });
  const isOfVotes = type === 'progress' || type === 'end';
  return isOfVotes && isConsensus(terms) ? refuse('forbidden', { pattern: terms.pattern }) : undefined;
}

/** True if this has been said and holds. A vote that was changed meanwhile may be given again. */
function isRepeat({ ballots, reported, ending }: Coordination, command: MemberCommand): boolean {
  switch (command.type) {
    case 'vote':
      return ballots.some(({ agentId, vote }) => agentId === command.by && vote === command.vote);
    case 'progress':
      return reported === command.progress;
    case 'end':
      return ending?.status === command.status;
    case 'cancel':
      return ending?.status === 'CANCELLED' && ending.reason === command.reason;
  }
}

/** The last vote of an agent counts. */
function withVote(before: Coordination, { by: agentId, vote }: CastVote, atMs: number): Coordination {
  const others = before.ballots.filter((ballot) => ballot.agentId !== agentId);
  return { ...before, ballots: [...others, { agentId, vote, atMs }] };
}

function ended(before: Coordination, ending: Ending, nowMs: number): Decision<Kept, Event> {
  const state = { ...before, ending, paces: [], revision: before.revision + 1 };
  return ok({ state: withNoticesDue(state, nowMs), events: [{ type: 'ended', atMs: ending.atMs }] });
}

/** Takes one change from an agent's allowance, which is kept with the coordination, so that all nodes share it. */
function atPace(before: Coordination, agentId: string, nowMs: number) {
  const others = before.paces.filter((pace) => pace.agentId !== agentId && pace.fullAtMs > nowMs);
  const fullAtMs = before.paces.find((pace) => pace.agentId === agentId)?.fullAtMs ?? nowMs;
  // A store's clock may go back, at a failover: nobody waits longer for it.
  const bucket = new TokenBucket(RATE, Math.min(fullAtMs, nowMs + BURST_MS));
  const waitMs = bucket.waitMs(1, nowMs);
  if (waitMs > 0) return refuse('rate_limited', { retry_after_ms: Math.ceil(waitMs) });
  bucket.take(1, nowMs);
  return ok({ state: { ...before, paces: [...others, { agentId, fullAtMs: bucket.fullAtMs }] } });
}
