/** Errors of VISUALISATION.md, section 9.9: their numbers in binary frames, and what a client can do. */
const ERRORS = {
  CONNECTION_FAILED: { number: 1, recoverable: true, suggestedAction: 'reconnect' },
  AUTH_FAILED: { number: 2, recoverable: true, suggestedAction: 'authenticate' },
  INVALID_MESSAGE: { number: 3, recoverable: true, suggestedAction: 'fix_message' },
  AGENT_NOT_FOUND: { number: 4, recoverable: true, suggestedAction: 'verify_agent_id' },
  COMMAND_FAILED: { number: 5, recoverable: true, suggestedAction: 'retry' },
  RATE_LIMIT_EXCEEDED: { number: 6, recoverable: true, suggestedAction: 'slow_down' },
  INTERNAL_ERROR: { number: 7, recoverable: false, suggestedAction: 'report' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

export const errorNumber = (code: ErrorCode) => ERRORS[code].number;

/** The part of the gateway that found the error. */
export type Component = 'connection' | 'message' | 'channel' | 'snapshot' | 'control' | 'coordination';

/** An error as it is told to a client; undefined details are left out. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly component: Component;
  /** The `id` of the message that it answers. */
  readonly requestId?: string | undefined;
  readonly reason?: string | undefined;
  readonly path?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly incident?: string | undefined;
  /** Further details. */
  readonly more?: Readonly<Record<string, unknown>> | undefined;
}

/** Reasons after which the same command fails again. */
const FINAL_REASONS = new Set(['forbidden', 'agent_error']);

/** The payload of an `error`. There is never a stack trace in it. */
export function errorPayload(error: WireError): object {
  const { code, message, component, requestId = null, reason, path, retryAfterMs, incident, more } = error;
  const isFinal = code === 'COMMAND_FAILED' && reason !== undefined && FINAL_REASONS.has(reason);
  const { recoverable, suggestedAction } = ERRORS[code];
  return {
    code,
    message,
    details: { requestId, component, reason, path, retryAfterMs, incident, ...more },
    recoverable: recoverable && !isFinal,
    suggestedAction: isFinal ? 'none' : suggestedAction,
  };
}
