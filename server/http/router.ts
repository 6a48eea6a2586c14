import { createHash } from 'node:crypto';
import type { RequestAllowance } from '../allowance/requests.ts';
import type { Log } from '../log.ts';
import type { Refusal } from '../refusal.ts';
import { bearer } from './bearer.ts';
import { corsOf, optionsAnswer } from './cors.ts';
import type { Exchange, HttpAnswer } from './exchange.ts';
import { faultRefusal } from './fault.ts';
import type { OriginPolicy } from './origin.ts';
import { httpRefusal, problem, type StatusOf } from './problem.ts';
import { type Match, methodsOf, type Route, RouteTable } from './routes.ts';

export interface RouterOptions<P> {
  readonly routes: readonly Route<P>[];
  /**
   * Finds the principal behind a credential; `undefined` if that is not valid, or no longer.
   *
   * @param header where it stands: `authorization`, or a route's `credentialHeader`
   */
  readonly authenticate: (credential: string, header: string) => Promise<P | undefined>;
  readonly origins: OriginPolicy;
  /** Names the account that a principal's requests count for, as `Connected.account` does. */
  readonly accountOf: (principal: P) => string;
  /** `undefined`: no limit. */
  readonly requests: RequestAllowance | undefined;
  readonly log: Log;
  /** The status of the application's own reasons; 409 where it gives none. */
  readonly statusOf?: StatusOf;
}

/**
 * Serves a table of routes: what `Endpoint` takes as `http`. Every refusal goes out as `application/problem+json`, and so
 * does an exception, as `unavailable` or `internal_error`.
 */
export function httpRouter<P>(options: RouterOptions<P>): (exchange: Exchange) => Promise<void> {
  const router = new Router(options);
  return async (exchange) => {
    const cors = corsOf(exchange, options.origins);
    const answer = cors.allowed ? await router.answer(exchange) : router.refuseOrigin(exchange);
    exchange.respond({ ...answer, headers: { ...answer.headers, ...cors.headers } });
  };
}

type Admitted<P> = { readonly ok: true; readonly principal: P | undefined } | Refusal;
const anonymous = { ok: true, principal: undefined } as const;

class Router<P> {
  readonly #options: RouterOptions<P>;
  readonly #routes: RouteTable<P>;

  constructor(options: RouterOptions<P>) {
    this.#options = options;
    this.#routes = new RouteTable(options.routes);
  }

  async answer(exchange: Exchange): Promise<HttpAnswer> {
    const match = this.#routes.match(exchange.segments);
    if (!match) return problem(httpRefusal('not_found'));
    const allow = methodsOf(match);
    if (exchange.method === 'OPTIONS') return optionsAnswer(exchange, allow, credentialHeadersOf(match));
    const route = match.routes.get(exchange.method === 'HEAD' ? 'GET' : exchange.method);
    if (!route) return problem(httpRefusal('method_not_allowed'), { headers: { allow: allow.join(', ') } });
    try {
      const result = await this.#perform(route, match, exchange);
      if (!('reason' in result)) return result;
      this.#tell(exchange, route, result.reason);
      return this.#refused(result);
    } catch (error) {
      return problem(faultRefusal(error, this.#options.log, { method: route.method, route: route.path }));
    }
  }

  async #perform(route: Route<P>, { params }: Match<P>, exchange: Exchange): Promise<HttpAnswer | Refusal> {
    const admitted = await this.#admit(route, exchange);
    if (!admitted.ok) return admitted;
    const call = { exchange, param: (name: string) => params.get(name) ?? '' };
    const { principal } = admitted;
    if (route.access === 'anybody') return route.handle({ ...call, principal });
    return principal === undefined ? httpRefusal('unauthorized') : route.handle({ ...call, principal });
  }

  /** A request counts for the account that its credential is good for, else for its address. */
  async #admit(route: Route<P>, exchange: Exchange): Promise<Admitted<P>> {
    const { authenticate, accountOf } = this.#options;
    const requests = route.access === 'anybody' && route.unlimited ? undefined : this.#options.requests;
    const { text, header } = credentialOf(exchange, route);
    if (text === undefined) return limited(requests?.takeOfAddress(exchange.address)) ?? anonymous;

    const digest = createHash('sha256').update(header).update(text).digest('base64');
    const known = requests?.accountOf(digest);
    // Before the look-up: a caller over its limit costs the store nothing.
    const early = known === undefined ? undefined : limited(requests?.takeOfAccount(known));
    if (early) return early;
    const principal = await authenticate(text, header);
    if (principal === undefined) {
      requests?.forget(digest);
      return limited(requests?.takeOfAddress(exchange.address)) ?? anonymous;
    }
    if (known !== undefined) return { ok: true, principal };
    const account = accountOf(principal);
    requests?.remember(digest, account);
    return limited(requests?.takeOfAccount(account)) ?? { ok: true, principal };
  }

  refuseOrigin({ method, address }: Exchange): HttpAnswer {
    this.#options.log.info({ method, address, reason: 'wrong_origin' }, 'request refused');
    return problem({
      ...httpRefusal('forbidden'),
      message: 'This origin is not allowed: the operator can add it to ALLOWED_ORIGINS.',
    });
  }

  /** Logs 401 and 403; not 429, so that a flood cannot fill the disk. */
  #tell({ address }: Exchange, { method, path }: Route<P>, reason: string): void {
    if (reason !== 'unauthorized' && reason !== 'forbidden') return;
    this.#options.log.info({ method, route: path, address, reason }, 'request refused');
  }

  #refused(refusal: Refusal): HttpAnswer {
    const { statusOf } = this.#options;
    return problem(refusal, { headers: headersOf(refusal), ...(statusOf && { statusOf }) });
  }
}

function credentialHeadersOf<P>({ routes }: Match<P>): string[] {
  const named = [...routes.values()].flatMap((route) =>
    route.access === 'anybody' ? [] : (route.credentialHeader ?? []),
  );
  return [...new Set(named)];
}

function credentialOf<P>(
  exchange: Exchange,
  route: Route<P>,
): { readonly text: string | undefined; readonly header: string } {
  const text = bearer(exchange.header('authorization'));
  const header = route.access === 'anybody' ? undefined : route.credentialHeader;
  if (text !== undefined || header === undefined) return { text, header: 'authorization' };
  return { text: exchange.header(header)?.trim() || undefined, header };
}

function limited(waitMs = 0): Refusal | undefined {
  return waitMs === 0 ? undefined : httpRefusal('rate_limited', { retry_after_ms: waitMs });
}

function headersOf({ reason, details }: Refusal): Record<string, string> {
  if (reason === 'unauthorized') return { 'www-authenticate': 'Bearer' };
  if (reason !== 'rate_limited') return {};
  const { retry_after_ms: waitMs = 1_000 } = (details ?? {}) as { retry_after_ms?: number };
  return { 'retry-after': String(Math.ceil(waitMs / 1_000)) };
}
