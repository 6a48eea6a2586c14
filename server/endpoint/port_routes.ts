import type { TemplatedApp } from 'uWebSockets.js';
import { type Exchange, openExchange } from '../http/exchange.ts';
import type { TrustedProxies } from '../http/trusted_proxies.ts';
import type { Log } from '../log.ts';
import type { Turn } from '../runtime/turn.ts';
import type { Upgraded } from '../transport/opening_socket.ts';
import { OpeningSocket } from '../transport/opening_socket.ts';
import { handleUpgrade, type SocketMount, type UpgradeDeps } from '../transport/upgrade.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import type { Listener } from './listener.ts';
import type { AnswerHttp, EndpointLimits, TakesHost } from './options.ts';
import type { PathTable } from './path_table.ts';
import type { EndpointStats } from './stats.ts';

/** After the silence that a mount allows; more than both clocks may be off, and the least that uWebSockets.js takes. */
const IDLE_GRACE_S = 8;
/** Longest idle time-out that uWebSockets.js takes. */
const MAX_IDLE_S = 960;
/** Of text frames, which uWebSockets.js has found to be UTF-8: makes no Buffer for each. */
const text = new TextDecoder('utf-8', { ignoreBOM: true });

export interface PortParts {
  readonly listener: Listener;
  readonly websockets: PathTable<SocketMount>;
  /** A larger frame ends the connection without a close code, as uWebSockets.js does it. */
  readonly maxPayloadBytes: number;
  /** The longest silence that a mount allows. */
  readonly longestTimeoutMs: number;
  /** Answers requests for long-poll; `undefined` for any other. */
  readonly longPoll: ((exchange: Exchange, path: string) => Promise<void> | undefined) | undefined;
  /** Answers what no mount does. */
  readonly http: AnswerHttp | undefined;
  /** Undefined: every request is meant for this port. */
  readonly takesHost: TakesHost | undefined;
  readonly gatekeeper: Gatekeeper;
  readonly limits: EndpointLimits;
  readonly stats: EndpointStats;
  readonly trustedProxies: TrustedProxies;
  readonly turn: Turn;
  readonly log: Log;
}

/** Has a port answer: WebSockets and long-poll by the mounts, everything else over HTTP. */
export function routePort(parts: PortParts): void {
  routeWebSockets(parts.listener.app, parts);
  const { listener, limits, trustedProxies, stats, turn, log } = parts;
  listener.handOver((res, req) => {
    const exchange = openExchange(res, req, {
      maxBodyBytes: limits.maxBodyBytes,
      trustedProxies,
      onAnswer: (status) => stats.answered(status),
      turn,
    });
    answer(exchange, parts).catch((error: unknown) => {
      log.error({ err: error, path: exchange.segments.join('/') }, 'request failed');
      exchange.respond({ status: 500 });
    });
  });
}

function routeWebSockets(app: TemplatedApp, parts: PortParts): void {
  const { websockets, maxPayloadBytes, longestTimeoutMs, takesHost, gatekeeper, trustedProxies, turn, log } = parts;
  const opening = new OpeningSocket();
  const deps: UpgradeDeps = {
    find: (path) => websockets.find(path),
    takesHost,
    trustedProxies,
    turn,
    opening,
    refuse: (mount, address, reason, status) => gatekeeper.refuse(mount.path, address, { reason }, { status }),
    log,
  };
  app.ws<Upgraded>('/*', {
    maxPayloadLength: maxPayloadBytes,
    // No limit here: past it uWebSockets.js would leave frames out. Transports mind their backlogs.
    maxBackpressure: 0,
    idleTimeout: idleTimeoutS(longestTimeoutMs),
    sendPingsAutomatically: false,
    upgrade: (res, req, context) => handleUpgrade(res, req, context, deps),
    open: opening.put,
    message: (ws, data, isBinary) => {
      const { connection } = ws.getUserData();
      connection?.receive(isBinary ? new Uint8Array(data) : text.decode(data));
    },
    drain: (ws) => ws.getUserData().transport?.drained(),
    ping: (ws, data) => ws.getUserData().connection?.receiveControl(data.byteLength),
    pong: (ws, data) => ws.getUserData().connection?.receivePong(data),
    close: (ws, code) => {
      const { connection, transport } = ws.getUserData();
      opening.closed(ws);
      transport?.closed(code);
      if (connection) gatekeeper.gone(connection, code);
    },
  });
}

async function answer(exchange: Exchange, { turn, takesHost, longPoll, websockets, http }: PortParts): Promise<void> {
  // Two kinds of clients are not served at once. One sends requests without waiting for answers: uWebSockets.js closes its
  // connection when it sees the next one. The other sends a body in many small chunks: what this read has brought of
  // them is counted first, since the parser does not stop for an answer.
  if (turn.isLong() || exchange.header('transfer-encoding') !== undefined) await turn.later();
  if (!exchange.isOpen()) return;
  if (takesHost && !takesHost(exchange.header('host'))) return exchange.respond({ status: 421 });
  const path = `/${exchange.segments.join('/')}`;
  const polled = longPoll?.(exchange, path);
  if (polled) return polled;
  const plain = websockets.find(path)?.value.plainAnswer(exchange.method, path);
  if (plain) return exchange.respond(plain);
  if (!http) return exchange.respond({ status: 404 });
  return http(exchange);
}

/**
 * Seconds after which uWebSockets.js drops a socket on which nothing moves; 0, never, where a mount allows more silence than
 * it can count.
 * Connections are minded for silence elsewhere. This is for sockets that were closed with a backlog and are out of reach:
 * their clients could read a little and hold the rest for ever.
 */
function idleTimeoutS(longestTimeoutMs: number): number {
  const idleS = Math.ceil(longestTimeoutMs / 1_000) + IDLE_GRACE_S;
  return idleS > MAX_IDLE_S ? 0 : idleS;
}
