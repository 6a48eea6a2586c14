import type { WebSocket } from 'uWebSockets.js';
import type { Awaitable } from '../answer.ts';
import type { HttpAnswer } from '../http/exchange.ts';
import { Connection } from '../runtime/connection.ts';
import type { RuntimeContext } from '../runtime/context.ts';
import type { ConnectRequest, OpenSocket, Rejected } from '../socket.ts';
import { readSubprotocols } from '../transport/auth_token.ts';
import type { Mount } from '../transport/mount.ts';
import type { Upgraded } from '../transport/opening_socket.ts';
import type { RefusedConnect } from '../transport/refused_connect.ts';
import type { Admitted, Handshake, SocketMount } from '../transport/upgrade.ts';
import { WebSocketTransport } from '../transport/websocket.ts';
import type { Serializer } from '../wire/serializer.ts';
import { serializerFor } from '../wire/vsn.ts';
import type { Gatekeeper, Verdict } from './gatekeeper.ts';

export interface PhoenixParts {
  readonly gatekeeper: Gatekeeper;
  readonly context: RuntimeContext;
  readonly maxBackpressureBytes: number;
}

/** The WebSockets of a mount for Phoenix channels. */
export class PhoenixSockets implements SocketMount {
  readonly path: string;
  readonly paths: readonly string[];
  readonly origins: Mount['origins'];
  readonly timeoutMs: number;
  readonly #mount: Mount;
  readonly #parts: PhoenixParts;

  constructor(mount: Mount, parts: PhoenixParts) {
    this.path = mount.path;
    this.paths = [`${mount.path}/websocket`, ...(mount.websocket.atMount ? [mount.path] : [])];
    this.origins = mount.origins;
    this.timeoutMs = mount.websocket.timeoutMs;
    this.#mount = mount;
    this.#parts = parts;
  }

  admit({ params, address, header }: Handshake): Awaitable<Admitted | RefusedConnect> {
    const { path, authToken: readsToken } = this.#mount;
    const { gatekeeper } = this.#parts;
    const subprotocols = readSubprotocols(readsToken ? header('sec-websocket-protocol') : undefined);
    if (!subprotocols.ok) {
      const { reason } = subprotocols;
      return gatekeeper.refuse(path, address, { reason }, { status: reason === 'bad_token' ? 400 : 403 });
    }
    const serializer = serializerFor(params.vsn);
    if (!serializer) return gatekeeper.refuse(path, address, { reason: 'unknown_vsn' }, { status: 403 });

    const { token: authToken, protocol } = subprotocols;
    const mayLookUp = () => gatekeeper.mayLookUp(address);
    const request: ConnectRequest = { params, authToken, transport: 'websocket', address, mayLookUp };
    const admitted = (socket: OpenSocket | RefusedConnect) =>
      'status' in socket ? socket : this.#admitted(socket, serializer, protocol ?? '');
    const opening = openPhoenix(gatekeeper, this.#mount, request);
    return 'then' in opening ? opening.then(admitted) : admitted(opening);
  }

  #admitted(socket: OpenSocket, serializer: Serializer, protocol: string): Admitted {
    const { path, websocket } = this.#mount;
    const { gatekeeper, context, maxBackpressureBytes } = this.#parts;
    return {
      protocol,
      opened(ws: WebSocket<Upgraded>) {
        const transport = new WebSocketTransport(ws, maxBackpressureBytes);
        const connection = new Connection(
          context,
          transport,
          serializer,
          socket,
          gatekeeper.allowanceOf(socket.connected),
        );
        transport.connection = connection;
        const userData = ws.getUserData();
        userData.connection = connection;
        userData.transport = transport;
        gatekeeper.entered(connection, path, 'websocket', websocket);
      },
      abandoned: () => socket.connected.onClose?.(),
    };
  }

  plainAnswer(method: string, path: string): HttpAnswer | undefined {
    if (!path.endsWith('/websocket')) return undefined;
    const body = method === 'GET' ? 'This is a WebSocket: it takes an upgrade with Sec-WebSocket-Key.\n' : '';
    return { status: 400, body };
  }
}

/** Asks the author of a mount for channels, whatever the transport. */
export function openPhoenix(
  gatekeeper: Gatekeeper,
  mount: Pick<Mount, 'path' | 'open'>,
  request: ConnectRequest,
): Awaitable<OpenSocket | RefusedConnect> {
  return gatekeeper.open<OpenSocket>(mount.path, request.address, () => {
    const opening = mount.open(request);
    return 'ok' in opening ? verdictOn(opening) : opening.then(verdictOn);
  });
}

function verdictOn(opened: OpenSocket | Rejected): Verdict<OpenSocket> {
  if (opened.ok) return opened;
  const why = opened.why ?? { reason: opened.reason };
  return { ok: false, why, refused: { status: opened.reason === 'unavailable' ? 503 : 403 } };
}
