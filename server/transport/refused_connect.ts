/** A refused connect: the HTTP status, and for 429 the time until the next try. */
export interface RefusedConnect {
  readonly status: 400 | 403 | 404 | 429 | 500 | 503;
  readonly retryAfterMs?: number;
}

/** `Retry-After` in whole seconds (RFC 9110, section 10.2.3). */
export function retryAfter({ retryAfterMs = 0 }: RefusedConnect): string {
  return String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
}
