import { type Abortable, aborted, anySignal } from './abort.ts';
import type { Credentials } from './credential.ts';
import { AerieError, isReason, type Outcome, refusal } from './error.ts';
import type { Pace } from './pace.ts';

export interface HttpOptions {
  /** `http://host:port`, without a slash at the end. */
  readonly url: string;
  readonly credentials: Credentials;
  readonly fetch: typeof fetch;
  readonly pace: Pace;
  /** Aborts when the agent is closed. */
  readonly closed: AbortSignal;
}

export interface HttpCall extends Abortable {
  readonly body?: object;
  /** Milliseconds after which a server that does not answer is given up; otherwise never. */
  readonly patienceMs?: number;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/**
 * Calls of the HTTP API. Each is repeated, as it is, until the server has answered: every one that this library makes may be, as it
 * names the id of what it makes.
 */
export class Http {
  readonly #options: HttpOptions;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /** @throws AerieError */
  async call<Answer>(method: Method, path: string, call: HttpCall = {}): Promise<Answer> {
    const { pace, closed, credentials } = this.#options;
    const signal = anySignal(closed, call.signal);
    const givenUpAtMs = Date.now() + (call.patienceMs ?? Number.POSITIVE_INFINITY);
    let outcome: Outcome = 'none';
    for (let refusedBefore = false; ; ) {
      try {
        await pace.wait(signal);
        const answer = await this.#attempt<Answer>(method, path, call, signal);
        pace.answered();
        return answer;
      } catch (error) {
        if (signal.aborted) throw aborted(signal, outcome);
        if (!(error instanceof AerieError)) throw error;
        if (error.outcome === 'unknown' && method !== 'GET') outcome = 'unknown';
        if (error.reason === 'unauthorized' && credentials.canChange && !refusedBefore) {
          refusedBefore = true;
          await credentials.fresh();
        } else if (!error.retryable || Date.now() >= givenUpAtMs) throw error;
        else if (error.reason === 'rate_limited') pace.rateLimited(error.retryAfterMs);
        else pace.unavailable();
      }
    }
  }

  /** All items of a list, page by page. */
  async *pages<Item>(path: string, items: string, call: Abortable = {}): AsyncGenerator<readonly Item[]> {
    let cursor: string | undefined;
    do {
      const more: string = cursor === undefined ? path : `${path}&cursor=${encodeURIComponent(cursor)}`;
      const page: Record<string, unknown> = await this.call('GET', more, call);
      yield page[items] as readonly Item[];
      cursor = page.next_cursor as string | undefined;
    } while (cursor !== undefined);
  }

  async #attempt<Answer>(method: Method, path: string, { body }: HttpCall, signal: AbortSignal): Promise<Answer> {
    const { url, fetch, credentials } = this.#options;
    const headers = { authorization: `Bearer ${await credentials.last()}`, 'content-type': 'application/json' };
    const response = await fetch(url + path, {
      method,
      headers,
      signal,
      ...(body && { body: JSON.stringify(body) }),
    }).catch(unreachable);
    const text = await response.text().catch(unreachable);
    if (response.ok) return (text === '' ? {} : JSON.parse(text)) as Answer;
    throw problem(response, text);
  }
}

function unreachable(error: Error): never {
  const { message, code } = (error.cause ?? {}) as { message?: string; code?: string };
  throw new AerieError('unavailable', {
    message: [error.message, message || code].filter(Boolean).join(': '),
    retryable: true,
    outcome: 'unknown',
    cause: error,
  });
}

/** Reads a refusal over HTTP (RFC 9457). What is none comes from a proxy in between. */
function problem(response: Response, text: string): AerieError {
  const retryAfterMs = Number(response.headers.get('retry-after') ?? Number.NaN) * 1_000;
  let said: { reason?: unknown; detail?: unknown; errors?: unknown; details?: unknown } = {};
  try {
    said = JSON.parse(text);
  } catch {
    // Not ours: the status has to do.
  }
  const reason = typeof said.reason === 'string' ? said.reason : reasonOf(response.status);
  const details = said.errors ?? said.details;
  const refused = refusal({ reason, message: said.detail ?? `${response.status} ${response.statusText}`, details });
  if (!isReason(refused, 'rate_limited') || Number.isNaN(retryAfterMs)) return refused;
  return new AerieError('rate_limited', { message: refused.message, details, retryable: true, retryAfterMs });
}

function reasonOf(status: number): string {
  const known: Readonly<Record<number, string>> = {
    401: 'unauthorized',
    403: 'forbidden',
    404: 'not_found',
    429: 'rate_limited',
  };
  return known[status] ?? (status >= 502 ? 'unavailable' : 'internal_error');
}
