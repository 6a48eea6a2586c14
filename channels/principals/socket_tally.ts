import type { AccountKind } from './account.ts';

/** The tally of an account's open sockets, over all nodes. */
export const socketTally = (kind: AccountKind, id: string) => `sockets:${kind}:${id}`;
