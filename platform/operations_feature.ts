import { DISCOVERY_TOPIC } from '../channels/discovery/presence_status.ts';
import type { Principal } from '../channels/principals/authenticate.ts';
import type { Domain } from '../channels/principals/domain.ts';
import { equalSecrets } from '../crypto/secrets.ts';
import { type EndpointStats, version } from '../server/endpoint/index.ts';
import type { Config } from './config.ts';
import type { NodeContext } from './context.ts';
import { EventLatency } from './event_latency.ts';
import { createMetrics } from './metrics.ts';
import { operations } from './operations.ts';

/** The routes of a node for load balancers, operators and scrapers. */
export function operationsFeature(context: NodeContext, stats: EndpointStats, domains: readonly Domain[]): Domain {
  const { config, store, storeStats, hub, nodes, presence, deadlineStats: deadlines } = context;
  const { pubsub } = hub;
  const events = new EventLatency(pubsub.nodeId);
  const metrics = createMetrics({
    stats,
    hub,
    pubsub,
    nodes,
    store: storeStats,
    events,
    presences: () => [...presence.keys(DISCOVERY_TOPIC)].length,
    deadlines,
    counters: domains.flatMap(({ counters }) => counters ?? []),
    gauges: domains.flatMap(({ gauges }) => gauges ?? []),
    version,
  });
  const { nodeId, networkId } = config;
  return {
    name: 'operations',
    routes: operations({
      stats,
      store,
      pubsub,
      metrics,
      nodeId,
      networkId,
      version,
      isOperator: (principal: Principal | undefined) => principal?.kind === 'admin',
      isMetricsToken: metricsTokenCheck(config),
    }),
    close: () => events.close(),
  };
}

/** Tells the credential that is good for the metrics and nothing else. */
export function metricsTokenCheck({ metricsToken }: Pick<Config, 'metricsToken'>): (credential: string) => boolean {
  return (credential) => metricsToken !== undefined && equalSecrets(credential, metricsToken);
}
