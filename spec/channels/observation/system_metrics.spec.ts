import type { Alert } from '../../../channels/analytics/alerts.ts';
import type { NodeLoad } from '../../../channels/observation/node_load.ts';
import { systemMetrics } from '../../../channels/observation/system_metrics.ts';

const load = (fields: Partial<NodeLoad> = {}): NodeLoad => ({
  node: 'n-1',
  isReady: true,
  isDraining: false,
  sockets: 0,
  cpu: 0,
  memory: 0,
  messages: 0,
  seconds: 10,
  replies: 0,
  errors: 0,
  timed: 0,
  latencyMs: 0,
  ...fields,
});
const node = (id: string, viewers?: number) => ({ id, gauges: viewers === undefined ? {} : { viewers } });
const alert = (at: number, fields: Partial<Alert> = {}): Alert => ({
  id: `l-${at}`,
  level: 'warning',
  kind: 'message_backlog',
  agent_id: 'a-1',
  message: 'Many wait.',
  value: 1,
  threshold: 1,
  at: new Date(at).toISOString(),
  ...fields,
});
const nothing = {
  agents: { total: 0, active: 0, queued: 0 },
  loads: [],
  nodes: [],
  coordinationEfficiency: null,
  alerts: [],
  isAdmin: false,
};

describe('system.metrics', () => {
  it('has null for what is not known', () => {
    expect(systemMetrics(nothing)).toEqual({
      activeAgents: 0,
      totalAgents: 0,
      systemLoad: { cpu: null, memory: null, gpu: null },
      messageMetrics: { rate: null, queueDepth: 0, averageLatency: null, errorRate: null },
      networkHealth: null,
      coordinationEfficiency: null,
      alerts: [],
    });
  });

  it('is the mean over nodes of load, and the sum over nodes of messages', () => {
    const loads = [
      load({ cpu: 0.2, memory: 0.1, messages: 100, replies: 9, errors: 1, timed: 8, latencyMs: 40 }),
      // It looks since four seconds ago.
      load({
        node: 'n-2',
        cpu: 0.4,
        memory: 0.3,
        messages: 20,
        seconds: 4,
        replies: 1,
        errors: 1,
        timed: 2,
        latencyMs: 10,
      }),
      load({ node: 'n-3', isReady: false, seconds: 0 }),
    ];
    const nodes = [node('n-1', 4), node('n-2'), node('n-3'), node('n-4')];
    const agents = { total: 9, active: 4, queued: 11 };
    const metrics = systemMetrics({ ...nothing, agents, loads, nodes, coordinationEfficiency: 0.5 });
    expect(metrics).toMatchObject({
      activeAgents: 4,
      totalAgents: 9,
      coordinationEfficiency: 0.5,
      networkHealth: 2 / 4,
    });
    expect(metrics.messageMetrics).toEqual({ rate: 15, queueDepth: 11, averageLatency: 5, errorRate: 0.2 });
    expect(metrics.systemLoad.cpu).toBeCloseTo(0.2, 10);
    expect(metrics.systemLoad.memory).toBeCloseTo(0.4 / 3, 10);
    expect('nodes' in metrics).toBe(false);
  });

  it('has the nodes for the admin', () => {
    const loads = [load({ sockets: 3 }), load({ node: 'n-2', isReady: false, isDraining: true })];
    const metrics = systemMetrics({ ...nothing, loads, nodes: [node('n-1', 4), node('n-2')], isAdmin: true });
    expect(metrics.nodes).toEqual([
      { node: 'n-1', ready: true, draining: false, sockets: 3, viewers: 4 },
      { node: 'n-2', ready: false, draining: true, sockets: 0, viewers: null },
    ]);
  });

  it('has the hundred newest alerts, in the page’s words', () => {
    const alerts = [
      ...Array.from({ length: 120 }, (_, at) => alert(at)),
      alert(500, { kind: 'target_missed', agent_id: null }),
    ];
    const shown = systemMetrics({ ...nothing, alerts }).alerts;
    expect(shown).toHaveLength(100);
    expect(shown.slice(0, 2)).toEqual([
      { level: 'warning', message: 'Many wait.', component: 'target_missed', timestampMs: 500, agentId: null },
      { level: 'warning', message: 'Many wait.', component: 'message_backlog', timestampMs: 119, agentId: 'a-1' },
    ]);
  });
});
