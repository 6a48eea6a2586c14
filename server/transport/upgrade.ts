import type { HttpRequest, HttpResponse, us_socket_context_t, WebSocket } from 'uWebSockets.js';
import { addressText, clientAddress } from '../http/exchange.ts';
import type { TrustedProxies } from '../http/trusted_proxies.ts';
import type { Log } from '../log.ts';
import type { ConnectRequest, OpenSocket } from '../socket.ts';
import type { Serializer } from '../wire/serializer.ts';
import { serializerFor } from '../wire/vsn.ts';
import { readSubprotocols } from './auth_token.ts';
import type { Mount } from './mount.ts';
import { originAllowed } from './origin.ts';

/** What an upgraded socket starts from; it is uWebSockets.js' user data. */
export interface Upgraded {
  readonly mount: Mount;
  readonly serializer: Serializer;
  readonly socket: OpenSocket;
  readonly opening: Opening;
}

/** Filled while uWebSockets.js, which copies its user data, makes a socket of a response. */
export interface Opening {
  /** From its opening to its end. */
  ws?: WebSocket<Upgraded> | undefined;
}

export interface UpgradeDeps {
  readonly mountFor: (path: string) => Mount | undefined;
  readonly trustedProxies: TrustedProxies;
  /** Opens the socket; a number is the HTTP status that refuses it. */
  readonly open: (mount: Mount, request: ConnectRequest) => Promise<OpenSocket | 403 | 503>;
  /** Told of a handshake for a mount that was not even asked. */
  readonly onRefused: (mount: Mount, address: string, reason: string) => void;
  /** Takes over the socket. */
  readonly opened: (ws: WebSocket<Upgraded>) => void;
  readonly log: Log;
}

type Refused =
  | '400 Bad Request'
  | '403 Forbidden'
  | '404 Not Found'
  | '500 Internal Server Error'
  | '503 Service Unavailable';

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
  const decided = await decide(res, req, deps).catch((error: unknown): Refused => {
    deps.log.error({ err: error }, 'upgrade failed');
    return '500 Internal Server Error';
  });
  if (typeof decided === 'string') {
    if (isThere) res.cork(() => void res.writeStatus(decided).end());
    return;
  }
  if (!isThere) return decided.upgraded.socket.connected.onClose?.();
  const { protocol, upgraded } = decided;
  res.cork(() => res.upgrade(upgraded, key, protocol ?? '', extensions, context));
  // Not in the `open` handler, which runs corked: leaving a cork, uWebSockets.js 20 looks at memory that the response has
  // given back at the upgrade, and closes the socket if what was allocated in between looks like a `Connection: close`.
  const { ws } = upgraded.opening;
  if (ws) deps.opened(ws);
  else upgraded.socket.connected.onClose?.();
}

async function decide(
  res: HttpResponse,
  req: HttpRequest,
  deps: UpgradeDeps,
): Promise<Refused | { readonly upgraded: Upgraded; readonly protocol: 'phoenix' | undefined }> {
  const mount = deps.mountFor(req.getUrl());
  if (!mount) return '404 Not Found';
  const header = (name: string) => req.getHeader(name) || undefined;
  const params = Object.fromEntries(new URLSearchParams(req.getQuery()));
  const peer = addressText(res.getRemoteAddressAsText());
  const address = clientAddress(peer, header('x-forwarded-for'), deps.trustedProxies);

  const refused = (status: Refused, reason: string): Refused => {
    deps.onRefused(mount, address, reason);
    return status;
  };

  // uWebSockets.js does not look (RFC 6455, section 4.2.1), and would close after an answer to `Connection: close`.
  const isUpgrade = /\bupgrade\b/i.test(header('connection') ?? '');
  if (header('sec-websocket-version') !== '13' || !isUpgrade) return refused('400 Bad Request', 'bad_handshake');
  if (!originAllowed(mount.origins, header('origin'), header('host'))) return refused('403 Forbidden', 'wrong_origin');
  const subprotocols = readSubprotocols(mount.authToken ? header('sec-websocket-protocol') : undefined);
  if (!subprotocols.ok) {
    const { reason } = subprotocols;
    return refused(reason === 'bad_token' ? '400 Bad Request' : '403 Forbidden', reason);
  }
  const serializer = serializerFor(params.vsn);
  if (!serializer) return refused('403 Forbidden', 'unknown_vsn');

  const { token: authToken, protocol } = subprotocols;
  const socket = await deps.open(mount, { params, authToken, transport: 'websocket', address });
  if (socket === 403) return '403 Forbidden';
  if (socket === 503) return '503 Service Unavailable';
  return { upgraded: { mount, serializer, socket, opening: {} }, protocol };
}
