import type { Refusal } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Principal } from './authenticate.ts';
import { ownedIndex } from './indexes.ts';
import { isParticipant } from './permissions.ts';
import type { Agents } from './principals.ts';

/** The owners of the things in a list: everybody, some agents, or the agents of a user who has very many. */
export type Whose =
  | { readonly ok: true; readonly all: true }
  | { readonly ok: true; readonly agentIds: readonly string[] }
  | { readonly ok: true; readonly ownerId: string };

/** The lists of so many agents are merged; for more, the list of all is walked. */
export const MAX_MERGED = 100;

export interface PartyOptions {
  readonly agents: Pick<Agents, 'read' | 'readProfiles'>;
  readonly store: Pick<Store, 'lookup'>;
}

/**
 * Finds the owners of what a caller may list: for the admin everybody, for a user its agents, for an agent itself. Apps
 * are refused.
 *
 * @param agentId the agent that the caller names: one that is not its own is refused
 */
export async function whoseThings(
  principal: Principal,
  agentId: string | undefined,
  options: PartyOptions,
): Promise<Whose | Refusal> {
  if (agentId !== undefined) return named(principal, agentId, options);
  switch (principal.kind) {
    case 'admin':
      return { ok: true, all: true };
    case 'agent':
      return { ok: true, agentIds: [principal.id] };
    case 'user':
      return ownedBy(principal.id, options);
    case 'app':
      return refuse('forbidden');
  }
}

async function named(principal: Principal, agentId: string, { agents }: PartyOptions): Promise<Whose | Refusal> {
  const isOwn = isParticipant(principal, [agentId]);
  if (principal.kind === 'app') return refuse('forbidden');
  // A suspended agent reads what is its own, and learns of nothing else whether it is there.
  if (principal.kind === 'agent' && principal.suspended && !isOwn) return refuse('forbidden', { status: 'suspended' });
  const agent = await agents.read(agentId);
  if (!agent) return refuse('not_found', { agent_id: agentId });
  const mayRead = principal.kind === 'admin' || isOwn || (principal.kind === 'user' && agent.userId === principal.id);
  return mayRead ? { ok: true, agentIds: [agentId] } : refuse('forbidden', { agent_id: agentId });
}

async function ownedBy(ownerId: string, { agents, store }: PartyOptions): Promise<Whose> {
  const hits = await store.lookup(ownedIndex(ownerId), { limit: MAX_MERGED + 1 });
  if (hits.length > MAX_MERGED) return { ok: true, ownerId };
  const found = await agents.readProfiles(hits.map(({ id }) => id));
  return { ok: true, agentIds: found.flatMap((agent) => (agent?.userId === ownerId ? [agent.id] : [])) };
}

/** True if somebody is one of these agents, or their owner. */
export async function isPartyOrOwner(
  principal: Principal,
  agentIds: readonly string[],
  agents: Pick<Agents, 'readProfiles'>,
): Promise<boolean> {
  if (principal.kind !== 'user') return isParticipant(principal, agentIds);
  return (await ownersOf(agentIds, agents)).has(principal.id);
}

async function ownersOf(agentIds: readonly string[], agents: Pick<Agents, 'readProfiles'>): Promise<Set<string>> {
  const found = await agents.readProfiles(agentIds);
  return new Set(found.flatMap((agent) => agent?.userId ?? []));
}

/** Of things that are at most two agents', those that are a user's agents'. */
export async function withOwner<T>(
  ownerId: string,
  things: readonly (T | undefined)[],
  partiesOf: (thing: T) => readonly (string | null)[],
  agents: Pick<Agents, 'readProfiles'>,
): Promise<(T | undefined)[]> {
  const parties = things.map((thing) => (thing === undefined ? [] : partiesOf(thing).filter((id) => id !== null)));
  const ids = [...new Set(parties.flat())];
  const found = await agents.readProfiles(ids);
  const owned = new Set(ids.filter((_, at) => found[at]?.userId === ownerId));
  return things.map((thing, at) => (parties[at]?.some((id) => owned.has(id)) ? thing : undefined));
}
