import type { TrafficTap } from '../kernel/traffic.ts';
import type { Domain, DomainCounter } from '../principals/domain.ts';
import { NodeFlows, type NodeFlowsOptions } from './flows.ts';
import type { Flows } from './port.ts';

type Context = NodeFlowsOptions & { readonly traffic: Pick<TrafficTap, 'listen'> };

export interface FlowsDomain extends Domain {
  readonly flows: Flows & Pick<NodeFlows, 'lastActive'>;
}

/** What passes between agents: statistics, edges, messages and partners, for those who show it. */
export function flowsFeature(context: Context): FlowsDomain {
  const flows = new NodeFlows(context);
  context.traffic.listen(flows.count);
  return {
    name: 'flows',
    flows,
    counters: countersOf(flows),
    start: () => flows.start(),
    handleDue: () => flows.record(),
    close: () => flows.close(),
  };
}

const countersOf = (flows: NodeFlows): readonly DomainCounter[] => [
  {
    name: 'aerie_flow_pairs_forgotten_total',
    help: 'Pairs of agents that this node has ceased to count because there were too many',
    read: () => flows.stats.forgotten,
  },
  {
    name: 'aerie_flow_pairs_unrecorded_total',
    help: 'Pairs of agents that this node could not record because too many waited for the store',
    read: () => flows.stats.unrecorded,
  },
  {
    name: 'aerie_flow_messages_skipped_total',
    help: 'Messages that this node has not shown to those who watch because there were too many',
    read: () => flows.stats.skippedMessages,
  },
];
