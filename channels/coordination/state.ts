import type { NoticeRef } from '../messages/notifications.ts';

export const ROLES = ['voter', 'observer', 'worker'] as const;
export type Role = (typeof ROLES)[number];

export const VOTES = ['approve', 'reject', 'abstain'] as const;
export type Vote = (typeof VOTES)[number];

export type EndStatus = 'APPROVED' | 'REJECTED' | 'TIMED_OUT' | 'COMPLETED' | 'FAILED' | 'CANCELLED';

/** The pattern that ends by its votes; every other one ends by its initiator's word. */
export const CONSENSUS = 'CONSENSUS';

export interface Participant {
  readonly id: string;
  readonly role: Role;
}

/** The part of a coordination that never changes. */
export interface Terms {
  readonly id: string;
  readonly pattern: string;
  readonly initiatorId: string;
  /** Without the initiator; each agent once. */
  readonly participants: readonly Participant[];
  /** Above 0, at most 1. */
  readonly consensusThreshold: number;
  readonly timeoutMs: number;
  /** Any JSON but `null`: for initiator, participants and their owners alone. */
  readonly proposal: unknown;
  /** Digest of the request, by which a repeat is recognised. */
  readonly request: string;
}

export interface Ballot {
  readonly agentId: string;
  readonly vote: Vote;
  readonly atMs: number;
}

export interface Ending {
  readonly status: EndStatus;
  /** Of a time-out the deadline, however late it was handled. */
  readonly atMs: number;
  /** Of a cancellation. */
  readonly reason?: string;
}

/** The allowance of one agent for changes here, as the time at which it is full again. */
export interface Pace {
  readonly agentId: string;
  readonly fullAtMs: number;
}

export interface Coordination extends Terms {
  readonly initiatedAtMs: number;
  /** The last vote of each agent that has voted. */
  readonly ballots: readonly Ballot[];
  /** As the initiator has reported it, 0 to 1; CONSENSUS counts its votes instead. */
  readonly reported: number;
  readonly ending: Ending | null;
  /** By which the agents were told. */
  readonly notices: readonly NoticeRef[];
  /** By when somebody has to acknowledge the notices, once it has ended; `null` before and afterwards. */
  readonly noticesDueMs: number | null;
  /** Grows with everything that is told of it, so that what comes late can be told from what is new. */
  readonly revision: number;
  readonly paces: readonly Pace[];
}

/** What is left when the retention is over: the id is never free again. */
export interface Forgotten {
  readonly forgotten: true;
}

export type Kept = Coordination | Forgotten;

export const isForgotten = (kept: Kept): kept is Forgotten => 'forgotten' in kept;

/** An ended coordination is kept so long. */
export const RETENTION_MS = 30 * 86_400_000;

export const isConsensus = ({ pattern }: Pick<Terms, 'pattern'>) => pattern === CONSENSUS;

/** Time at which it ends, if nothing has ended it before. */
export const deadlineMs = ({ initiatedAtMs, timeoutMs }: Coordination) => initiatedAtMs + timeoutMs;

/** The initiator and all participants. */
export const memberIds = ({ initiatorId, participants }: Terms) => [initiatorId, ...participants.map(({ id }) => id)];

/** Those that vote: the initiator and the voters. */
export const eligibleIds = ({ initiatorId, participants }: Terms) => [
  initiatorId,
  ...participants.filter(({ role }) => role === 'voter').map(({ id }) => id),
];

/** Part that an agent has in it; `undefined` for a stranger. */
export function roleOf({ initiatorId, participants }: Terms, agentId: string): Role | 'initiator' | undefined {
  if (agentId === initiatorId) return 'initiator';
  return participants.find(({ id }) => id === agentId)?.role;
}
