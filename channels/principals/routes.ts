import type { SessionTokens } from '../../crypto/session_tokens.ts';
import type { Method, Route } from '../../server/http/index.ts';
import type { Store } from '../../server/store/index.ts';
import { changeAgent, readAgent } from './agent_calls.ts';
import type { Principal } from './authenticate.ts';
import type { PrincipalEvents } from './events.ts';
import { createKey, listKeys, revokeKey } from './key_calls.ts';
import { type Handle, unlessSuspended, unlessSuspendedOrOwn } from './permissions.ts';
import type { Principals } from './principals.ts';
import { registerAccount, registerAgent } from './register_calls.ts';
import { issueToken } from './token_calls.ts';

export interface PrincipalRoutesOptions {
  readonly store: Store;
  readonly principals: Principals;
  readonly tokens: SessionTokens;
  readonly events: PrincipalEvents;
}

/** The calls on users, apps, agents, their keys and session tokens (PROTOCOL.md, section 3). */
export function principalRoutes({ store, principals, tokens, events }: PrincipalRoutesOptions): Route<Principal>[] {
  const { users, apps, agents } = principals;
  const writes = (method: Method, path: string, handle: Handle) => route(method, path, unlessSuspended(handle));

  return [
    writes('POST', '/api/users', registerAccount(users, 'user')),
    writes('POST', '/api/apps', registerAccount(apps, 'app')),
    writes('POST', '/api/agents', registerAgent(agents, users)),
    route('GET', '/api/agents/:id', unlessSuspendedOrOwn(readAgent(agents))),
    writes('PATCH', '/api/agents/:id', changeAgent(agents, users, events)),
    ...[
      { path: '/api/users/:id/keys', accounts: users, reads: unlessSuspended },
      { path: '/api/apps/:id/keys', accounts: apps, reads: unlessSuspended },
      { path: '/api/agents/:id/keys', accounts: agents, reads: unlessSuspendedOrOwn },
    ].flatMap(({ path, accounts, reads }) => [
      route('GET', path, reads(listKeys(accounts))),
      writes('POST', path, createKey(accounts)),
      writes('DELETE', `${path}/:key_id`, revokeKey(accounts, events)),
    ]),
    writes('POST', '/api/session_tokens', issueToken(store, tokens)),
  ];
}

const route = (method: Method, path: string, handle: Handle): Route<Principal> => ({ method, path, handle });
