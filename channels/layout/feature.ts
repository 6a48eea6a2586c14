import { DISCOVERY_TOPIC } from '../discovery/presence_status.ts';
import type { Domain, DomainContext } from '../principals/domain.ts';
import { NodeLayout, type NodeLayoutOptions } from './layout.ts';
import type { Layout } from './port.ts';

type Context = Omit<NodeLayoutOptions, 'present' | 'rateHz' | 'maxAgents'> & {
  readonly presence: Pick<DomainContext['presence'], 'keys'>;
  readonly layout: Pick<NodeLayoutOptions, 'rateHz' | 'maxAgents'>;
};

export interface LayoutDomain extends Domain {
  readonly layout: Layout & Pick<NodeLayout, 'isComputing'>;
}

/** Where agents are shown: computed on one node while somebody watches. */
export function layoutFeature({ presence, layout: settings, ...context }: Context): LayoutDomain {
  const layout = new NodeLayout({ ...context, ...settings, present: () => presence.keys(DISCOVERY_TOPIC) });
  return {
    name: 'layout',
    layout,
    counters: [
      {
        name: 'aerie_layout_computations_total',
        help: 'Times that this node has begun to compute the layout',
        read: () => layout.stats.computations,
      },
    ],
    close: () => layout.close(),
  };
}
