import type { HttpRequest, HttpResponse, us_socket_context_t, WebSocket } from 'uWebSockets.js';
import { addressText, clientAddress } from '../http/exchange.ts';
import { originAllowed } from '../http/origin.ts';
import type { TrustedProxies } from '../http/trusted_proxies.ts';
import type { Log } from '../log.ts';
import type { Turn } from '../runtime/turn.ts';
import type { ConnectRequest, OpenSocket } from '../socket.ts';
import type { Serializer } from '../wire/serializer.ts';
import { serializerFor } from '../wire/vsn.ts';
import { readSubprotocols } from './auth_token.ts';
import type { Mount } from './mount.ts';
import { type RefusedConnect, retryAfter } from './refused_connect.ts';

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
  readonly turn: Turn;
  /** Opens the socket, or refuses it. */
  readonly open: (mount: Mount, request: ConnectRequest) => Promise<OpenSocket | RefusedConnect>;
  /** Refuses a handshake for a mount that was not even asked. */
  readonly refuse: (mount: Mount, address: string, reason: string, status: 400 | 403) => RefusedConnect;
  /** See `ConnectRequest`. */
  readonly mayLookUp: (address: string) => boolean;
  /** Takes over the socket. */
  readonly opened: (ws: WebSocket<Upgraded>) => void;
  readonly log: Log;
}

const statusLines = {
  400: '400 Bad Request',
  403: '403 Forbidden',
  404: '404 Not Found',
  429: '429 Too Many Requests',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
} as const;

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
  if (!isThere) return decided.upgraded.socket.connected.onClose?.();
  const { protocol, upgraded } = decided;
  res.cork(() => res.upgrade(upgraded, key, protocol ?? '', extensions, context));
  // Not in the `open` handler, which runs corked: leaving a cork, uWebSockets.js 20 looks at memory that the response has
  // given back at the upgrade, and closes the socket if what was allocated in between looks like a `Connection: close`.
  const { ws } = upgraded.opening;
  if (ws) deps.opened(ws);
  else upgraded.socket.connected.onClose?.();
}

function refuse(res: HttpResponse, refused: RefusedConnect): void {
  res.writeStatus(statusLines[refused.status]);
  if (refused.status === 429) res.writeHeader('retry-after', retryAfter(refused));
  res.end();
}

async function decide(
  res: HttpResponse,
  req: HttpRequest,
  deps: UpgradeDeps,
): Promise<RefusedConnect | { readonly upgraded: Upgraded; readonly protocol: 'phoenix' | undefined }> {
  const mount = deps.mountFor(req.getUrl());
  if (!mount) return { status: 404 };
  const header = (name: string) => req.getHeader(name) || undefined;
  const params = Object.fromEntries(new URLSearchParams(req.getQuery()));
  const peer = addressText(res.getRemoteAddressAsText());
  const address = clientAddress(peer, header('x-forwarded-for'), deps.trustedProxies);

  const refused = (status: 400 | 403, reason: string) => deps.refuse(mount, address, reason, status);

  // uWebSockets.js does not look (RFC 6455, section 4.2.1), and would close after an answer to `Connection: close`.
  const isUpgrade = /\bupgrade\b/i.test(header('connection') ?? '');
  if (header('sec-websocket-version') !== '13' || !isUpgrade) return refused(400, 'bad_handshake');
  if (!originAllowed(mount.origins, header('origin'), header('host'))) return refused(403, 'wrong_origin');
  const subprotocols = readSubprotocols(mount.authToken ? header('sec-websocket-protocol') : undefined);
  if (!subprotocols.ok) {
    const { reason } = subprotocols;
    return refused(reason === 'bad_token' ? 400 : 403, reason);
  }
  const serializer = serializerFor(params.vsn);
  if (!serializer) return refused(403, 'unknown_vsn');

  const { token: authToken, protocol } = subprotocols;
  const mayLookUp = () => deps.mayLookUp(address);
  const socket = await deps.open(mount, { params, authToken, transport: 'websocket', address, mayLookUp });
  if ('status' in socket) return socket;
  return { upgraded: { mount, serializer, socket, opening: {} }, protocol };
}
