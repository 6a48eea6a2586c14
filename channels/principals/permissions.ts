import type { Call } from '../../server/http/index.ts';
import type { HttpAnswer, Refusal } from '../../server/index.ts';
import { refuse } from '../kernel/reasons.ts';
import type { AccountKind, RegisteredAccount } from './account.ts';
import type { Agent } from './agent.ts';
import type { AccountPrincipal, Principal } from './authenticate.ts';

export type ApiCall = Call<Principal>;
export type Handle = (call: ApiCall) => Promise<HttpAnswer | Refusal>;

/** Refuses suspended agents, before anything else is looked at. */
export function unlessSuspended(handle: Handle): Handle {
  return async (call) => (isSuspended(call.principal) ? refuse('forbidden', { status: 'suspended' }) : handle(call));
}

/** As `unlessSuspended`, but an agent's own things, under its id in an agent's path, it may still read. */
export function unlessSuspendedOrOwn(handle: Handle): Handle {
  return async (call) => {
    const { principal } = call;
    return isParticipant(principal, [call.param('id')]) ? handle(call) : unlessSuspended(handle)(call);
  };
}

/**
 * Gives a thing to the admin and to whoever `mayRead` it. A suspended agent still reads what is its own, and learns of
 * nothing else whether it is there.
 */
export async function readable<T>(
  principal: Principal,
  thing: T | undefined,
  mayRead: (thing: T) => boolean | Promise<boolean>,
): Promise<{ readonly ok: true; readonly thing: T } | Refusal> {
  if (thing !== undefined && (principal.kind === 'admin' || (await mayRead(thing)))) return { ok: true, thing };
  if (isSuspended(principal)) return refuse('forbidden', { status: 'suspended' });
  return refuse(thing === undefined ? 'not_found' : 'forbidden');
}

/** True if somebody is one of these agents. */
export const isParticipant = (principal: Principal, agentIds: readonly (string | null | undefined)[]) =>
  principal.kind === 'agent' && agentIds.includes(principal.id);

export const isSuspended = (principal: Principal) => principal.kind !== 'admin' && principal.suspended;

/** True if somebody may change an account and its keys: the admin, the user that owns the agent, itself. */
export function mayManage(principal: Principal, kind: AccountKind, account: RegisteredAccount): boolean {
  if (principal.kind === 'admin') return true;
  if (principal.kind === kind && principal.id === account.id) return true;
  return kind === 'agent' && principal.kind === 'user' && (account as Agent).userId === principal.id;
}

/** Refuses session tokens where only a lasting credential will do. */
export function tokenRefusal(principal: Principal): Refusal | undefined {
  const viaToken = principal.kind !== 'admin' && principal.via === 'session_token';
  return viaToken ? refuse('forbidden', { credential: 'an API key is needed' }) : undefined;
}

/** Name under which a principal is stored: `admin`, `user:u-1`. */
export const nameOf = (principal: Principal | AccountPrincipal) =>
  principal.kind === 'admin' ? 'admin' : `${principal.kind}:${principal.id}`;
