import { type Coordination, deadlineMs, type EndStatus, eligibleIds, isConsensus } from './state.ts';

/** Votes of a coordination, added up. An abstention is cast and approves nothing. */
export interface Tally {
  readonly eligible: number;
  readonly cast: number;
  readonly approved: number;
}

export function tallyOf(coordination: Coordination): Tally {
  const { ballots } = coordination;
  return {
    eligible: eligibleIds(coordination).length,
    cast: ballots.length,
    approved: ballots.filter(({ vote }) => vote === 'approve').length,
  };
}

/** Progress from 0 to 1: of CONSENSUS the votes cast, in two decimals, rounded down; else as the initiator reported it. */
export function progressOf(coordination: Coordination): number {
  if (!isConsensus(coordination)) return coordination.reported;
  const { cast, eligible } = tallyOf(coordination);
  return Math.floor((cast * 100) / eligible) / 100;
}

/** True if the votes end it now: above the threshold or not, it waits for the last vote. */
export function allHaveVoted(coordination: Coordination): boolean {
  const { cast, eligible } = tallyOf(coordination);
  return isConsensus(coordination) && cast === eligible;
}

/** The outcome of the votes, once all have voted or time is up. */
export function verdictOf(coordination: Coordination): EndStatus {
  const { cast, approved, eligible } = tallyOf(coordination);
  if (approved / eligible >= coordination.consensusThreshold) return 'APPROVED';
  return cast < eligible ? 'TIMED_OUT' : 'REJECTED';
}

/** Returns the coordination at `nowMs`: ended after its time, even if that has not been handled yet. */
export function asOf(coordination: Coordination, nowMs: number): Coordination {
  const atMs = deadlineMs(coordination);
  if (coordination.ending || nowMs < atMs) return coordination;
  const status = isConsensus(coordination) ? verdictOf(coordination) : 'TIMED_OUT';
  return { ...coordination, ending: { status, atMs } };
}
