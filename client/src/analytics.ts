import { type Abortable, anySignal } from './abort.ts';
import type { Connection } from './connection.ts';
import { AerieError } from './error.ts';
import { Topic } from './topic.ts';
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
export class Analytics {
  readonly #connection: Connection;
  readonly #topic: Topic;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#topic = connection.join(new Topic(connection.line, `analytics:agent:${connection.id}`));
  }

  call(event: string, payload: object, options?: Abortable): Promise<unknown> {
    return this.#topic.call(event, payload, options);
  }

  async *alerts({ signal }: Abortable): AsyncGenerator<Alert> {
    const waiting: Alert[] = [];
    const wake = new Wake();
    const stopped = anySignal(this.#connection.closed, signal);
    const came = (alert: Omit<Alert, 'isOver'>, isOver: boolean) => {
      waiting.push({ ...alert, isOver });
      if (waiting.length > MOST_WAITING) waiting.shift();
      wake.wake();
    };
    const subscribe = () =>
      this.#topic.call('subscribe_alerts', {}, { signal }).catch((error) => {
        if (!stopped.aborted && !(error instanceof AerieError)) throw error;
      });
    const stops = [
      this.#topic.on<Alert>('alert', (alert) => came(alert, false)),
      this.#topic.on<Alert>('alert_ended', (alert) => came(alert, true)),
      this.#topic.onJoin(() => void subscribe()),
    ];
    try {
      await this.#topic.call('subscribe_alerts', {}, { signal });
      for (;;) {
        const next = waiting.shift();
        if (next) yield next;
        else await wake.next(stopped);
      }
    } finally {
      for (const stop of stops) stop();
    }
  }
}
