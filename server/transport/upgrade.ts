import type { HttpRequest, HttpResponse, us_socket_context_t, WebSocket } from 'uWebSockets.js';
import { addressText, clientAddress, type HttpAnswer } from '../http/exchange.ts';
import { type OriginPolicy, originAllowed } from '../http/origin.ts';
import { reasonPhrase } from '../http/reason_phrase.ts';
import type { TrustedProxies } from '../http/trusted_proxies.ts';
import type { Log } from '../log.ts';
import type { MindedConnection } from '../runtime/connections.ts';
import type { Turn } from '../runtime/turn.ts';
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
  admit(handshake: Handshake): Promise<Admitted | RefusedConnect>;
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
  /** Takes over the socket. One that is to get messages puts an `OpenWebSocket` into its user data. */
  readonly opened: (ws: WebSocket<Upgraded>) => void;
  /** The client went away before its socket was open. */
  readonly abandoned: () => void;
}

/** An upgraded socket's user data in uWebSockets.js. */
export interface Upgraded {
  readonly opening: Opening;
}

/** Filled while uWebSockets.js, which copies its user data, makes a socket of a response. */
interface Opening {
  /** From its opening to its end. */
  ws?: WebSocket<Upgraded> | undefined;
}

/** The user data once somebody has taken over the socket. */
export interface OpenWebSocket extends Upgraded {
  readonly connection: MindedConnection & {
    /** Takes a frame; bytes are the caller's again afterwards. */
    receive(data: string | Uint8Array): unknown;
    /** Takes a ping of so many bytes, which is answered already. */
    receiveControl(bytes: number): void;
    receivePong(payload: ArrayBuffer): void;
  };
  readonly transport: {
    /** Some of what waited is sent. */
    drained(): void;
    /** The socket is gone. */
    closed(code: number): void;
  };
}

export interface UpgradeDeps {
  readonly find: (
    path: string,
  ) => { readonly value: SocketMount; readonly pathParams: Handshake['pathParams'] } | undefined;
  /** Tells by the `Host` header whether a client means this port. Undefined: it always does. */
  readonly takesHost: ((host: string | undefined) => boolean) | undefined;
  readonly trustedProxies: TrustedProxies;
  readonly turn: Turn;
  /** Refuses a handshake for a mount that was not even asked. */
  readonly refuse: (mount: SocketMount, address: string, reason: string, status: 400 | 403 | 421) => RefusedConnect;
  readonly log: Log;
}

/** Decides on a WebSocket handshake before it is made: a refusal is an HTTP status, after which clients back off. */
export async function handleUpgrade(
  res: HttpResponse,
  req: HttpRequest,
  context: us_socket_context_t,
  deps: UpgradeDeps,
): Promise<void> {
  let isThere = true;
  res.onAborted(() => {
    isThere = false;
  });
  // The request object is gone after the first await.
  const key = req.getHeader('sec-websocket-key');
  const extensions = req.getHeader('sec-websocket-extensions');
  const decided = await decide(res, req, deps).catch((error: unknown): RefusedConnect => {
    deps.log.error({ err: error }, 'upgrade failed');
    return { status: 500 };
  });
  if (deps.turn.isLong()) await deps.turn.later();
  if ('status' in decided) {
    if (isThere) res.cork(() => refuse(res, decided));
    return;
  }
  if (!isThere) return decided.abandoned();
  const upgraded: Upgraded = { opening: {} };
  res.cork(() => res.upgrade(upgraded, key, decided.protocol, extensions, context));
  // Not in the `open` handler, which runs corked: leaving a cork, uWebSockets.js 20 looks at memory that the response has
  // given back at the upgrade, and closes the socket if what was allocated in between looks like a `Connection: close`.
  const { ws } = upgraded.opening;
  if (ws) decided.opened(ws);
  else decided.abandoned();
}

function refuse(res: HttpResponse, refused: RefusedConnect): void {
  res.writeStatus(`${refused.status} ${reasonPhrase(refused.status)}`);
  if (refused.status === 429) res.writeHeader('retry-after', retryAfter(refused));
  res.end();
}

async function decide(res: HttpResponse, req: HttpRequest, deps: UpgradeDeps): Promise<Admitted | RefusedConnect> {
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
