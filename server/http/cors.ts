import type { Exchange, HttpAnswer } from './exchange.ts';
import { type OriginPolicy, originAllowed } from './origin.ts';

/** Time for which a browser may cache a preflight answer. */
const PREFLIGHT_SECONDS = 600;

/** The CORS verdict on a request, and its headers (the Fetch standard). */
export interface Cors {
  /** `false`: the request names an origin that is not allowed. One that names none is no page's, and passes. */
  readonly allowed: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

export function corsOf(exchange: Exchange, policy: OriginPolicy): Cors {
  const origin = exchange.header('origin');
  const allowed = originAllowed(policy, origin, exchange.header('host'));
  const vary = { vary: 'Origin' };
  if (origin === undefined || !allowed) return { allowed, headers: vary };
  return {
    allowed,
    headers: {
      ...vary,
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'retry-after, www-authenticate',
    },
  };
}

/**
 * Answers `OPTIONS` on an address that takes `methods`, a browser's preflight included.
 *
 * @param credentialHeaders that the address takes beside `Authorization`
 */
export function optionsAnswer(
  exchange: Exchange,
  methods: readonly string[],
  credentialHeaders: readonly string[],
): HttpAnswer {
  const allow = methods.join(', ');
  const isPreflight = exchange.header('origin') !== undefined && exchange.header('access-control-request-method');
  if (!isPreflight) return { status: 204, headers: { allow } };
  return {
    status: 204,
    headers: {
      'access-control-allow-methods': allow,
      'access-control-allow-headers': ['authorization', 'content-type', ...credentialHeaders].join(', '),
      'access-control-max-age': String(PREFLIGHT_SECONDS),
    },
  };
}
