import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js';
import { addressText, clientAddress } from '../http/exchange.ts';
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
}

export interface UpgradeDeps {
  readonly mountFor: (path: string) => Mount | undefined;
  readonly trustedProxies: ReadonlySet<string>;
  /** Opens the socket; a number is the HTTP status that refuses it. */
  readonly open: (mount: Mount, request: ConnectRequest) => Promise<OpenSocket | 403 | 503>;
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
  if (!isThere) return decided.socket.connected.onClose?.();
  const { protocol, ...upgraded } = decided;
  res.cork(() => res.upgrade<Upgraded>(upgraded, key, protocol ?? '', extensions, context));
}

async function decide(
  res: HttpResponse,
  req: HttpRequest,
  deps: UpgradeDeps,
): Promise<Refused | (Upgraded & { readonly protocol: 'phoenix' | undefined })> {
  const mount = deps.mountFor(req.getUrl());
  if (!mount) return '404 Not Found';
  const header = (name: string) => req.getHeader(name) || undefined;
  const params = Object.fromEntries(new URLSearchParams(req.getQuery()));
  const peer = addressText(res.getRemoteAddressAsText());
  const address = clientAddress(peer, header('x-forwarded-for'), deps.trustedProxies);

  if (header('sec-websocket-version') !== '13') return '400 Bad Request';
  if (!originAllowed(mount.origins, header('origin'), header('host'))) return '403 Forbidden';
  const subprotocols = readSubprotocols(mount.authToken ? header('sec-websocket-protocol') : undefined);
  if (!subprotocols.ok) return subprotocols.reason === 'bad_token' ? '400 Bad Request' : '403 Forbidden';
  const serializer = serializerFor(params.vsn);
  if (!serializer) return '403 Forbidden';

  const { token: authToken, protocol } = subprotocols;
  const socket = await deps.open(mount, { params, authToken, transport: 'websocket', address });
  if (socket === 403) return '403 Forbidden';
  if (socket === 503) return '503 Service Unavailable';
  return { mount, serializer, socket, protocol };
}
