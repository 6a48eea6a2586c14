import type { Alert } from '../analytics/alerts.ts';
import type { NodeLoad } from './node_load.ts';

export interface SystemMetricsOf {
  readonly agents: { readonly total: number; readonly active: number; readonly queued: number };
  /** Those that have told. */
  readonly loads: readonly NodeLoad[];
  /** Nodes known. */
  readonly nodes: readonly { readonly id: string; readonly gauges: Readonly<Record<string, number>> }[];
  readonly coordinationEfficiency: number | null;
  /** Open, of what the audience sees in full. */
  readonly alerts: readonly Alert[];
  readonly isAdmin: boolean;
}

const MAX_ALERTS = 100;

/** Pure: the payload of `system.metrics` (VISUALISATION.md, section 9.4), with times in ms. */
export function systemMetrics({ agents, loads, nodes, coordinationEfficiency, alerts, isAdmin }: SystemMetricsOf) {
  const sum = (of: (load: NodeLoad) => number) => loads.reduce((all, load) => all + of(load), 0);
  const mean = (of: (load: NodeLoad) => number) => ratio(sum(of), loads.length);
  const viewersOf = new Map(nodes.map(({ id, gauges }) => [id, gauges.viewers ?? null]));
  return {
    activeAgents: agents.active,
    totalAgents: agents.total,
    systemLoad: { cpu: mean(({ cpu }) => cpu), memory: mean(({ memory }) => memory), gpu: null },
    messageMetrics: {
      rate: loads.length === 0 ? null : sum(({ messages, seconds }) => (seconds > 0 ? messages / seconds : 0)),
      queueDepth: agents.queued,
      averageLatency: ratio(
        sum(({ latencyMs }) => latencyMs),
        sum(({ timed }) => timed),
      ),
      errorRate: ratio(
        sum(({ errors }) => errors),
        sum(({ replies }) => replies),
      ),
    },
    networkHealth: ratio(loads.filter(({ isReady }) => isReady).length, Math.max(nodes.length, loads.length)),
    coordinationEfficiency,
    alerts: alerts
      .toSorted((one, other) => Date.parse(other.at) - Date.parse(one.at))
      .slice(0, MAX_ALERTS)
      .map(({ level, message, kind, at, agent_id: agentId }) => ({
        level,
        message,
        component: kind,
        timestampMs: Date.parse(at),
        agentId,
      })),
    ...(isAdmin && {
      nodes: loads.map(({ node, isReady, isDraining, sockets }) => ({
        node,
        ready: isReady,
        draining: isDraining,
        sockets,
        viewers: viewersOf.get(node) ?? null,
      })),
    }),
  };
}

const ratio = (part: number, all: number) => (all === 0 ? null : part / all);
