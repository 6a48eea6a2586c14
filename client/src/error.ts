/** Whether the effect of what failed is certain not to be there (`none`), or may be there (`unknown`). */
export type Outcome = 'none' | 'unknown';

export interface Failure {
  readonly message?: string | undefined;
  readonly details?: unknown;
  /** True if the same call may succeed later. */
  readonly retryable?: boolean;
  /** Milliseconds after which it may, where the server has said so. */
  readonly retryAfterMs?: number | undefined;
  readonly outcome?: Outcome;
  readonly cause?: unknown;
}

/** Advice, where the reason does not say it. */
const MESSAGES: Readonly<Record<string, string>> = {
  unsupported: 'The server is too old.',
  keep_required: 'Pass a durable `keep` to connect, or `memory()`.',
  signing_key_required: 'Pass `signingKey` to connect.',
  evidence_mismatch: 'The server contradicts what was signed.',
};

/** What every call of this library fails with. `reason` is for programs and stable, `message` is for people. */
export class AerieError extends Error {
  /** The server's reason (PROTOCOL.md), or one of the library's own: `aborted`, `closed`, `unsupported`, `keep_required`, … */
  declare readonly reason: string;
  declare readonly details: unknown;
  declare readonly retryable: boolean;
  declare readonly retryAfterMs: number | undefined;
  declare readonly outcome: Outcome;

  constructor(
    reason: string,
    { message = MESSAGES[reason] ?? `${reason.replaceAll('_', ' ')}.`, cause, ...failure }: Failure = {},
  ) {
    super(message, cause ? { cause } : {});
    Object.assign(this, { name: 'AerieError', reason, retryable: false, outcome: 'none', ...failure });
  }
}

/** The same error, of something else that it has ended. */
export const withOutcome = (error: AerieError, outcome: Outcome): AerieError =>
  new AerieError(error.reason, { ...error, message: error.message, outcome });

/** An error with this reason; for `catch`. */
export const isReason = (error: unknown, ...reasons: readonly string[]): error is AerieError =>
  error instanceof AerieError && reasons.includes(error.reason);

/** For `catch`: takes errors with these reasons as no failure, and throws others again. */
export const ignore =
  (...reasons: readonly string[]) =>
  (error: unknown): undefined => {
    if (!isReason(error, ...reasons)) throw error;
  };

/** The server contradicts a signature. @param details the evidence */
export const evidenceMismatch = (details: unknown): AerieError => new AerieError('evidence_mismatch', { details });

/** The answer of a server that says no, on a channel or over HTTP. */
interface Refused {
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly details?: { readonly retry_after_ms?: number } | undefined;
}

/** Reads a refusal of the server. An event or a topic that it does not know says that it is older than this library. */
export function refusal(answer: unknown): AerieError {
  const { reason, message, details } = Object(answer) as Refused;
  const code = typeof reason === 'string' ? reason : 'internal_error';
  if (code === 'unknown_event' || code === 'unmatched topic') return new AerieError('unsupported', { details });
  return new AerieError(code, {
    message: typeof message === 'string' ? message : undefined,
    details,
    retryable: code === 'unavailable' || code === 'rate_limited',
    retryAfterMs: details?.retry_after_ms,
    outcome: code === 'unavailable' || code === 'internal_error' ? 'unknown' : 'none',
  });
}
