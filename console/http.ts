/** An answer of the HTTP API that is no success. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/**
 * Calls the HTTP API (PROTOCOL.md, section 3).
 *
 * @throws ApiError for a refusal, with `status` 0 where the server is out of reach
 */
export async function call<Body>(
  credential: string,
  path: string,
  { method = 'GET', body }: { readonly method?: string; readonly body?: object } = {},
): Promise<Body> {
  const headers: Record<string, string> = { authorization: `Bearer ${credential}` };
  if (body) headers['content-type'] = 'application/json';
  const request: RequestInit = { method, headers, cache: 'no-store', ...(body && { body: JSON.stringify(body) }) };
  const response = await fetch(path, request).catch(() => undefined);
  if (!response) throw new ApiError(0, 'unreachable', 'The server cannot be reached.');
  const answer = (await response.json().catch(() => ({}))) as { reason?: string; detail?: string };
  if (response.ok) return answer as Body;
  const message = answer.detail ?? response.statusText;
  throw new ApiError(response.status, answer.reason ?? '', message);
}
