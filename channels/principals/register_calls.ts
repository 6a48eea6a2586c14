import { jsonAnswer, jsonBody } from '../../server/http/index.ts';
import type { HttpAnswer, Refusal } from '../../server/index.ts';
import { refuse } from '../kernel/reasons.ts';
import { accountView } from './account.ts';
import { agentView } from './agent.ts';
import type { Principal } from './authenticate.ts';
import { type Handle, nameOf, tokenRefusal } from './permissions.ts';
import type { Agents, Apps, Registered, Users } from './principals.ts';
import { AccountRegistration, AgentRegistration, readRegistration } from './schema.ts';

const readAccount = jsonBody(AccountRegistration);
const readAgent = jsonBody(AgentRegistration);

/** `POST /api/users`, `POST /api/apps` */
export function registerAccount(accounts: Users | Apps, word: 'user' | 'app'): Handle {
  return async ({ exchange, principal }) => {
    const read = await readAccount(exchange);
    if (!read.ok) return read;
    if (principal.kind !== 'admin') return refuse('forbidden');
    const { id, name } = read.body;
    return registered(await accounts.register(nameOf(principal), id, { name }), (account) => ({
      [word]: accountView(account),
    }));
  };
}

/** `POST /api/agents` */
export function registerAgent(agents: Agents, users: Users): Handle {
  return async ({ exchange, principal }) => {
    const read = await readAgent(exchange);
    if (!read.ok) return read;
    const { body } = read;
    const registration = readRegistration(body, ownerOf(principal, body.user_id));
    if (!registration.ok) return registration;
    const forbidden = registrarRefusal(principal, body.user_id);
    if (forbidden) return forbidden;
    const { fields } = registration;
    if (principal.kind === 'admin' && fields.userId !== null && !(await users.read(fields.userId))) {
      return refuse('not_found', { user_id: fields.userId });
    }
    return registered(await agents.register(nameOf(principal), body.id, fields), (agent) => ({
      agent: agentView(agent),
    }));
  };
}

const ownerOf = (principal: Principal, userId: string | undefined) =>
  userId ?? (principal.kind === 'user' ? principal.id : null);

function registrarRefusal(principal: Principal, userId: string | undefined): Refusal | undefined {
  if (principal.kind !== 'admin' && principal.kind !== 'user') return refuse('forbidden');
  if (principal.kind === 'user' && userId !== undefined && userId !== principal.id) {
    return refuse('forbidden', { field: 'user_id' });
  }
  return tokenRefusal(principal);
}

/** 201 with the key, or 200 for a repeat, whose key was shown before. */
function registered<S>(result: Registered<S>, view: (state: S) => object): HttpAnswer | Refusal {
  if (!result.ok) return result;
  const { state, keyId } = result;
  if (result.repeated) return jsonAnswer(200, { ...view(state), key_id: keyId });
  return jsonAnswer(201, { ...view(state), api_key: result.apiKey, key_id: keyId });
}
