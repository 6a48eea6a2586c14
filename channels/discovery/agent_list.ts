import type { Presence } from '../../presence/index.ts';
import type { Nodes } from '../../server/index.ts';
import { MAX_CAPABILITY_LENGTH } from '../kernel/fields.ts';
import { byCreation } from '../kernel/lists/order.ts';
import { anId, oneOf } from '../kernel/lists/query.ts';
import { refuse } from '../kernel/reasons.ts';
import { type Agent, agentView } from '../principals/agent.ts';
import type { Principal } from '../principals/authenticate.ts';
import { accountsIndex, ownedIndex } from '../principals/indexes.ts';
import type { List } from '../principals/list_route.ts';
import type { Agents, Users } from '../principals/principals.ts';
import { socketTally } from '../principals/socket_tally.ts';
import { presenceStatus } from './presence_status.ts';

export interface AgentListOptions {
  readonly agents: Pick<Agents, 'readProfiles'>;
  readonly users: Pick<Users, 'read'>;
  readonly presence: Presence;
  readonly nodes: Pick<Nodes, 'sums'>;
}

type AgentParam = 'user_id' | 'status' | 'presence' | 'capability';

/** `GET /api/agents`: for the admin, for users their own. */
export function agentList({ agents, users, presence, nodes }: AgentListOptions): List<Agent, AgentParam> {
  return {
    name: 'agents',
    checks: {
      user_id: anId,
      status: oneOf('active', 'suspended'),
      presence: oneOf('online', 'busy', 'offline'),
      capability: aCapability,
    },
    needsUpkeep: () => true,

    async source(principal, { user_id: userId, status, presence: presenceWanted, capability }) {
      const owner = await ownerOf(principal, userId);
      if (!owner.ok) return owner;
      return {
        ok: true,
        order: byCreation,
        indexes: [owner.id === undefined ? accountsIndex('agent') : ownedIndex(owner.id)],
        // Presence is known without reading an agent.
        ...(presenceWanted !== undefined && { isLikely: ({ id }) => presenceStatus(presence, id) === presenceWanted }),
        async read(ids) {
          const found = await agents.readProfiles(ids);
          return found.map((agent) => {
            if (!agent || (owner.id !== undefined && agent.userId !== owner.id)) return undefined;
            if (status !== undefined && agent.status !== status) return undefined;
            if (capability !== undefined && !agent.capabilities.some(({ name }) => name === capability))
              return undefined;
            return { item: agent, insertedAtMs: agent.insertedAtMs };
          });
        },
      };
    },

    async view(found) {
      const sockets = await nodes.sums(found.map(({ id }) => socketTally('agent', id)));
      return found.map((agent, at) => ({
        ...agentView(agent),
        presence: presenceStatus(presence, agent.id),
        sockets: sockets[at] ?? 0,
      }));
    },
  };

  async function ownerOf(principal: Principal, userId: string | undefined) {
    if (principal.kind === 'user') {
      const isOwn = userId === undefined || userId === principal.id;
      return isOwn ? ({ ok: true, id: principal.id } as const) : refuse('forbidden', { user_id: userId });
    }
    if (principal.kind !== 'admin') return refuse('forbidden');
    if (userId !== undefined && !(await users.read(userId))) return refuse('not_found', { user_id: userId });
    return { ok: true, id: userId } as const;
  }
}

const aCapability = (text: string) =>
  text.length <= MAX_CAPABILITY_LENGTH ? undefined : `must be a name of at most ${MAX_CAPABILITY_LENGTH} characters`;
