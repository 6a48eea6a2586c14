import type { AccountKind } from './account.ts';

/** The index of all accounts of a kind by creation, suspended agents among them. */
export const accountsIndex = (kind: AccountKind) => `${kind}s:created`;

/** The index of the agents that a user owns, by creation. */
export const ownedIndex = (userId: string) => `agents:owner:${userId}`;
