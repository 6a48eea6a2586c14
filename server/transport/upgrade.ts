import type { HttpRequest, HttpResponse, us_socket_context_t, WebSocket } from 'uWebSockets.js';
import type { Awaitable } from '../answer.ts';
import { addressText, clientAddress, type HttpAnswer } from '../http/exchange.ts';
import { type OriginPolicy, originAllowed } from '../http/origin.ts';
import { reasonPhrase } from '../http/reason_phrase.ts';
import type { TrustedProxies } from '../http/trusted_proxies.ts';
import type { Log } from '../log.ts';
import type { Turn } from '../runtime/turn.ts';
import type { OpeningSocket, Upgraded } from './opening_socket.ts';
import { type RefusedConnect, retryAfter } from './refused_connect.ts';

/** Handles the WebSocket handshakes for a mount's paths, whatever protocol its sockets speak. */
export interface SocketMount {
  /** Its name in the log. */
  readonly path: string;
  /** Those that take an upgrade. */
  readonly paths: readonly string[];
  readonly origins: OriginPolicy;
  /** Silence after which a client is closed. */
  readonly timeoutMs: number;
  /** Says, as a stable code, what is malformed in a handshake (400); undefined if nothing is. Left out: nothing ever is. */
  fault?(handshake: Pick<Handshake, 'params' | 'header'>): string | undefined;
  /** Decides on a client whose handshake is in order and whose page may connect. */
  admit(handshake: Handshake): Awaitable<Admitted | RefusedConnect>;
  /** Answers a request for one of its paths that is no upgrade; `undefined` leaves it to others. */
  plainAnswer(method: string, path: string): HttpAnswer | undefined;
}

/** A client's request to connect. */
export interface Handshake {
  /** The query parameters, decoded; of a name given twice the last one counts. */
  readonly params: Readonly<Record<string, string>>;
  /** Values of the `:name` segments of the mount's path. */
  readonly pathParams: Readonly<Record<string, string>>;
  readonly address: string;
  /** Reads a header, before anything is waited for: the request is gone then. */
  readonly header: (name: string) => string | undefined;
}

/** A client that may come in. One of the two is called, once. */
export interface Admitted {
  /** The subprotocol that the handshake selects; empty for none. */
  readonly protocol: string;
  /** Takes over the socket. One that is to get messages puts both into its user data. */
  opened(ws: WebSocket<Upgraded>): void;
  /** The client went away before its socket was open. */
  abandoned(): void;
}

/** Without a key: uWebSockets.js copies user data key by key. */
const NOTHING: Upgraded = Object.freeze({});

export interface UpgradeDeps {
  readonly find: (
    path: string,
  ) => { readonly value: SocketMount; readonly pathParams: Handshake['pathParams'] } | undefined;
  /** Tells by the `Host` header whether a client means this port. Undefined: it always does. */
  readonly takesHost: ((host: string | undefined) => boolean) | undefined;
  readonly trustedProxies: TrustedProxies;
  readonly turn: Turn;
  readonly opening: OpeningSocket;
  /** Refuses a handshake for a mount that was not even asked. */
  readonly refuse: (mount: SocketMount, address: string, reason: string, status: 400 | 403 | 421) => RefusedConnect;
  readonly log: Log;
}

/** Decides on a WebSocket handshake before it is made: a refusal is an HTTP status, after which clients back off. */
export function handleUpgrade(
  res: HttpResponse,
  req: HttpRequest,
  context: us_socket_context_t,
  deps: UpgradeDeps,
): void {
  // The request object is gone after the first await.
  const key = req.getHeader('sec-websocket-key');
  const extensions = req.getHeader('sec-websocket-extensions');
  let decided: Awaitable<Admitted | RefusedConnect>;
  try {
    decided = decide(res, req, deps);
  } catch (error) {
    decided = failed(deps, error);
  }
  // Where nobody has to be asked, nothing is made to wait with: neither promises nor a look-out for a client that goes.
  if ('then' in decided || deps.turn.isLong()) void answerLater(res, key, extensions, context, decided, deps);
  else if ('status' in decided) refuse(res, decided);
  else {
    res.upgrade(NOTHING, key, decided.protocol, extensions, context);
    takeOver(decided, deps);
  }
}

async function answerLater(
  res: HttpResponse,
  key: string,
  extensions: string,
  context: us_socket_context_t,
  deciding: Awaitable<Admitted | RefusedConnect>,
  deps: UpgradeDeps,
): Promise<void> {
  let isThere = true;
  res.onAborted(() => {
    isThere = false;
  });
  const decided = await Promise.resolve(deciding).catch((error: unknown) => failed(deps, error));
  if (deps.turn.isLong()) await deps.turn.later();
  if ('status' in decided) {
    if (isThere) res.cork(() => refuse(res, decided));
    return;
  }
  if (!isThere) return decided.abandoned();
  // No function of ours runs in there: see `OpeningSocket`.
  res.cork(res.upgrade.bind(res, NOTHING, key, decided.protocol, extensions, context));
  takeOver(decided, deps);
}

/** After the cork: see `OpeningSocket`. */
function takeOver(admitted: Admitted, { opening }: UpgradeDeps): void {
  const ws = opening.take();
  if (ws) admitted.opened(ws);
  else admitted.abandoned();
}

function failed({ log }: UpgradeDeps, error: unknown): RefusedConnect {
  log.error({ err: error }, 'upgrade failed');
  return { status: 500 };
}

function refuse(res: HttpResponse, refused: RefusedConnect): void {
  res.writeStatus(`${refused.status} ${reasonPhrase(refused.status)}`);
  if (refused.status === 429) res.writeHeader('retry-after', retryAfter(refused));
  res.end();
}

function decide(res: HttpResponse, req: HttpRequest, deps: UpgradeDeps): Awaitable<Admitted | RefusedConnect> {
  const header = (name: string) => req.getHeader(name) || undefined;
  const isMeant = deps.takesHost?.(header('host')) ?? true;
  const found = deps.find(req.getUrl());
  if (!found) return { status: isMeant ? 404 : 421 };
  const { value: mount, pathParams } = found;
  const params = Object.fromEntries(new URLSearchParams(req.getQuery()));
  const peer = addressText(res.getRemoteAddressAsText());
  const address = clientAddress(peer, header('x-forwarded-for'), deps.trustedProxies);

  if (!isMeant) return deps.refuse(mount, address, 'wrong_host', 421);
  // uWebSockets.js does not look (RFC 6455, section 4.2.1), and would close after an answer to `Connection: close`.
  const isUpgrade = /\bupgrade\b/i.test(header('connection') ?? '');
  if (header('sec-websocket-version') !== '13' || !isUpgrade) return deps.refuse(mount, address, 'bad_handshake', 400);
  const fault = mount.fault?.({ params, header });
  if (fault !== undefined) return deps.refuse(mount, address, fault, 400);
  if (!originAllowed(mount.origins, header('origin'), header('host'))) {
    return deps.refuse(mount, address, 'wrong_origin', 403);
  }
  return mount.admit({ params, pathParams, address, header });
}
