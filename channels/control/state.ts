import type { AgentError } from './port.ts';

/** Terms of a request, fixed when its command is handed over. */
export interface RequestTerms {
  /** The server's own name for it, told to the agent. */
  readonly requestId: string;
  /** `admin` or `user:u-1`. */
  readonly by: string;
  readonly targetAgent: string;
  /** Digest of the payload, by which a repeat is recognised. */
  readonly digest: string;
  readonly handedOverAtMs: number;
  /** An answer from then on is too late. */
  readonly dueAtMs: number;
}

export type FailureReason = 'agent_error' | 'timeout' | 'agent_disconnected';

export type Outcome = { readonly endedAtMs: number } & (
  | {
      readonly status: 'completed';
      /** False once the result is dropped. */
      readonly keepsResult: boolean;
    }
  | { readonly status: 'failed'; readonly reason: FailureReason; readonly agentError?: AgentError }
);

/** Told of the outcome over HTTP. */
export interface Callback {
  readonly url: string;
  readonly secret?: string;
}

/** A request whose command was handed over (VISUALISATION.md, 9.8). Null: forgotten, its id is free again. */
export type RequestState = HandedOver | null;

export interface HandedOver extends RequestTerms {
  /** Null while the agent has not answered. */
  readonly outcome: Outcome | null;
  /** JSON text, where it was read or has just come. */
  readonly resultJson?: string;
  /** Null also once there is an outcome: whoever has committed that makes the calls. */
  readonly callback: Callback | null;
}

/** A result is kept so long. */
export const RESULT_MS = 600_000;
/** An id names a request so long from the handing over on. */
export const NAME_MS = 24 * 3_600_000;

export const isForgotten = (state: RequestState | undefined, nowMs: number): state is null | undefined =>
  !state || nowMs >= state.handedOverAtMs + NAME_MS;
