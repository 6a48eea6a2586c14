import { readPublicKey } from '../../crypto/public_key.ts';
import { jsonAnswer, jsonBody } from '../../server/http/index.ts';
import type { Refusal } from '../../server/index.ts';
import { refuse } from '../kernel/reasons.ts';
import type { ChangedBy } from './agent.ts';
import { type Agent, agentView } from './agent.ts';
import type { Principal } from './authenticate.ts';
import type { AgentPatch } from './decide.ts';
import type { PrincipalEvents } from './events.ts';
import { type Handle, mayManage, tokenRefusal } from './permissions.ts';
import type { Agents, Users } from './principals.ts';
import { AgentPatchBody, readPatch } from './schema.ts';

const readBody = jsonBody(AgentPatchBody);

/** `GET /api/agents/{id}` */
export function readAgent(agents: Agents): Handle {
  return async (call) => {
    const agent = await agents.read(call.param('id'));
    return agent ? jsonAnswer(200, { agent: agentView(agent) }) : refuse('not_found');
  };
}

/** `PATCH /api/agents/{id}` */
export function changeAgent(agents: Agents, users: Users, events: PrincipalEvents): Handle {
  return async ({ exchange, principal, param }) => {
    const agent = await agents.read(param('id'));
    if (!agent) return refuse('not_found');
    const read = await readBody(exchange);
    if (!read.ok) return read;
    const requested = readPatch(read.body, read.received);
    if (!requested.ok) return requested;
    const forbidden = patchRefusal(principal, agent, requested.patch, read.received);
    if (forbidden) return forbidden;
    const { userId } = requested.patch;
    if (typeof userId === 'string' && !(await users.read(userId))) return refuse('not_found', { user_id: userId });

    const patched = await agents.patch(agent.id, requested.patch, changedBy(principal));
    if (!patched.ok) return patched;
    for (const event of patched.events) {
      if (event.type === 'agent_changed') events.agentChanged(patched.state, event.fields);
      if (event.type === 'agent_moved' && event.from !== null) events.ownerLost(event.from);
    }
    if (requested.patch.status === 'suspended') events.agentSuspended(agent.id);
    return jsonAnswer(200, { agent: agentView(patched.state) });
  };
}

function changedBy({ kind }: Principal): ChangedBy | undefined {
  if (kind === 'admin') return undefined;
  return kind === 'agent' ? 'itself' : 'owner';
}

function patchRefusal(
  principal: Principal,
  agent: Agent,
  patch: AgentPatch,
  received: Readonly<Record<string, unknown>>,
): Refusal | undefined {
  if (!mayManage(principal, 'agent', agent)) return refuse('forbidden');
  const isAdmin = principal.kind === 'admin';
  const fixed = fixedFields.find((field) => isOtherThan(agent, field, received[field]));
  if (fixed && !(isAdmin && fixed === 'user_id')) return refuse('forbidden', { field: fixed });
  if (isAdmin) return undefined;
  if ('status' in patch) return refuse('forbidden', { field: 'status' });
  if ('pinnedReputation' in patch) return refuse('forbidden', { field: 'reputation' });
  return tokenRefusal(principal);
}

/** Of an agent, what nobody changes, but the admin its owner; a client may send back what it was given. */
const fixedFields = ['id', 'public_key', 'inserted_at', 'user_id'] as const;

/** True if a body says something else of a field than it is. Where an agent has no owner, `null` says just that. */
function isOtherThan(agent: Agent, field: (typeof fixedFields)[number], said: unknown): boolean {
  if (said === undefined || said === agentView(agent)[field]) return false;
  if (field === 'public_key' && typeof said === 'string') return readPublicKey(said) !== agent.publicKey;
  return field === 'user_id' || said !== null;
}
