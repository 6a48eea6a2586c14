import { newId } from '../kernel/ids.ts';
import { iso } from '../kernel/iso.ts';

/** An alert on the wire (PROTOCOL.md, section 5.5). */
export interface Alert {
  readonly id: string;
  readonly level: 'info' | 'warning' | 'critical';
  readonly kind: AlertKind;
  /** Null: it is about a multi-agent. */
  readonly agent_id: string | null;
  readonly multi_agent_id?: string;
  readonly message: string;
  readonly value: number;
  readonly threshold: number;
  readonly at: string;
}

export type AlertKind =
  | 'task_failure_rate'
  | 'task_latency'
  | 'dispute_opened'
  | 'agent_offline_with_running_tasks'
  | 'message_backlog'
  | 'target_missed'
  | 'member_lost';

const levels: Readonly<Record<AlertKind, Alert['level']>> = {
  task_failure_rate: 'critical',
  task_latency: 'warning',
  dispute_opened: 'critical',
  agent_offline_with_running_tasks: 'warning',
  message_backlog: 'warning',
  target_missed: 'warning',
  member_lost: 'warning',
};

const messages: Readonly<Record<AlertKind, string>> = {
  task_failure_rate: 'More than half of the tasks that ended in the last hour have failed.',
  task_latency: 'Tasks of the last hour took far longer than those of the last 7 days.',
  dispute_opened: 'A payment channel is disputed.',
  agent_offline_with_running_tasks: 'The agent is offline while tasks wait for it.',
  message_backlog: 'Many messages wait in the inbox.',
  target_missed: 'A performance target is missed.',
  member_lost: 'A member was online and is offline.',
};

export const FAILURE_RATE = 0.5;
export const MIN_ENDED_TASKS = 5;
export const LATENCY_FACTOR = 5;
export const OFFLINE_MS = 60_000;
/** Most disputes of one agent whose alerts are kept. Beyond it every alert is still pushed; a join names the latest. */
const MAX_DISPUTES = 100;

/** The key of the alert about agents that are away. */
export const OFFLINE: AlertKind = 'agent_offline_with_running_tasks';

type Active = Readonly<Record<string, Alert>>;

export interface Occurrence {
  readonly kind: AlertKind;
  readonly agent: string | null;
  readonly multiAgent?: string;
  /** Left out: that of its kind. */
  readonly message?: string;
  readonly value: number;
  readonly threshold: number;
  readonly nowMs: number;
}

/** Raised when it begins, kept while it lasts: once per occurrence. @param key what may occur again beside it */
export function begun(active: Active, key: string, occurrence: Occurrence): Active {
  const { kind, agent, multiAgent, message = messages[kind], value, threshold, nowMs } = occurrence;
  if (Object.hasOwn(active, key)) return active;
  const at = iso(nowMs);
  const alert = {
    id: newId(),
    level: levels[kind],
    kind,
    agent_id: agent,
    ...(multiAgent !== undefined && { multi_agent_id: multiAgent }),
    message,
    value,
    threshold,
    at,
  };
  return { ...active, [key]: alert };
}

export function ended(active: Active, key: string): Active {
  if (!Object.hasOwn(active, key)) return active;
  const { [key]: _, ...rest } = active;
  return rest;
}

const DISPUTE = 'dispute_opened:';

export const disputeKey = (channel: string) => DISPUTE + channel;

/** Without the oldest disputes where there are too many to keep. */
export function withoutSurplus(active: Active): Active {
  const disputes = Object.keys(active).filter((key) => key.startsWith(DISPUTE));
  return disputes.slice(0, -MAX_DISPUTES).reduce(ended, active);
}

/** Those of `after` that have begun since `before`, by their keys. */
export const raised = (after: Active, before: Active): [key: string, Alert][] =>
  after === before ? [] : Object.entries(after).filter(([key]) => !Object.hasOwn(before, key));
