import type { NoticeRef } from '../messages/notifications.ts';

/** Caps on what auto-pay may spend without asking; one that is null does not limit. */
export interface AutoPay {
  readonly maxPerPaymentMicro: bigint | null;
  readonly maxPerDayMicro: bigint | null;
}

/** A session's terms, fixed when it is made. */
export interface Terms {
  readonly id: string;
  /** Null: its dialect has no credits, and it ends with the socket that made it. */
  readonly userId: string | null;
  /** The capability by which an agent is assigned; null where the agent was named. */
  readonly capability: string | null;
  readonly autoPay: AutoPay | null;
  /** The process that has its socket, where it ends with that. */
  readonly tiedTo: string | null;
  /** Digest of the call that made it, by which a repeat is recognised. */
  readonly request: string;
}

/** A session as it is kept (SESSIONS.md); its log is a stream of the store. */
export interface Session extends Terms {
  readonly insertedAtMs: number;
  readonly agent: { readonly id: string; readonly name: string } | null;
  /** Entries of the log: the last one's seq. */
  readonly entries: number;
  readonly lastEntryAtMs: number;
  readonly userHasConnected: boolean;
  readonly agentHasJoined: boolean;
  /** When each execution without a final agent message was opened, in microseconds, oldest first. */
  readonly openExecutions: readonly number[];
  /** Of the latest execution, in microseconds. */
  readonly lastExecutionMicros: number;
  readonly pending: PendingRequest | null;
  /** Time of the entry that ended the latest request. */
  readonly requestEndedAtMs: number;
  /** An end that waits for the outcome of a booking. */
  readonly closeAfter: SessionEnd | null;
  readonly closing: (SessionEnd & { readonly atMs: number }) | null;
  /** The user has read the log up to here. */
  readonly confirmedSeq: number;
  /** By which the agent was told of it. */
  readonly notices: readonly NoticeRef[];
  /** By when somebody has to do what follows from its end; null before and afterwards. */
  readonly followUpDueMs: number | null;
  /** Its retention is over: nothing of it is left but that its id is taken. */
  readonly isGone: boolean;
}

export interface SessionEnd {
  readonly reason: string;
  readonly by: 'user' | 'agent' | 'server';
}

/** A payment request that has not ended. */
export interface PendingRequest {
  readonly id: string;
  /** The id under which the agent sent it. */
  readonly sentAs: string | undefined;
  readonly paymentId: string;
  readonly seq: number;
  readonly amountMicro: bigint;
  readonly action: string;
  readonly description: string;
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
  /** From when a user may see it: a click meant for the former request must not meet this one. */
  readonly shownFromMs: number;
  /** `auto`: auto-pay tries; `asked`: the user has to answer; `approved`: it is being booked. */
  readonly stage: 'auto' | 'asked' | 'approved';
  /** When somebody looks after it again. */
  readonly dueMs: number;
}

/** Course of a request: open, or how it ended. */
export type RequestStatus = 'pending' | 'approved' | 'declined' | 'expired' | 'insufficient_credits' | 'session_closed';

/** Memory of what a client said under an id of its own, by which a repeat is recognised. */
export interface Said {
  readonly seq: number;
  readonly digest: string;
  readonly executionId?: string;
  readonly request?: { readonly id: string; readonly expiresAtMs: number; readonly status: RequestStatus };
}

/** A session with what was said under the ids that a command names. */
export interface SessionState {
  readonly session: Session;
  readonly said: ReadonlyMap<string, Said>;
}

export type Phase = 'CLOSED' | 'AWAITING_PAYMENT' | 'WORKING' | 'AGENT_CONNECTED' | 'CONNECTED' | 'STARTED';
export const PHASES: readonly Phase[] = [
  'CLOSED',
  'AWAITING_PAYMENT',
  'WORKING',
  'AGENT_CONNECTED',
  'CONNECTED',
  'STARTED',
];

/** The first phase that holds. */
export function phaseOf(session: Session): Phase {
  if (session.closing) return 'CLOSED';
  if (session.pending) return 'AWAITING_PAYMENT';
  if (session.openExecutions.length > 0) return 'WORKING';
  if (session.agentHasJoined) return 'AGENT_CONNECTED';
  return session.userHasConnected ? 'CONNECTED' : 'STARTED';
}

export const canPay = ({ userId }: Pick<Terms, 'userId'>) => userId !== null;

/** True if the user has nothing more to come: it is closed, and the end was read. */
export const isOver = ({ closing, confirmedSeq, entries }: Session) => closing !== null && confirmedSeq >= entries;
