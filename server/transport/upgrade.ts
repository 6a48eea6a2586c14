import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js';
import { addressText, clientAddress } from '../http/exchange.ts';
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
}

/** Decides on a WebSocket handshake before it is made: a refusal is an HTTP status, after which clients back off. */
export async function handleUpgrade(
  res: HttpResponse,
  req: HttpRequest,
  context: us_socket_context_t,
  deps: UpgradeDeps,
): Promise<void> {
  const refuse = (status: string) => void res.cork(() => void res.writeStatus(status).end());
  const mount = deps.mountFor(req.getUrl());
  if (!mount) return refuse('404 Not Found');

  // The request object is gone after the first await.
  const header = (name: string) => req.getHeader(name) || undefined;
  const key = req.getHeader('sec-websocket-key');
  const extensions = req.getHeader('sec-websocket-extensions');
  const subprotocolHeader = req.getHeader('sec-websocket-protocol');
  const params = Object.fromEntries(new URLSearchParams(req.getQuery()));
  const peer = addressText(res.getRemoteAddressAsText());
  const address = clientAddress(peer, header('x-forwarded-for'), deps.trustedProxies);

  if (req.getHeader('sec-websocket-version') !== '13') return refuse('400 Bad Request');
  if (!originAllowed(mount.origins, header('origin'), header('host'))) return refuse('403 Forbidden');
  const subprotocols = readSubprotocols(mount.authToken ? subprotocolHeader || undefined : undefined);
  if (!subprotocols.ok) return refuse(subprotocols.reason === 'bad_token' ? '400 Bad Request' : '403 Forbidden');
  const serializer = serializerFor(params.vsn);
  if (!serializer) return refuse('403 Forbidden');

  let aborted = false;
  res.onAborted(() => {
    aborted = true;
  });
  const socket = await deps.open(mount, { params, authToken: subprotocols.token, transport: 'websocket', address });
  if (aborted) {
    if (typeof socket !== 'number') socket.connected.onClose?.();
    return;
  }
  if (socket === 403) return refuse('403 Forbidden');
  if (socket === 503) return refuse('503 Service Unavailable');
  const upgraded: Upgraded = { mount, serializer, socket };
  res.cork(() => res.upgrade(upgraded, key, subprotocols.protocol ?? '', extensions, context));
}
