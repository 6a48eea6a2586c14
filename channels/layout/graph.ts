import type { Store } from '../../server/store/index.ts';
import type { Flows } from '../flows/port.ts';
import { accountsIndex } from '../principals/indexes.ts';

export interface GraphSourceOptions {
  readonly store: Pick<Store, 'lookup'>;
  readonly flows: Pick<Flows, 'edges'> & { lastActive(limit: number): Promise<readonly string[]> };
  /** Ids of agents that are present on any node. */
  readonly present: () => Iterable<string>;
  readonly maxAgents: number;
}

export interface AgentGraph {
  readonly agentIds: readonly string[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly sent: number }[];
}

const PAGE = 1_000;

/**
 * The agents of the layout and the edges between them: those with edges now and those present, then by their last contact, then those
 * registered last, as many as there may be.
 */
export class GraphSource {
  readonly #options: GraphSourceOptions;
  /** Those that are not told by edges or presence, as they were read. */
  #others: readonly string[] = [];

  constructor(options: GraphSourceOptions) {
    this.#options = options;
  }

  /** Reads who else there is. @throws StoreUnavailable */
  async readOthers(): Promise<void> {
    const { flows, maxAgents } = this.#options;
    this.#others = [...(await flows.lastActive(maxAgents)), ...(await this.#registeredLast())];
  }

  now(): AgentGraph {
    const { flows, present, maxAgents } = this.#options;
    const edges = [...flows.edges()].sort((one, other) => other.lastActivityMs - one.lastActivityMs);
    const agentIds = new Set<string>();
    const take = (agentId: string) => {
      if (agentIds.size < maxAgents) agentIds.add(agentId);
    };
    for (const { from, to } of edges) {
      take(from);
      take(to);
    }
    for (const agentId of present()) take(agentId);
    for (const agentId of this.#others) take(agentId);
    return {
      agentIds: [...agentIds],
      edges: edges.filter(({ from, to }) => agentIds.has(from) && agentIds.has(to)),
    };
  }

  async #registeredLast(): Promise<string[]> {
    const { store, maxAgents } = this.#options;
    const ids: string[] = [];
    const index = accountsIndex('agent');
    for (let after: { key: string; id: string } | undefined; ids.length < maxAgents; ) {
      const limit = Math.min(PAGE, maxAgents - ids.length);
      const hits = await store.lookup(index, { limit, ...(after && { after }) });
      ids.push(...hits.map(({ id }) => id));
      after = hits.at(-1);
      if (hits.length < limit) break;
    }
    return ids;
  }
}
