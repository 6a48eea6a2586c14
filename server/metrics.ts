import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Endpoint } from './endpoint.ts';
import type { PubSub } from './pubsub/port.ts';

export interface Measured {
  readonly endpoint: Endpoint;
  readonly pubsub: PubSub;
  /** Presences that this node tracks itself. */
  readonly presences: () => number;
}

/**
 * The node's metrics. Hot paths count in plain numbers; a scrape reads them, so that a metric costs nothing in between.
 */
export function createMetrics({ endpoint, pubsub, presences }: Measured): Registry {
  const registry = new Registry();
  // Event-loop delay, memory, CPU and garbage collection of the process.
  collectDefaultMetrics({ register: registry });

  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });

  const { stats, fanoutStats } = endpoint;
  gauge('aerie_connections', 'Open connections over WebSocket and long-poll', () => endpoint.connections.size);
  gauge('aerie_presences', 'Presences tracked by this node', presences);
  counter('aerie_joins_total', 'Channels joined', () => stats.joins);
  counter('aerie_joins_refused_total', 'Joins refused', () => stats.refusedJoins);
  counter('aerie_messages_in_total', 'Messages received from clients', () => stats.messagesIn);
  counter('aerie_messages_out_total', 'Replies and pushes sent to one client', () => stats.messagesOut);
  counter('aerie_broadcasts_total', 'Broadcasts to topics with members on this node', () => fanoutStats.broadcasts);
  counter('aerie_deliveries_total', 'Broadcasts times the members they went to', () => fanoutStats.deliveries);
  counter('aerie_rate_limited_total', 'Messages answered rate_limited', () => stats.rateLimited);
  counter('aerie_faults_total', 'Exceptions that escaped a handler', () => stats.faults);
  gauge('aerie_pubsub_lag_seconds', 'What the latest canary took through the broker', () => pubsub.lagMs() / 1_000);
  gauge('aerie_pubsub_silence_seconds', 'Since this node last heard itself through the broker', () =>
    Math.min(pubsub.silenceMs() / 1_000, Number.MAX_SAFE_INTEGER),
  );
  return registry;
}
