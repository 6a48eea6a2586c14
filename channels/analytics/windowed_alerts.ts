import { type AlertKind, begun, ended, FAILURE_RATE, LATENCY_FACTOR, MIN_ENDED_TASKS } from './alerts.ts';
import { quantilesMs } from './durations.ts';
import { countOf } from './figures.ts';
import type { Head } from './head.ts';
import { windowOf } from './periods.ts';
import { type Queries, successRate } from './queries.ts';
import type { Scope } from './scope.ts';

/** Alerts about what happened within the last hour: they last as long as the condition holds. */
export async function windowedAlerts(
  queries: Pick<Queries, 'sum'>,
  scope: Scope,
  before: Head['alerts'],
  nowMs: number,
): Promise<Head['alerts']> {
  const hour = await queries.sum([scope], windowOf('1h', nowMs));
  const tasks = countOf(hour, 'provided_completed') + countOf(hour, 'provided_failed');
  const failureRate = 1 - (successRate(hour) ?? 1);
  const fails = tasks >= MIN_ENDED_TASKS && failureRate > FAILURE_RATE;
  const set = (alerts: Head['alerts'], kind: AlertKind, holds: boolean, value: number, threshold: number) =>
    holds ? begun(alerts, kind, { kind, agent: scope.id, value, threshold, nowMs }) : ended(alerts, kind);
  const alerts = set(before, 'task_failure_rate', fails, failureRate, FAILURE_RATE);

  const [p99Ms = null] = quantilesMs(hour.durations, [0.99]);
  if (p99Ms === null) return ended(alerts, 'task_latency');
  const week = await queries.sum([scope], windowOf('7d', nowMs));
  const [usualMs] = quantilesMs(week.durations, [0.99]);
  const thresholdMs = LATENCY_FACTOR * (usualMs ?? p99Ms);
  return set(alerts, 'task_latency', p99Ms > thresholdMs, p99Ms, thresholdMs);
}
