import { jsonBody } from '../../server/http/json_body.ts';
import { jsonAnswer } from '../../server/http/problem.ts';
import type { Refusal } from '../../server/index.ts';
import { refuse } from '../reasons.ts';
import { type Agent, agentView } from './agent.ts';
import type { Principal } from './authenticate.ts';
import type { AgentPatch } from './decide.ts';
import { type Handle, mayManage, tokenRefusal } from './permissions.ts';
import type { Agents } from './principals.ts';
import type { PrincipalEvents } from './routes.ts';
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
export function changeAgent(agents: Agents, events: PrincipalEvents): Handle {
  return async ({ exchange, principal, param }) => {
    const agent = await agents.read(param('id'));
    if (!agent) return refuse('not_found');
    const read = await readBody(exchange);
    if (!read.ok) return read;
    const requested = readPatch(read.body, read.received.reputation === null);
    if (!requested.ok) return requested;
    const forbidden = patchRefusal(principal, agent, requested.patch);
    if (forbidden) return forbidden;

    const patched = await agents.patch(agent.id, requested.patch);
    if (!patched.ok) return patched;
    for (const event of patched.events) {
      if (event.type === 'agent_changed') events.agentChanged(patched.state, event.fields);
    }
    if (requested.patch.status === 'suspended') events.agentSuspended(agent.id);
    return jsonAnswer(200, { agent: agentView(patched.state) });
  };
}

function patchRefusal(principal: Principal, agent: Agent, patch: AgentPatch): Refusal | undefined {
  if (!mayManage(principal, 'agent', agent)) return refuse('forbidden');
  if (principal.kind === 'admin') return undefined;
  if ('status' in patch) return refuse('forbidden', { field: 'status' });
  if ('pinnedReputation' in patch) return refuse('forbidden', { field: 'reputation' });
  return tokenRefusal(principal);
}
