/** A refused connect: the HTTP status, and for 429 the time until the next try. */
export interface RefusedConnect {
  readonly status: 400 | 401 | 403 | 404 | 421 | 429 | 500 | 503;
  readonly retryAfterMs?: number;
  /** Instead of the status: the upgrade is accepted and the socket closed, since a browser sees no HTTP status. */
  readonly farewell?: Farewell;
}

export interface Farewell {
  readonly code: number;
  readonly reason: string;
  /** Sent before the close. */
  readonly message?: string;
}

/** `Retry-After` in whole seconds (RFC 9110, section 10.2.3). */
export function retryAfter({ retryAfterMs = 0 }: RefusedConnect): string {
  return String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
}
