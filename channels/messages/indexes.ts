import type { IndexEntry } from '../../server/store/index.ts';
import { placeKey } from '../kernel/lists/order.ts';
import type { Message } from './state.ts';

export type Box = 'in' | 'out';

/** All messages, by creation. */
export const MESSAGES_INDEX = 'messages';
export const boxIndex = (box: Box, agentId: string) => `messages:${box}:${agentId}`;

/** Index places of a message; none if its inbox did not take it. */
export function placesOf({ about, progress }: Message): IndexEntry[] {
  if (progress.status === 'void') return [];
  const key = placeKey(about.insertedAtMs);
  return [
    { index: MESSAGES_INDEX, key },
    { index: boxIndex('in', about.toAgentId), key },
    ...(about.fromAgentId === null ? [] : [{ index: boxIndex('out', about.fromAgentId), key }]),
  ];
}
