import type { NoticeRef } from '../messages/notifications.ts';
import type { LogEntry } from './entries.ts';
import type { PendingRequest, Session, SessionEnd, Terms } from './state.ts';

export type Command =
  | Create
  | Assign
  | SayAsUser
  | SayAsAgent
  | RequestPayment
  | AnswerRequest
  | Close
  | Confirm
  | { readonly type: 'user_connected' }
  | { readonly type: 'agent_joined' }
  /** Auto-pay may not pay this one, or not now: the user is asked. */
  | { readonly type: 'ask_user'; readonly requestId: string }
  /** Booked on both sides. */
  | { readonly type: 'settle_payment'; readonly requestId: string }
  /** The credits did not suffice: nothing moved. */
  | { readonly type: 'fail_payment'; readonly requestId: string }
  /** Does what time has made due. */
  | { readonly type: 'wake' }
  | { readonly type: 'followed_up' }
  /** Its retention may be over. */
  | { readonly type: 'remove' };

export interface Create {
  readonly type: 'create';
  readonly terms: Terms;
  readonly agent: Session['agent'];
  readonly notices: readonly NoticeRef[];
}

export interface Assign {
  readonly type: 'assign';
  readonly agent: NonNullable<Session['agent']>;
  readonly notices: readonly NoticeRef[];
}

export interface SayAsUser {
  readonly type: 'user_message';
  /** The client's own, by which a repeat is recognised. */
  readonly id: string | undefined;
  readonly content: string;
}

export interface SayAsAgent {
  readonly type: 'agent_message';
  readonly id: string | undefined;
  readonly content: string;
  /** Left out: the oldest open execution. */
  readonly executionId: string | undefined;
  readonly final: boolean;
}

export interface RequestPayment {
  readonly type: 'request_payment';
  readonly id: string | undefined;
  readonly requestId: string;
  readonly paymentId: string;
  readonly amountMicro: bigint;
  readonly action: string;
  readonly description: string;
}

/** The user's answer to a request. */
export interface AnswerRequest {
  readonly type: 'answer';
  readonly requestId: string;
  readonly approved: boolean;
}

export interface Close extends SessionEnd {
  readonly type: 'close';
}

export interface Confirm {
  readonly type: 'confirm';
  readonly seq: number;
}

export type Event =
  | { readonly type: 'created' }
  | { readonly type: 'assigned' }
  | { readonly type: 'appended'; readonly entry: LogEntry }
  /** The execution that was opened at this time, in microseconds, has its final answer. */
  | { readonly type: 'execution_ended'; readonly openedAtMicros: number }
  /** The user has to answer this request. */
  | { readonly type: 'asked'; readonly request: PendingRequest }
  /** The end waits for a booking. */
  | { readonly type: 'close_waits' }
  | { readonly type: 'removed' };
