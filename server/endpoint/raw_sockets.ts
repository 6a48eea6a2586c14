import type { WebSocket } from 'uWebSockets.js';
import type { HttpAnswer } from '../http/exchange.ts';
import type { Log } from '../log.ts';
import { checkClose, type RawAccepted, type RawRefusal, type RawRequest } from '../raw_socket.ts';
import type { Upgraded } from '../transport/opening_socket.ts';
import { RawConnection } from '../transport/raw/connection.ts';
import { readCredential } from '../transport/raw/credential.ts';
import { type RawMount, type RawMountOptions, rawMountDefaults } from '../transport/raw/mount.ts';
import { RawTransport } from '../transport/raw/transport.ts';
import type { Farewell, RefusedConnect } from '../transport/refused_connect.ts';
import type { Admitted, Handshake, SocketMount } from '../transport/upgrade.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import type { EndpointLimits } from './options.ts';
import type { EndpointStats } from './stats.ts';

export interface RawParts {
  readonly gatekeeper: Gatekeeper;
  readonly limits: EndpointLimits;
  readonly stats: EndpointStats;
  readonly log: Log;
}

/** The WebSockets of a mount whose author speaks a wire of its own. */
export class RawSockets implements SocketMount {
  readonly path: string;
  readonly paths: readonly string[];
  readonly origins: RawMount['origins'];
  readonly timeoutMs: number;
  readonly #mount: RawMount & Required<Pick<RawMount, 'maxFrameBytes' | 'maxBufferedBytes'>>;
  readonly #parts: RawParts;

  /** @throws Error for a frame size that the endpoint does not take */
  constructor(options: RawMountOptions, parts: RawParts) {
    const { maxFrameBytes, maxBackpressureBytes } = parts.limits;
    this.#mount = { ...rawMountDefaults, maxFrameBytes, maxBufferedBytes: maxBackpressureBytes, ...options };
    this.#parts = parts;
    this.path = this.#mount.path;
    this.paths = [this.path];
    this.origins = this.#mount.origins;
    this.timeoutMs = this.#mount.timeoutMs;
    if (this.#mount.maxFrameBytes > maxFrameBytes) {
      throw new Error(
        `invalid maxFrameBytes of ${this.path}: expected at most the endpoint's ${maxFrameBytes}, got ${this.#mount.maxFrameBytes}`,
      );
    }
  }

  /** Malformed are credentials that differ or cannot be read, and whatever its author says is. */
  fault({ params, header }: Pick<Handshake, 'params' | 'header'>): string | undefined {
    const shown = readCredential(this.#mount.credentials, header, params);
    return shown.ok ? this.#mount.fault?.({ params, headers: this.#headers(header) }) : shown.reason;
  }

  async admit({ params, pathParams, address, header }: Handshake): Promise<Admitted | RefusedConnect> {
    const { path, credentials, open } = this.#mount;
    const { gatekeeper } = this.#parts;
    const shown = readCredential(credentials, header, params);
    if (!shown.ok) return gatekeeper.refuse(path, address, { reason: shown.reason }, { status: 400 });
    const request: RawRequest = {
      params,
      pathParams,
      headers: this.#headers(header),
      credential: shown.credential,
      address,
      mayLookUp: () => gatekeeper.mayLookUp(address),
    };
    const accepted = await gatekeeper.open<RawAccepted>(path, address, async () => {
      const answer = await open(request);
      if (answer.ok) return answer;
      return { ok: false, why: answer.why, refused: refusedBy(answer.refusal) };
    });
    if ('status' in accepted) return accepted.farewell ? closing(accepted.farewell, shown.protocol) : accepted;
    return {
      protocol: shown.protocol,
      opened: (ws) => this.#opened(ws, accepted, address),
      abandoned: () => accepted.connected.onClose?.(),
    };
  }

  /** Those that the author asks for. */
  #headers(header: Handshake['header']): Record<string, string> {
    return Object.fromEntries(this.#mount.headers.flatMap((name) => pair(name, header(name))));
  }

  /** RFC 9110, section 15.5.22. */
  plainAnswer(method: string): HttpAnswer {
    if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: { allow: 'GET' } };
    const body = 'This is a WebSocket: it takes an upgrade with Sec-WebSocket-Key.\n';
    return { status: 426, headers: { upgrade: 'websocket', connection: 'Upgrade' }, body };
  }

  #opened(ws: WebSocket<Upgraded>, accepted: RawAccepted, address: string): void {
    const { path, maxFrameBytes, maxBufferedBytes, timeoutMs, pings } = this.#mount;
    const { gatekeeper, stats, log } = this.#parts;
    const transport = new RawTransport(ws, maxBufferedBytes);
    const allowance = gatekeeper.allowanceOf(accepted.connected);
    const connection = new RawConnection({
      accepted,
      transport,
      allowance,
      maxFrameBytes,
      stats,
      log,
      onIdentified: (identified) => gatekeeper.identified(identified, path, allowance),
      onRefused: (why) => void gatekeeper.refuse(path, address, why, { status: 403 }),
    });
    transport.connection = connection;
    const userData = ws.getUserData();
    userData.connection = connection;
    userData.transport = connection;
    gatekeeper.entered(connection, path, 'websocket', { timeoutMs, pings });
    connection.start();
  }
}

/** @throws RangeError for a close code or reason that cannot be sent */
function refusedBy(refusal: RawRefusal): RefusedConnect {
  if ('status' in refusal) return refusal;
  const { code, reason = '', message } = refusal;
  checkClose(code, reason);
  return { status: 403, farewell: { code, reason, ...(message !== undefined && { message }) } };
}

/** Accepts the upgrade, says the last words and closes. */
function closing({ code, reason, message }: Farewell, protocol: string): Admitted {
  return {
    protocol,
    opened(ws) {
      if (message !== undefined) ws.send(message);
      ws.end(code, reason);
    },
    abandoned: () => {},
  };
}

const pair = (name: string, value: string | undefined): [string, string][] =>
  value === undefined ? [] : [[name, value]];
