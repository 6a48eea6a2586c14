import { type Decision, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Answer, Command, Event, HandOver } from './commands.ts';
import { type HandedOver, isForgotten, type Outcome, RESULT_MS, type RequestState } from './state.ts';

type Decided = Decision<RequestState, Event>;

/** Decides about one request. Pure; `nowMs` is the store's clock. */
export function decide(state: RequestState | undefined, command: Command, nowMs: number): Decided {
  switch (command.type) {
    case 'hand_over':
      return handOver(state, command, nowMs);
    case 'answer':
      return isOpen(state) ? answer(state, command, nowMs) : refuse('not_found');
    case 'disconnect':
      if (!isOpen(state) || state.requestId !== command.requestId) return unchanged(state);
      return end(state, failed(state, 'agent_disconnected', nowMs));
    case 'wake':
      return wake(state, nowMs);
  }
}

function handOver(state: RequestState | undefined, { terms, timeoutMs, callback }: HandOver, nowMs: number): Decided {
  if (!isForgotten(state, nowMs)) return state.digest === terms.digest ? unchanged(state) : refuse('conflict');
  const times = { handedOverAtMs: nowMs, dueAtMs: nowMs + timeoutMs };
  return ok({ state: { ...terms, ...times, outcome: null, callback }, events: [{ type: 'handed_over' }] });
}

function answer(state: HandedOver, { agentId, requestId, outcome }: Answer, nowMs: number): Decided {
  if (state.targetAgent !== agentId || state.requestId !== requestId) return refuse('not_found');
  if (nowMs >= state.dueAtMs) return end(state, failed(state, 'timeout', nowMs));
  if (outcome.ok) {
    const completed: Outcome = { status: 'completed', endedAtMs: nowMs, keepsResult: true };
    return end({ ...state, resultJson: outcome.resultJson }, completed);
  }
  return end(state, { status: 'failed', reason: 'agent_error', endedAtMs: nowMs, agentError: outcome.error });
}

function wake(state: RequestState | undefined, nowMs: number): Decided {
  if (!state) return unchanged(state);
  if (isForgotten(state, nowMs)) return ok({ state: null, events: [] });
  const { outcome, dueAtMs } = state;
  if (!outcome) return nowMs >= dueAtMs ? end(state, failed(state, 'timeout', nowMs)) : unchanged(state);
  if (outcome.status !== 'completed' || !outcome.keepsResult || nowMs < outcome.endedAtMs + RESULT_MS) {
    return unchanged(state);
  }
  return ok({ state: { ...state, outcome: { ...outcome, keepsResult: false } }, events: [] });
}

/** A request that is over its time has ended by that, whatever else is noticed later. */
function failed({ dueAtMs }: HandedOver, reason: 'timeout' | 'agent_disconnected', nowMs: number): Outcome {
  return { status: 'failed', reason: nowMs >= dueAtMs ? 'timeout' : reason, endedAtMs: nowMs };
}

function end(state: HandedOver, outcome: Outcome): Decided {
  const request = { ...state, outcome, callback: null };
  return ok({ state: request, events: [{ type: 'ended', request, callback: state.callback }] });
}

const unchanged = (state: RequestState | undefined): Decided => ok({ state: state ?? null, events: [] });
const isOpen = (state: RequestState | undefined): state is HandedOver => !!state && state.outcome === null;
