import Type from 'typebox';
import { jsonAnswer, jsonBody, type Method, type Route } from '../../server/http/index.ts';
import { type Exchange, payloadCheck, type Refusal } from '../../server/index.ts';
import { iso } from '../kernel/iso.ts';
import { micro } from '../kernel/money.ts';
import { refuse, refuseField } from '../kernel/reasons.ts';
import type { AccountPrincipal, Principal } from '../principals/authenticate.ts';
import { type Handle, readable, tokenRefusal } from '../principals/permissions.ts';
import { isOf } from './list.ts';
import { SessionRequest } from './schema.ts';
import type { Sessions } from './sessions.ts';
import { type AutoPay, isOver, type Session } from './state.ts';
import type { UserTokens } from './user_tokens.ts';
import { sessionView } from './view.ts';

export interface SessionRouteOptions {
  readonly sessions: Sessions;
  readonly tokens: UserTokens;
  /** The capability of a session that names neither agent nor capability. */
  readonly capability: string;
  /** The scheme of the address that a client reached: `ws` or `wss`. */
  readonly schemeOf: (exchange: Exchange) => 'ws' | 'wss';
}

/** The header that the system's own clients put their API key into. */
export const API_KEY_HEADER = 'x-api-key';

export function sessionRoutes(options: SessionRouteOptions): Route<Principal>[] {
  const route = (method: Method, path: string, handle: Handle): Route<Principal> => ({
    method,
    path,
    handle,
    credentialHeader: API_KEY_HEADER,
  });
  return [
    route('POST', '/api/sessions', makeSession(options)),
    route('GET', '/api/sessions/:id', readSession(options)),
    route('POST', '/api/sessions/:id/tokens', issueToken(options)),
  ];
}

const readRequest = jsonBody(SessionRequest);

/** `POST /api/sessions` */
function makeSession(options: SessionRouteOptions): Handle {
  const { sessions, capability: usual } = options;
  return async ({ exchange, principal }) => {
    const read = await readRequest(exchange);
    if (!read.ok) return read;
    const { id, agent_id: agentId, capability, auto_pay: given } = read.body;
    if (agentId !== undefined && capability !== undefined) {
      return refuseField('/capability', 'must not be there beside agent_id');
    }
    const autoPay = autoPayOf(given);
    if (!autoPay.ok) return autoPay;
    if (principal.kind !== 'user') return refuse('forbidden');
    const forbidden = tokenRefusal(principal);
    if (forbidden) return forbidden;
    const made = await sessions.make(`user:${principal.id}`, id, {
      userId: principal.id,
      agentId,
      capability: capability ?? usual,
      autoPay: autoPay.caps,
      tiedTo: null,
    });
    if (!made.ok) return made;
    const { session, repeated } = made;
    const access = await accessTo(session, principal, exchange, options);
    return jsonAnswer(repeated ? 200 : 201, { session_id: session.id, ...access });
  };
}

type ReadAutoPay = { readonly ok: true; readonly caps: AutoPay | null } | Refusal;

function autoPayOf(given: SessionRequest['auto_pay']): ReadAutoPay {
  if (given === undefined) return { ok: true, caps: null };
  const { max_per_payment: perPayment, max_per_day: perDay } = given;
  if (perPayment === undefined && perDay === undefined) {
    return refuseField('/auto_pay', 'must have max_per_payment or max_per_day');
  }
  const cap = (amount: string | number | undefined) => (amount === undefined ? null : micro(amount));
  return { ok: true, caps: { maxPerPaymentMicro: cap(perPayment), maxPerDayMicro: cap(perDay) } };
}

/** `POST /api/sessions/{id}/tokens` */
function issueToken(options: SessionRouteOptions): Handle {
  return async ({ exchange, principal, param }) => {
    const session = await options.sessions.read(param('id'));
    const read = await readable(principal, session, ({ userId }) => isUser(principal, userId));
    if (!read.ok) return read;
    const { thing } = read;
    if (!isUser(principal, thing.userId)) return refuse('forbidden');
    const forbidden = tokenRefusal(principal);
    if (forbidden) return forbidden;
    if (isOver(thing)) return refuse('session_closed', { reason: thing.closing?.reason });
    return jsonAnswer(201, await accessTo(thing, principal, exchange, options));
  };
}

const isUser = (principal: Principal, userId: string | null): principal is AccountPrincipal =>
  principal.kind === 'user' && principal.id === userId;

/** The token with which a session's user connects, and where to. */
async function accessTo(
  session: Session,
  { id, keyId }: AccountPrincipal,
  exchange: Exchange,
  { tokens, schemeOf }: SessionRouteOptions,
) {
  const { token, expiresAtMs } = await tokens.issue(session, id, keyId);
  const host = exchange.header('host') ?? '';
  const path = `/ws/user-agent/${encodeURIComponent(session.id)}?token=${token}`;
  return { token, ws_url: `${schemeOf(exchange)}://${host}${path}`, expires_at: iso(expiresAtMs) };
}

const MAX_PAGE = 1_000;
const checkPage = payloadCheck(
  Type.Object({
    after: Type.Optional(Type.String({ pattern: '^(0|[1-9][0-9]{0,14})$', description: 'a seq' })),
    limit: Type.Optional(
      Type.String({ pattern: '^([1-9][0-9]{0,2}|1000)$', description: `a whole number from 1 to ${MAX_PAGE}` }),
    ),
  }),
);

/** `GET /api/sessions/{id}` */
function readSession({ sessions }: SessionRouteOptions): Handle {
  return async ({ exchange, principal, param }) => {
    const read = await readable(principal, await sessions.read(param('id')), (session) => isOf(session, principal));
    if (!read.ok) return read;
    const checked = checkPage(Object.fromEntries(exchange.query));
    if (!checked.ok) return checked;
    const { after = '0', limit = String(MAX_PAGE) } = checked.payload as { after?: string; limit?: string };
    const found = await sessions.entries(param('id'), Number(after), Number(limit) + 1);
    const entries = found.slice(0, Number(limit));
    const last = found.length > entries.length ? entries.at(-1) : undefined;
    const session = sessionView(read.thing);
    return jsonAnswer(200, { session, entries, ...(last && { next_cursor: String(last.seq) }) });
  };
}
