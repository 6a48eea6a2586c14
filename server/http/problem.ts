import { frameworkReasons, type Refusal } from '../refusal.ts';
import type { HttpAnswer } from './exchange.ts';
import { reasonPhrase } from './reason_phrase.ts';

/** The reasons that HTTP adds to the framework's own. */
export const httpReasons = {
  unauthorized: 'Expected a valid credential: Authorization: Bearer <API key or session token>.',
  forbidden: 'This credential does not allow this.',
  not_found: 'Not found.',
  method_not_allowed: 'This address does not take this method: see the Allow header.',
  payload_too_large: 'The payload is larger than allowed.',
  unavailable:
    'The store or Redis does not answer, or takes no writes. Whether this took effect is unknown: send it again.',
  internal_error: 'Internal error: the log of the server has the cause under this incident.',
} as const;

export type HttpReason = keyof typeof httpReasons | keyof typeof frameworkReasons;

export function httpRefusal(reason: HttpReason, details?: object): Refusal {
  const message = { ...frameworkReasons, ...httpReasons }[reason];
  return { ok: false, reason, message, ...(details && { details }) };
}

const statuses: Readonly<Record<string, number>> = {
  invalid_payload: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  payload_too_large: 413,
  rate_limited: 429,
  internal_error: 500,
  unavailable: 503,
};

/** The status of a reason that the application does not give one: what is refused for a thing's state is a conflict. */
const DEFAULT_STATUS = 409;

export type StatusOf = (reason: string) => number | undefined;

/** A refusal as `application/problem+json` (RFC 9457). A list of details becomes `errors`. */
export function problem(
  { reason, message, details }: Refusal,
  { statusOf = () => undefined, headers }: { statusOf?: StatusOf; headers?: HttpAnswer['headers'] } = {},
): HttpAnswer {
  const status = statusOf(reason) ?? statuses[reason] ?? DEFAULT_STATUS;
  const body = {
    type: 'about:blank',
    title: reasonPhrase(status),
    status,
    detail: message,
    reason,
    ...(details && (Array.isArray(details) ? { errors: details } : { details })),
  };
  return { status, headers: { ...headers, ...typed('application/problem+json') }, body: JSON.stringify(body) };
}

/** An answer with a JSON body. */
export function jsonAnswer(status: number, body: object): HttpAnswer {
  return { status, headers: typed('application/json'), body: JSON.stringify(body) };
}

/** Answers may hold credentials, and are of the moment. */
const typed = (contentType: string) => ({ 'content-type': contentType, 'cache-control': 'no-store' });
