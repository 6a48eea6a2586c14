import { type Abortable, aborted, anySignal } from './abort.ts';
import { type Credential, Credentials } from './credential.ts';
import { AerieError, type Outcome, refusal } from './error.ts';
import { Pace } from './pace.ts';

export interface HttpOptions {
  readonly url: string;
  readonly credential: Credential;
  readonly fetch?: typeof fetch | undefined;
}

/** Milliseconds in which a server has to give its first answer, where no `signal` says how long to wait. */
export const FIRST_ANSWER_MS = 10_000;

export interface HttpCall extends Abortable {
  readonly body?: object;
  /** Milliseconds after which a server that does not answer is given up; never where it is left out. */
  readonly patienceMs?: number | undefined;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/**
 * Calls of the HTTP API. Each is repeated, as it is, until the server has answered: every one that this library makes may be, as it
 * names the id of what it makes.
 */
export class Http {
  /** `http` or `https`, without a slash at the end. */
  readonly url: string;
  readonly credentials: Credentials;
  readonly pace = new Pace();
  readonly #fetch: typeof fetch;
  /** Aborts when the agent is closed. */
  readonly closed: AbortSignal;

  constructor(
    { url, credential, fetch = globalThis.fetch }: HttpOptions,
    closed: AbortSignal = new AbortController().signal,
  ) {
    this.url = url.replace(/^ws/, 'http').replace(/\/+$/, '');
    this.credentials = new Credentials(credential);
    // Browsers want it called on the global object.
    this.#fetch = fetch.bind(globalThis);
    this.closed = closed;
  }

  /** @throws AerieError */
  async call<Answer>(method: Method, path: string, call: HttpCall = {}): Promise<Answer> {
    const { pace, credentials } = this;
    const signal = anySignal(this.closed, call.signal);
    const begunAtMs = Date.now();
    let outcome: Outcome = 'none';
    for (let refusedBefore = false; ; ) {
      try {
        await pace.wait(signal);
        signal.throwIfAborted();
        const answer = await this.#attempt<Answer>(method, path, call, signal);
        pace.answered();
        return answer;
      } catch (thrown) {
        const error = Object(thrown) as AerieError;
        if (error.outcome === 'unknown' && method !== 'GET') outcome = 'unknown';
        if (signal.aborted) throw aborted(signal, outcome);
        if (error.reason === 'unauthorized' && credentials.canChange && !refusedBefore) {
          refusedBefore = true;
          await credentials.fresh();
        } else if (!error.retryable || Date.now() - begunAtMs >= (call.patienceMs ?? Infinity)) throw thrown;
        else pace.refused(error);
      }
    }
  }

  /** All items of a list, which is asked for page by page. */
  async *items<Item>(path: string, items: string, call?: Abortable): AsyncGenerator<Item> {
    for (let next: string | undefined = path; next; ) {
      const page: Record<string, unknown> = await this.call('GET', next, call);
      yield* page[items] as readonly Item[];
      const cursor = page.next_cursor as string | undefined;
      next = cursor && `${path}&cursor=${encodeURIComponent(cursor)}`;
    }
  }

  async #attempt<Answer>(method: Method, path: string, { body }: HttpCall, signal: AbortSignal): Promise<Answer> {
    const headers = { authorization: `Bearer ${await this.credentials.last()}`, 'content-type': 'application/json' };
    const sent = { method, headers, signal, body: body ? JSON.stringify(body) : null };
    const response = await this.#fetch(this.url + path, sent).catch(unreachable);
    const text = await response.text().catch(unreachable);
    if (response.ok) return JSON.parse(text || '{}');
    throw problem(response, text);
  }
}

function unreachable(error: Error): never {
  const { message, code } = Object(error.cause) as { message?: string; code?: string };
  throw new AerieError('unavailable', {
    message: `${error.message}: ${message || code || 'no answer'}`,
    retryable: true,
    outcome: 'unknown',
    cause: error,
  });
}

/** The meaning of a status by itself, where a proxy in between has answered. */
const REASONS: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  429: 'rate_limited',
  502: 'unavailable',
  503: 'unavailable',
  504: 'unavailable',
};

/** Reads a refusal over HTTP (RFC 9457). */
function problem({ status, statusText, headers }: Response, text: string): AerieError {
  let said: { reason?: unknown; detail?: unknown; errors?: unknown; details?: unknown } = {};
  try {
    said = Object(JSON.parse(text));
  } catch {
    // Not the server's own: the status has to do.
  }
  const retryAfterMs = Number(headers.get('retry-after')) * 1_000;
  return refusal({
    reason: said.reason ?? REASONS[status],
    message: said.detail ?? `${status} ${statusText}`,
    details: said.errors ?? said.details ?? (retryAfterMs ? { retry_after_ms: retryAfterMs } : undefined),
  });
}
