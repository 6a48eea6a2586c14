import type { Alert } from './alerts.ts';

/** State of a scope beside its buckets. */
export interface Head {
  /** The position up to which facts are counted: one that comes again, from whomever, changes nothing. */
  readonly counted: string;
  /** Hours since the epoch. Every hour before is closed: summed up from its minutes; so is every day before its day. */
  readonly openHour: number;
  /** The latest hour that anything was counted in. */
  readonly lastHour: number;
  /** Grows when a closed bucket changes after all, so that remembered copies are dropped. */
  readonly revision: number;
  /** Ever registered, of all agents. */
  readonly agents: number;
  /** Ever created. */
  readonly tasks: number;
  /** Started and not ended; of one agent, as provider. */
  readonly running: number;
  /** Since when the agent was seen absent while it has running tasks. */
  readonly offlineSinceMs: number | null;
  /** Next time this scope is checked: hours to close, alerts to raise or end. */
  readonly lookAtMs: number | null;
  readonly lookedAtMs: number;
  /** Those that have not ended, by what they are about. */
  readonly alerts: Readonly<Record<string, Alert>>;
}

export const newHead: Head = {
  counted: '',
  openHour: 0,
  lastHour: 0,
  revision: 0,
  agents: 0,
  tasks: 0,
  running: 0,
  offlineSinceMs: null,
  lookAtMs: null,
  lookedAtMs: 0,
  alerts: {},
};
