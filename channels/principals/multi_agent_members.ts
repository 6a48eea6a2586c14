import type { Store } from '../../server/store/index.ts';
import { isId } from '../kernel/ids.ts';
import type { Agent } from './agent.ts';
import { ownedIndex } from './indexes.ts';
import type { Agents } from './principals.ts';

const PAGE = 500;

/** The multi-agent that an agent says it belongs to: one of its owner's. */
export function multiAgentOf({ userId, metadata }: Pick<Agent, 'userId' | 'metadata'>) {
  const { multi_agent_id: id } = metadata;
  return userId !== null && typeof id === 'string' && isId(id) ? { owner: userId, id } : undefined;
}

interface Known {
  readonly store: Pick<Store, 'lookup'>;
  readonly agents: Pick<Agents, 'readProfiles'>;
}

/** Finds the agents of an owner that belong to each of its multi-agents, the newest first. Reads all that it owns. */
export async function multiAgentsOf({ store, agents }: Known, owner: string): Promise<Map<string, string[]>> {
  const membersById = new Map<string, string[]>();
  for (let after: { key: string; id: string } | undefined; ; ) {
    const hits = await store.lookup(ownedIndex(owner), { limit: PAGE, ...(after && { after }) });
    for (const agent of await agents.readProfiles(hits.map(({ id }) => id))) {
      // An index may name for a moment what has moved on.
      const belongs = agent && multiAgentOf(agent);
      if (!agent || belongs?.owner !== owner) continue;
      const members = membersById.get(belongs.id);
      if (members) members.push(agent.id);
      else membersById.set(belongs.id, [agent.id]);
    }
    if (hits.length < PAGE) return membersById;
    after = hits.at(-1);
  }
}

/** Those of one of its multi-agents. */
export const membersOf = async (known: Known, owner: string, multiAgentId: string) =>
  (await multiAgentsOf(known, owner)).get(multiAgentId) ?? [];
