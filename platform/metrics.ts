import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import type { DeadlineStats } from '../channels/kernel/deadlines.ts';
import type { DomainCounter, DomainGauge } from '../channels/principals/domain.ts';
import type { EndpointStats } from '../server/endpoint/index.ts';
import type { Hub, Nodes, PubSub } from '../server/index.ts';
import { LATENCY_BOUNDS, type StoreStats } from '../server/store/index.ts';
import type { EventLatency, Histogram } from './event_latency.ts';

export interface Measured {
  readonly stats: EndpointStats;
  readonly hub: Pick<Hub, 'stats'>;
  readonly pubsub: PubSub;
  readonly nodes: Pick<Nodes, 'live' | 'self'>;
  readonly store: StoreStats;
  readonly events: Pick<EventLatency, 'read'>;
  /** Presences that this node knows of. */
  readonly presences: () => number;
  readonly deadlines: DeadlineStats;
  /** The domains' own. */
  readonly counters: readonly DomainCounter[];
  readonly gauges: readonly DomainGauge[];
  readonly version: string;
}

/**
 * The node's metrics. Hot paths count in plain numbers; a scrape reads them, so that a metric costs nothing in between.
 */
export function createMetrics(measured: Measured): Registry {
  const { stats, hub, pubsub, nodes, store, events, presences, deadlines, version } = measured;
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
  const counters = (name: string, help: string, label: string, read: () => Iterable<readonly [string, number]>) =>
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, count] of read()) this.inc({ [label]: value }, count);
      },
    });

  new Gauge({ name: 'aerie_info', help: 'Always 1', labelNames: ['version'], registers: [registry] }).set(
    { version },
    1,
  );
  gauge('aerie_nodes', 'Nodes whose lease stands, as this one sees it', () => nodes.live().length);
  gauge('aerie_cpu_ratio', 'The part of one core that the process uses', () => nodes.self.gauges.cpu ?? 0);
  gauge('aerie_draining', '1 while clients are moved away', () => Number(stats.draining));
  gauge('aerie_connections', 'Open connections over WebSocket and long-poll', () => stats.connections);
  gauge('aerie_presences', 'Agents present on any node, as this one sees it', presences);
  counter('aerie_connects_total', 'Connections opened', () => stats.connects);
  counter('aerie_connects_refused_total', 'Connections refused', () => stats.refusedConnects);
  counters('aerie_disconnects_total', 'Connections ended, by WebSocket close code', 'code', () => stats.disconnects);
  counters('aerie_http_requests_total', 'HTTP requests answered', 'status', () => stats.requests);
  counter('aerie_joins_total', 'Channels joined', () => stats.joins);
  counter('aerie_joins_refused_total', 'Joins refused', () => stats.refusedJoins);
  counter('aerie_messages_in_total', 'Messages received from clients', () => stats.messagesIn);
  counter('aerie_messages_out_total', 'Replies and pushes sent to one client', () => stats.messagesOut);
  counter('aerie_broadcasts_total', 'Broadcasts to topics with members on this node', () => hub.stats.broadcasts);
  counter('aerie_deliveries_total', 'Broadcasts times the members they went to', () => hub.stats.deliveries);
  counter('aerie_rate_limited_total', 'Messages answered rate_limited', () => stats.rateLimited);
  counter('aerie_dropped_total', 'Control frames, heartbeats and leaves beyond their allowance', () => stats.dropped);
  counter(
    'aerie_flood_closes_total',
    'Connections closed with 1008: their account flooded the node',
    () => stats.floodCloses,
  );
  counter('aerie_faults_total', 'Exceptions that escaped a handler', () => stats.faults);
  gauge('aerie_pubsub_lag_seconds', 'What the latest canary took through the broker', () => pubsub.lagMs() / 1_000);
  gauge('aerie_pubsub_silence_seconds', 'Since this node last heard itself through the broker', () =>
    Math.min(pubsub.silenceMs() / 1_000, Number.MAX_SAFE_INTEGER),
  );

  registry.registerMetric(
    latency('aerie_event_seconds', 'What joins and events took, from their turn to their answer', () =>
      [...events.read()].map(([topic, event, histogram]) => [{ topic, event }, histogram] as const),
    ),
  );
  registry.registerMetric(
    latency('aerie_store_operation_seconds', 'What store operations took', () =>
      [...store.operations].map(([operation, histogram]) => [{ operation }, histogram] as const),
    ),
  );
  counters('aerie_store_failures_total', 'Store operations that failed', 'operation', () =>
    [...store.operations].map(([operation, { failed }]) => [operation, failed] as const),
  );
  counter(
    'aerie_store_conflicts_total',
    'Commits that lost against another one and were decided anew',
    () => store.operations.get('commit')?.conflicts ?? 0,
  );
  counters('aerie_facts_total', 'What happened by commits of this node', 'type', () => store.facts);
  for (const { name, help, read } of measured.counters) counter(name, help, read);
  for (const { name, help, read } of measured.gauges) {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set((await read()) ?? Number.NaN);
      },
    });
  }
  counters('aerie_deadlines_handled_total', 'Deadlines handled by this node', 'kind', () => deadlines.handled);
  counters('aerie_deadlines_failed_total', 'Deadlines that have to be taken again', 'kind', () => deadlines.failed);
  return registry;
}

type Labels = Readonly<Record<string, string>>;

/** Makes a histogram over numbers that are counted elsewhere, with the bounds of `LATENCY_BOUNDS`. */
function latency(name: string, help: string, read: () => Iterable<readonly [Labels, Readonly<Histogram>]>): Metric {
  const get = async () => ({
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    values: [...read()].flatMap(([labels, { count, seconds, buckets }]) => {
      let sum = 0;
      const bounds = [...LATENCY_BOUNDS, '+Inf'];
      const cumulative = bounds.map((le, at) => {
        sum += buckets[at] ?? 0;
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: sum };
      });
      return [
        ...cumulative,
        { metricName: `${name}_sum`, labels, value: seconds },
        { metricName: `${name}_count`, labels, value: count },
      ];
    }),
  });
  return { name, help, get, reset() {} } as unknown as Metric;
}
