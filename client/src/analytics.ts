import type { Abortable } from './abort.ts';
import type { Connection } from './connection.ts';
import type { Topic } from './topic.ts';
import { Wake } from './wake.ts';

export type Period = '1h' | '24h' | '7d' | '30d';

export interface TimeSeriesOptions {
  readonly period?: Period;
  readonly interval?: '1m' | '5m' | '1h' | '1d';
}

/** Something that wants looking at has begun, or ended. */
export interface Alert {
  readonly id: string;
  readonly agent_id: string;
  readonly at: string;
  readonly isOver: boolean;
  readonly level?: 'info' | 'warning' | 'critical';
  readonly kind?: string;
  readonly message?: string;
  readonly value?: number;
  readonly threshold?: number;
}

/** Alerts that wait for a slow reader at most; older ones are dropped. */
const MOST_WAITING = 1_000;

/** `analytics:agent:{id}` (PROTOCOL.md, section 5.5). */
export const analyticsTopic = (connection: Connection): Topic => connection.topic(`analytics:agent:${connection.id}`);

interface Joined {
  /** Those that hold. */
  readonly alerts: readonly Begun[];
}
type Begun = Omit<Alert, 'isOver'>;

/**
 * Alerts as they begin and end, until the agent is closed. What has begun or ended while the line was lost is told once it is back, as
 * each join names those that hold.
 */
export async function* alerts(connection: Connection, options?: Abortable): AsyncGenerator<Alert> {
  const waiting: Alert[] = [];
  const holding = new Map<string, Begun>();
  const wake = new Wake(connection.closed);
  const topic = analyticsTopic(connection) as Topic<Joined>;
  const came = (isOver: boolean) => (alert: Begun) => {
    if (isOver) holding.delete(alert.id);
    else holding.set(alert.id, alert);
    waiting.push({ ...alert, isOver });
    if (waiting.length > MOST_WAITING) waiting.shift();
    wake.wake();
  };
  const [begun, ended] = [came(false), came(true)];
  const subscribe = () => topic.call('subscribe_alerts', {}, options);
  const stops = [
    topic.on('alert', begun),
    topic.on('alert_ended', ended),
    topic.onJoin(({ alerts }) => {
      void subscribe().catch(() => {});
      const named = new Set(alerts.map(({ id }) => id));
      for (const alert of holding.values()) if (!named.has(alert.id)) ended(alert);
      for (const alert of alerts) if (!holding.has(alert.id)) begun(alert);
    }),
  ];
  try {
    await subscribe();
    yield* wake.each(() => waiting.shift(), options?.signal);
  } finally {
    for (const stop of stops) stop();
  }
}
