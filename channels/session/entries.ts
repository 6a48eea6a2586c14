/** An entry of a session's log as it is stored and as clients get it (SESSIONS.md). */
export type LogEntry =
  | UserMessage
  | AgentMessage
  | PaymentRequest
  | PaymentResponse
  | PaymentSettled
  | PaymentFailed
  | SessionClosed;

interface LogPlace {
  /** 1, 2, 3 … without gaps. */
  readonly seq: number;
  /** ISO 8601, by the store's clock. */
  readonly at: string;
}

export interface UserMessage extends LogPlace {
  readonly type: 'user_message';
  readonly by: 'user';
  readonly id?: string;
  readonly execution_id: string;
  readonly content: string;
}

export interface AgentMessage extends LogPlace {
  readonly type: 'agent_message';
  readonly by: 'agent';
  readonly id?: string;
  /** Null: it answers no user message. */
  readonly execution_id: string | null;
  readonly content: string;
  readonly final: boolean;
}

export interface PaymentRequest extends LogPlace {
  readonly type: 'payment_request';
  readonly by: 'agent';
  readonly request_id: string;
  readonly amount_usdc: string;
  readonly action: string;
  readonly description: string;
  readonly expires_at: string;
}

export interface PaymentResponse extends LogPlace {
  readonly type: 'payment_response';
  readonly by: 'user' | 'auto_pay' | 'expired' | 'session_closed';
  readonly request_id: string;
  readonly approved: boolean;
}

export interface PaymentSettled extends LogPlace {
  readonly type: 'payment_settled';
  readonly by: 'server';
  readonly request_id: string;
  readonly payment_id: string;
  readonly amount_usdc: string;
  /** Of the settlement on a chain; no adapter that makes one is built in. */
  readonly tx_hash?: string;
}

export interface PaymentFailed extends LogPlace {
  readonly type: 'payment_failed';
  readonly by: 'server';
  readonly request_id: string;
  readonly reason: 'insufficient_credits';
}

export interface SessionClosed extends LogPlace {
  readonly type: 'session_closed';
  readonly by: 'user' | 'agent' | 'server';
  readonly reason: string;
}

/** An entry without what its place in the log gives it. */
export type NewEntry = LogEntry extends infer T ? (T extends LogEntry ? Omit<T, 'seq' | 'at'> : never) : never;

/** A user and an agent write at most so many entries; what ends a request and the session still fits behind them. */
export const MAX_ENTRIES = 10_000;

export const MAX_CONTENT_BYTES = 64 * 1_024;
