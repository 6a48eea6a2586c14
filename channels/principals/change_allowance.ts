import type { Refusal } from '../../server/index.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Agent, ChangedBy } from './agent.ts';

/** Changes go to everybody on `agents:discovery`: one a second, ten at once after a pause. */
const MS_PER_CHANGE = 1_000;
const BURST_MS = 10 * MS_PER_CHANGE;

type Taken = { readonly ok: true; readonly state: Agent } | Refusal;

/**
 * Takes one change from an allowance. It is kept with the agent, so all nodes share it and it costs no look elsewhere: one
 * number each, when it is full again by the store's clock (the generic cell rate algorithm).
 */
export function takeChange(state: Agent, by: ChangedBy, nowMs: number): Taken {
  const { allowancesFullAtMs = {} } = state;
  // A store's clock may go back, at a failover: nobody waits longer for it.
  const keptMs = Math.min(allowancesFullAtMs[by] ?? nowMs, nowMs + BURST_MS);
  const fullAtMs = Math.max(keptMs, nowMs) + MS_PER_CHANGE;
  const waitMs = fullAtMs - BURST_MS - nowMs;
  if (waitMs > 0) return refuse('rate_limited', { retry_after_ms: waitMs });
  return { ok: true, state: { ...state, allowancesFullAtMs: { ...allowancesFullAtMs, [by]: fullAtMs } } };
}
