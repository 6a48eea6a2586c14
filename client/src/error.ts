/** Whether the effect of what failed is certain not to be there (`none`), or may be there (`unknown`). */
export type Outcome = 'none' | 'unknown';

export interface Failure {
  readonly message?: string;
  readonly details?: unknown;
  /** True if the same call may succeed later. */
  readonly retryable?: boolean;
  /** Milliseconds after which it may, where the server has said so. */
  readonly retryAfterMs?: number;
  readonly outcome?: Outcome;
  readonly cause?: unknown;
}

const MESSAGES: Readonly<Record<string, string>> = {
  aborted: 'The wait was aborted.',
  closed: 'The agent was closed.',
  unavailable: 'The server does not answer.',
  unsupported: 'The server is of an older contract and cannot do this.',
  keep_required:
    'Signing money wants a keep that survives the process: pass `keep`, or `keep: memory()` to do without.',
  keep_in_use: 'Another process uses this keep.',
  signing_key_required: 'This wants a signing key: pass `signingKey` to connect.',
  evidence_mismatch:
    'What the server says does not fit what was signed. Nothing is signed any more; the evidence is kept.',
  checksum_mismatch: 'The chunks that came are not those that were written.',
};

/** What every call of this library fails with. `reason` is for programs and stable, `message` is for people. */
export class AerieError extends Error {
  /** The server's reason (PROTOCOL.md), or one of the library's own: `aborted`, `closed`, `unsupported`, `keep_required`, … */
  readonly reason: string;
  readonly details: unknown;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly outcome: Outcome;

  constructor(reason: string, failure: Failure = {}) {
    super(failure.message ?? MESSAGES[reason] ?? reason, failure.cause === undefined ? {} : { cause: failure.cause });
    this.name = 'AerieError';
    this.reason = reason;
    this.details = failure.details;
    this.retryable = failure.retryable ?? false;
    this.retryAfterMs = failure.retryAfterMs;
    this.outcome = failure.outcome ?? 'none';
  }
}

/** An error with this reason; for `catch`. */
export const isReason = (error: unknown, ...reasons: readonly string[]): error is AerieError =>
  error instanceof AerieError && reasons.includes(error.reason);

/** The answer of a server that says no, on a channel or over HTTP. */
export interface Refused {
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly details?: unknown;
}

/** Reads a refusal of the server. An event or a topic that it does not know says that it is older than this library. */
export function refusal(answer: unknown): AerieError {
  const { reason, message, details } = (typeof answer === 'object' && answer !== null ? answer : {}) as Refused;
  const code = typeof reason === 'string' ? reason : 'internal_error';
  const retryAfterMs = (details as { retry_after_ms?: unknown } | undefined)?.retry_after_ms;
  const isUnknown = code === 'unknown_event' || code === 'unmatched topic';
  return new AerieError(isUnknown ? 'unsupported' : code, {
    ...(typeof message === 'string' && !isUnknown && { message }),
    details,
    retryable: code === 'unavailable' || code === 'rate_limited',
    ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
    outcome: code === 'unavailable' || code === 'internal_error' ? 'unknown' : 'none',
  });
}
