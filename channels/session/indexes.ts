import type { IndexEntry } from '../../server/store/index.ts';
import { placeKey } from '../kernel/lists/order.ts';
import type { Session } from './state.ts';

/** All sessions, by creation. */
export const SESSIONS_INDEX = 'sessions';
export const userSessionsIndex = (userId: string) => `sessions:user:${userId}`;
export const agentSessionsIndex = (agentId: string) => `sessions:agent:${agentId}`;
export const openSessionsIndex = (agentId: string) => `sessions:agent:${agentId}:open`;
/** The open sessions that end with a socket, under the process that has it. */
export const TIED_INDEX = 'sessions:tied';

export function placesOf({ userId, agent, insertedAtMs, closing, tiedTo, isGone }: Session): IndexEntry[] {
  if (isGone) return [];
  const key = placeKey(insertedAtMs);
  return [
    { index: SESSIONS_INDEX, key },
    ...(userId === null ? [] : [{ index: userSessionsIndex(userId), key }]),
    ...(agent === null ? [] : [{ index: agentSessionsIndex(agent.id), key }]),
    ...(agent === null || closing ? [] : [{ index: openSessionsIndex(agent.id), key }]),
    ...(tiedTo === null || closing ? [] : [{ index: TIED_INDEX, key: tiedTo }]),
  ];
}
