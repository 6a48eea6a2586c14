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

/** Alerts as they begin and end, until the agent is closed. */
export async function* alerts(connection: Connection, options?: Abortable): AsyncGenerator<Alert> {
  const waiting: Alert[] = [];
  const wake = new Wake(connection.closed);
  const topic = analyticsTopic(connection);
  const came = (isOver: boolean) => (alert: Omit<Alert, 'isOver'>) => {
    waiting.push({ ...alert, isOver });
    if (waiting.length > MOST_WAITING) waiting.shift();
    wake.wake();
  };
  const subscribe = () => topic.call('subscribe_alerts', {}, options);
  const stops = [
    topic.on('alert', came(false)),
    topic.on('alert_ended', came(true)),
    topic.onJoin(() => void subscribe().catch(() => {})),
  ];
  try {
    await subscribe();
    yield* wake.each(() => waiting.shift(), options?.signal);
  } finally {
    for (const stop of stops) stop();
  }
}
