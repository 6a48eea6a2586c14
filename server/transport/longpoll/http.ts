import { bearer } from '../../http/bearer.ts';
import type { Exchange } from '../../http/exchange.ts';
import { originAllowed } from '../../http/origin.ts';
import type { ConnectRequest } from '../../socket.ts';
import type { LongPollMount } from '../mount.ts';
import { type RefusedConnect, retryAfter } from '../refused_connect.ts';
import type { LongPollSession } from './session.ts';
import type { LongPollSessions } from './sessions.ts';
import type { LongPollTokens, SessionRef } from './token.ts';

export interface LongPollDeps {
  readonly sessions: LongPollSessions;
  readonly tokens: LongPollTokens;
  readonly nodeId: string;
  /** Connects a new client, or refuses it. */
  readonly connect: (mount: LongPollMount, request: ConnectRequest) => Promise<LongPollSession | RefusedConnect>;
  /** Refuses a request for a mount that was not even asked. */
  readonly refuse: (mount: LongPollMount, address: string, reason: string) => RefusedConnect;
  /** See `ConnectRequest`. */
  readonly mayLookUp: (address: string) => boolean;
}

/**
 * Long-poll as Phoenix has it: HTTP is 200 throughout, `status` in the JSON body tells how it went (PHOENIX.md, "long
 * poll"); but for a node that takes nobody in now, which Phoenix has not.
 */
export async function handleLongPoll(exchange: Exchange, mount: LongPollMount, deps: LongPollDeps): Promise<void> {
  const { method } = exchange;
  if (!originAllowed(mount.origins, exchange.header('origin'), exchange.header('host'))) {
    return refuse(exchange, deps.refuse(mount, exchange.address, 'wrong_origin'));
  }
  if (method === 'OPTIONS') return preflight(exchange);
  if (method !== 'GET' && method !== 'POST') return exchange.respond({ status: 400, headers: cors });
  const token = exchange.header('x-phoenix-longpoll-token') ?? exchange.query.getAll('token').at(-1);
  const named = token === undefined ? undefined : deps.tokens.verify(token);
  const session = named?.mount === mount.path ? named : undefined;
  if (method === 'POST') return post(exchange, mount, deps, session);
  if (!session || token === undefined) return open(exchange, mount, deps);
  const abandon = deps.sessions.poll(session, mount.longpoll.windowMs, (result) => {
    if (result.kind === 'messages') answer(exchange, { status: 200, token, messages: result.messages });
    else if (result.kind === 'empty') answer(exchange, { status: 204, token, messages: [] });
    // The client closes and tries again; on a new session alone, older ones would not join their channels again.
    else if (result.kind === 'closed') answer(exchange, { status: 500 });
    else void open(exchange, mount, deps);
  });
  exchange.onAborted(abandon);
}

/** 410 says: this is a new session, and here is its token. */
async function open(exchange: Exchange, mount: LongPollMount, deps: LongPollDeps) {
  const { connect, sessions, tokens, nodeId } = deps;
  const authToken = exchange.header('x-phoenix-authtoken') ?? bearer(exchange.header('authorization'));
  const session = await connect(mount, {
    params: Object.fromEntries(exchange.query),
    authToken: mount.authToken ? authToken : undefined,
    transport: 'longpoll',
    address: exchange.address,
    mayLookUp: () => deps.mayLookUp(exchange.address),
  });
  if ('status' in session) return refuse(exchange, session);
  const sessionId = sessions.hold(session, mount.longpoll.windowMs);
  session.onClose(() => {
    if (!session.moved) sessions.drop(sessionId);
  });
  answer(exchange, { status: 410, token: tokens.sign({ nodeId, mount: mount.path, sessionId }), messages: [] });
}

async function post(exchange: Exchange, mount: LongPollMount, deps: LongPollDeps, session: SessionRef | undefined) {
  if (!session) return answer(exchange, { status: 410 });
  const body = await exchange.body();
  if (body === 'aborted') return;
  if (body === 'too_large') return answer(exchange, { status: 413 });
  const ndjson = exchange.header('content-type')?.split(';')[0]?.trim() === 'application/x-ndjson';
  const result = await deps.sessions.post(session, mount.longpoll.windowMs, body, ndjson);
  if (result === 'rate_limited') return refuse(exchange, { status: 429, retryAfterMs: 1_000 });
  answer(exchange, { status: result === 'handled' ? 200 : result === 'malformed' ? 400 : 410 });
}

/**
 * The official client throws on a `status` that it does not know. An empty answer makes it try again later, and a load
 * balancer can send that to another node.
 */
function refuse(exchange: Exchange, refused: RefusedConnect): void {
  const { status } = refused;
  if (status === 403) return answer(exchange, { status });
  const headers = status === 429 ? { ...cors, 'retry-after': retryAfter(refused) } : cors;
  exchange.respond({ status, headers });
}

/** Any page may ask: the origin of the request itself is what counts. */
const cors = { 'access-control-allow-origin': '*' };

function preflight(exchange: Exchange): void {
  exchange.respond({
    status: 200,
    headers: {
      ...cors,
      'access-control-allow-headers': exchange.header('access-control-request-headers') ?? '',
      'access-control-allow-methods': 'get, post, options',
      'access-control-max-age': '3600',
    },
  });
}

function answer(exchange: Exchange, body: { status: number; token?: string; messages?: readonly string[] }): void {
  exchange.respond({
    status: 200,
    headers: { ...cors, 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    body: JSON.stringify(body),
  });
}
