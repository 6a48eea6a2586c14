import { type Refusal, TokenBucket } from '../../server/index.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Agent, ChangedBy } from './agent.ts';

/** Changes go to everybody on `agents:discovery`: one a second, ten at once after a pause. */
const RATE = { perSecond: 1, burst: 10 };
const BURST_MS = (RATE.burst / RATE.perSecond) * 1_000;

type Taken = { readonly ok: true; readonly state: Agent } | Refusal;

/**
 * Takes one change from an allowance. It is kept with the agent, so all nodes share it and it costs no look elsewhere: one
 * number each, when it is full again by the store's clock.
 */
export function takeChange(state: Agent, by: ChangedBy, nowMs: number): Taken {
  const { allowancesFullAtMs = {} } = state;
  // A store's clock may go back, at a failover: nobody waits longer for it.
  const bucket = new TokenBucket(RATE, Math.min(allowancesFullAtMs[by] ?? nowMs, nowMs + BURST_MS));
  const waitMs = bucket.waitMs(1, nowMs);
  if (waitMs > 0) return refuse('rate_limited', { retry_after_ms: waitMs });
  bucket.take(1, nowMs);
  return { ok: true, state: { ...state, allowancesFullAtMs: { ...allowancesFullAtMs, [by]: bucket.fullAtMs } } };
}
