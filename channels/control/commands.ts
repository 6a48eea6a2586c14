import type { AgentError } from './port.ts';
import type { Callback, HandedOver, Outcome, RequestTerms } from './state.ts';

export type Command =
  | HandOver
  | Answer
  /** All sockets of the agent have been closed for too long. */
  | { readonly type: 'disconnect'; readonly requestId: string }
  /** Does what time has made due. */
  | { readonly type: 'wake' };

export interface HandOver {
  readonly type: 'hand_over';
  readonly terms: Omit<RequestTerms, 'handedOverAtMs' | 'dueAtMs'>;
  readonly timeoutMs: number;
  readonly callback: Callback | null;
}

/** What the agent says of it. */
export interface Answer {
  readonly type: 'answer';
  readonly agentId: string;
  readonly requestId: string;
  readonly outcome:
    | { readonly ok: true; readonly resultJson: string }
    | { readonly ok: false; readonly error: AgentError };
}

export type Event =
  /** From here on the command counts as handed over, whether or not it reaches the agent. */
  | { readonly type: 'handed_over' }
  | {
      readonly type: 'ended';
      readonly request: HandedOver & { readonly outcome: Outcome };
      readonly callback: Callback | null;
    };
