import type { IndexEntry, Snapshot } from '../../server/store/index.ts';
import type { AggregateType } from '../kernel/aggregate.ts';
import type { Command, Event } from './commands.ts';
import { decide } from './decide.ts';
import { type Callback, type HandedOver, NAME_MS, type Outcome, RESULT_MS, type RequestState } from './state.ts';

/** The kind of aggregates that are requests, in the store and its deadlines. */
export const CONTROL_REQUEST = 'control_request';

/** All requests that have no outcome, by the agent that has to answer. */
export const OPEN_INDEX = 'control_open';
/** Those of one agent, by the server's id of the request. */
export const openOfAgentIndex = (agentId: string) => `control_open:${agentId}`;

/** All fields that a decision needs: results are long, and no decision looks into one. */
const DECIDED_BY = ['terms', 'outcome', 'callback'];

export const requestType: AggregateType<RequestState, Command, Event> = {
  kind: CONTROL_REQUEST,
  reads: () => DECIDED_BY,
  parse,
  places,
  change: (after, before) => ({ fields: changedFields(after, before ?? null), deadlineMs: deadlineOf(after) }),
  decide,
};

function parse({ terms, outcome, result, callback }: Snapshot['fields']): RequestState {
  if (terms === undefined) return null;
  return {
    ...(JSON.parse(terms) as Omit<HandedOver, 'outcome' | 'callback' | 'resultJson'>),
    outcome: outcome === undefined ? null : (JSON.parse(outcome) as Outcome),
    callback: callback === undefined ? null : (JSON.parse(callback) as Callback),
    ...(result !== undefined && { resultJson: result }),
  };
}

function places(state: RequestState): IndexEntry[] {
  if (!state || state.outcome) return [];
  const { targetAgent, requestId } = state;
  return [
    { index: OPEN_INDEX, key: targetAgent },
    { index: openOfAgentIndex(targetAgent), key: requestId },
  ];
}

function changedFields(after: RequestState, before: RequestState) {
  if (!after) return { terms: null, outcome: null, result: null, callback: null };
  const { outcome, resultJson, callback, ...terms } = after;
  const isNew = before?.requestId !== after.requestId;
  const keepsResult = outcome?.status === 'completed' && outcome.keepsResult;
  return {
    ...(isNew && { terms: JSON.stringify(terms) }),
    outcome: outcome && JSON.stringify(outcome),
    callback: callback && JSON.stringify(callback),
    ...(keepsResult ? resultJson !== undefined && { result: resultJson } : { result: null }),
  };
}

/** Time at which somebody has to look after it next. */
function deadlineOf(state: RequestState): number | null {
  if (!state) return null;
  const { outcome, dueAtMs, handedOverAtMs } = state;
  if (!outcome) return dueAtMs;
  const keepsResult = outcome.status === 'completed' && outcome.keepsResult;
  return keepsResult ? outcome.endedAtMs + RESULT_MS : handedOverAtMs + NAME_MS;
}
