import { BACKLOG } from '../messages/facts.ts';
import { type Alert, begun, disputeKey, ended, OFFLINE, raised, withoutSurplus } from './alerts.ts';
import { HOUR_MS, MINUTE_MS } from './buckets.ts';
import { countFact } from './count.ts';
import type { CountedFact } from './facts.ts';
import { type Figures, noFigures } from './figures.ts';
import { type Head, newHead } from './head.ts';
import type { Scope } from './scope.ts';

export interface LocatedFact {
  readonly position: string;
  readonly fact: CountedFact;
}

export interface Folded {
  readonly head: Head;
  /** Figures to add to each minute, by minutes since the epoch. */
  readonly minutes: ReadonlyMap<number, Figures>;
  /** The minutes of each hour in which the agent was seen, a bit each. */
  readonly seen: ReadonlyMap<number, bigint>;
  /** Alerts that have begun, whether or not they have ended since. */
  readonly raised: readonly Alert[];
  /** Alerts that are over, also of those that have begun since. A dispute that only made room for later ones is not. */
  readonly over: readonly Alert[];
  /** True if alerts about ended tasks have to be checked. */
  readonly hasEndedTasks: boolean;
}

/** Counts those facts of a scope that it has not counted yet. Pure; `undefined` if there are none. */
export function fold(
  scope: Scope,
  before: Head | undefined,
  facts: readonly LocatedFact[],
  nowMs: number,
): Folded | undefined {
  let head = before ?? newHead;
  const { counted } = head;
  const fresh = facts.filter(({ position }) => position > counted);
  const last = fresh.at(-1);
  if (!last) return undefined;

  const minutes = new Map<number, Figures>();
  const seen = new Map<number, bigint>();
  const begunAlerts = new Map<string, Alert>();
  const endedKeys = new Set<string>();
  let hasEndedTasks = false;
  for (const { fact } of inOrder(fresh)) {
    const after = headAfter(head, fact, scope, nowMs);
    for (const [key, alert] of raised(after.alerts, head.alerts)) begunAlerts.set(key, alert);
    if (fact.type !== 'dispute_opened') {
      for (const [key] of raised(head.alerts, after.alerts)) endedKeys.add(key);
    }
    head = after;
    if (fact.type === 'online_sampled' && scope.kind === 'agent') {
      const hour = Math.floor(fact.atMs / HOUR_MS);
      const bit = 1n << BigInt(Math.floor((fact.atMs % HOUR_MS) / MINUTE_MS));
      seen.set(hour, (seen.get(hour) ?? 0n) | bit);
      continue;
    }
    const minute = Math.floor(fact.atMs / MINUTE_MS);
    const figures = minutes.get(minute) ?? noFigures();
    countFact(figures, fact, scope);
    minutes.set(minute, figures);
    hasEndedTasks ||= fact.type === 'task_completed' || fact.type === 'task_failed';
  }
  // An alert that ended and began again between two reads of the log goes on.
  const known = before?.alerts ?? {};
  const alerts = Object.fromEntries(Object.entries(head.alerts).map(([key, alert]) => [key, known[key] ?? alert]));
  return {
    head: { ...head, alerts, counted: last.position },
    minutes: withoutEmpty(minutes),
    seen,
    raised: [...begunAlerts].flatMap(([key, alert]) => (Object.hasOwn(known, key) ? [] : [alert])),
    over: [...endedKeys].flatMap((key) =>
      Object.hasOwn(alerts, key) ? [] : (known[key] ?? begunAlerts.get(key) ?? []),
    ),
    hasEndedTasks,
  };
}

/** In a Redis Cluster what two nodes did to one thing in the same moment may change places in the log. */
function inOrder(facts: readonly LocatedFact[]): readonly LocatedFact[] {
  const versionOf = ({ fact }: LocatedFact) => fact.version ?? 0;
  return facts.toSorted((a, b) => versionOf(a) - versionOf(b));
}

function headAfter(head: Head, fact: CountedFact, scope: Scope, nowMs: number): Head {
  const isGlobal = scope.kind === 'global';
  switch (fact.type) {
    case 'agent_registered':
      return { ...head, agents: head.agents + 1 };
    case 'task_created':
      return { ...head, tasks: head.tasks + 1 };
    case 'task_started':
      return isGlobal || fact.provider === scope.id ? runs(head, 1) : head;
    case 'task_completed':
    case 'task_failed':
    case 'task_cancelled':
      return fact.wasRunning && (isGlobal || fact.provider === scope.id) ? runs(head, -1) : head;
    case 'dispute_opened': {
      if (isGlobal) return head;
      const occurrence = { kind: 'dispute_opened', agent: scope.id, value: 1, threshold: 0, nowMs } as const;
      return { ...head, alerts: withoutSurplus(begun(head.alerts, disputeKey(fact.channel), occurrence)) };
    }
    case 'channel_closed':
      return isGlobal ? head : { ...head, alerts: ended(head.alerts, disputeKey(fact.channel)) };
    case 'backlog_changed': {
      if (isGlobal) return head;
      if (fact.pending <= BACKLOG) return { ...head, alerts: ended(head.alerts, 'message_backlog') };
      const value = fact.pending;
      const occurrence = { kind: 'message_backlog', agent: scope.id, value, threshold: BACKLOG, nowMs } as const;
      return { ...head, alerts: begun(head.alerts, 'message_backlog', occurrence) };
    }
    default:
      return head;
  }
}

/** An agent without running tasks may be offline: no alert. */
function runs(head: Head, by: 1 | -1): Head {
  const running = Math.max(0, head.running + by);
  if (running > 0) return { ...head, running };
  return { ...head, running, offlineSinceMs: null, alerts: ended(head.alerts, OFFLINE) };
}

function withoutEmpty(minutes: Map<number, Figures>): Map<number, Figures> {
  for (const [minute, { counts, money }] of minutes) {
    if (Object.keys(counts).length === 0 && Object.keys(money).length === 0) minutes.delete(minute);
  }
  return minutes;
}
