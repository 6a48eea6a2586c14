import type { TemplatedApp, WebSocket } from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
import { Accounts, type Allowances, defaultAllowances } from '../allowance/accounts.ts';
import { RefusedConnects } from '../allowance/refused_connects.ts';
import type { RequestAllowance } from '../allowance/requests.ts';
import { SocketAllowance } from '../allowance/socket_allowance.ts';
import { type Exchange, openExchange } from '../http/exchange.ts';
import { TrustedProxies } from '../http/trusted_proxies.ts';
import { type Log, silentLog } from '../log.ts';
import { localPubSub } from '../pubsub/local.ts';
import type { PubSub } from '../pubsub/port.ts';
import { refuseReserved, reservedTopics } from '../reserved_topics.ts';
import { Connection } from '../runtime/connection.ts';
import { Connections, type Watch } from '../runtime/connections.ts';
import type { Limits, RuntimeContext } from '../runtime/context.ts';
import { Fanout } from '../runtime/fanout.ts';
import { closeCodes, type Transport } from '../runtime/transport.ts';
import { Turn } from '../runtime/turn.ts';
import type { ConnectRequest, OpenSocket, Why } from '../socket.ts';
import { handleLongPoll } from '../transport/longpoll/http.ts';
import { LongPollSession } from '../transport/longpoll/session.ts';
import { LongPollSessions } from '../transport/longpoll/sessions.ts';
import { SessionTokens } from '../transport/longpoll/token.ts';
import { type LongPollMount, type Mount, type MountOptions, mountDefaults } from '../transport/mount.ts';
import type { RefusedConnect } from '../transport/refused_connect.ts';
import { handleUpgrade, type Upgraded } from '../transport/upgrade.ts';
import { WebSocketTransport } from '../transport/websocket.ts';
import type { Frame } from '../wire/serializer.ts';
import { v2Text } from '../wire/v2_text.ts';
import { serializerFor } from '../wire/vsn.ts';
import { Listener, type ListenerOptions } from './listener.ts';
import { EndpointStats } from './stats.ts';
import type { LocalTopic } from './topic_board.ts';

/** What an endpoint is made of; a mount is all it needs. */
export interface EndpointOptions {
  readonly mounts: readonly MountOptions[];
  /** Left out: this node is alone. */
  readonly pubsub?: PubSub;
  readonly log?: Log;
  /** Signs long-poll sessions; the same on all nodes. Left out: made up, so sessions end with the process. */
  readonly secret?: string;
  /** Those left out are as `defaultLimits` says. */
  readonly limits?: Partial<Limits & EndpointLimits>;
  /** How much clients may send; those left out are as `defaultAllowances` says. Left out altogether: no bound. */
  readonly allowances?: Partial<Allowances>;
  /** What may be asked over HTTP; opening a socket takes from it. Left out: no bound. */
  readonly requests?: RequestAllowance;
  readonly trustedProxies?: TrustedProxies;
  readonly tls?: ListenerOptions['tls'];
  /** One that may listen already, and answers for itself until this endpoint does; `tls` is its own then. */
  readonly listener?: Listener;
  /** Answers what no mount does; without it that is 404. */
  readonly http?: (exchange: Exchange) => void | Promise<void>;
  /** What a client gets when a handler threw; without it the channel crashes, as in Phoenix. */
  readonly onFault?: RuntimeContext['onFault'];
}

export interface EndpointLimits {
  /** A larger client frame ends the connection. */
  readonly maxFrameBytes: number;
  /** A reader further behind with live traffic is closed. */
  readonly maxBackpressureBytes: number;
  /** Of an HTTP request. */
  readonly maxBodyBytes: number;
}

export const defaultLimits: Limits & EndpointLimits = {
  maxFrameBytes: 512 * 1024,
  maxBackpressureBytes: 1024 * 1024,
  maxBodyBytes: 1024 * 1024,
  maxChannelsPerSocket: 100,
  maxWaitingMessages: 1_000,
  maxWaitingBytes: 1024 * 1024,
  maxLeaveDelayMs: 5_000,
};

/** After the silence that a mount allows; more than both clocks may be off, and the least that uWebSockets.js takes. */
const IDLE_GRACE_S = 8;
/** What uWebSockets.js can count to. */
const MAX_IDLE_S = 960;

/** How often silence, expiry and long-poll windows are looked at. */
const TICK_MS = 100;
/** How often accounts without sockets are forgotten. */
const TIDY_MS = 10_000;
/** Over how long a node's channels are ended after it may have missed broadcasts. */
const RESTART_SPREAD_MS = 3_000;

/** A server for Phoenix channels: sockets mounted on paths, over WebSocket and long-poll. */
export class Endpoint {
  readonly connections: Connections;
  readonly stats = new EndpointStats();
  readonly #listener: Listener;
  readonly #app: TemplatedApp;
  readonly #limits: Limits & EndpointLimits;
  readonly #pubsub: PubSub;
  readonly #log: Log;
  readonly #trustedProxies: TrustedProxies;
  readonly #http: EndpointOptions['http'];
  readonly #context: RuntimeContext;
  readonly #sessions: LongPollSessions;
  readonly #tokens: SessionTokens;
  readonly #accounts: Accounts | undefined;
  readonly #requests: RequestAllowance | undefined;
  readonly #refusedConnects: RefusedConnects | undefined;
  readonly #turn = new Turn();
  readonly #mountsByPath = new Map<string, Mount>();
  readonly #longPollsByPath = new Map<string, LongPollMount>();
  readonly #ticker: NodeJS.Timeout;
  readonly #stopDisconnects: () => void;
  #publishedBytes = 0;
  #tidiedAtMs = 0;
  #draining = false;
  #closed = false;

  constructor(options: EndpointOptions) {
    const { tls, onFault = () => undefined, secret = randomUUID() } = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#pubsub = options.pubsub ?? localPubSub({ nodeId: randomUUID() });
    this.#log = options.log ?? silentLog;
    const { allowances } = options;
    this.#accounts = allowances && new Accounts({ ...defaultAllowances, ...allowances });
    this.#refusedConnects = allowances && new RefusedConnects();
    this.#requests = options.requests;
    this.#trustedProxies = options.trustedProxies ?? new TrustedProxies();
    this.#http = options.http;
    this.#listener = options.listener ?? new Listener({ tls, log: this.#log }, (res) => void res.end());
    this.#app = this.#listener.app;
    const fanout = new Fanout(this.#pubsub, (topic, frame) => this.#publishNatively(topic, frame));
    this.#context = { fanout, log: this.#log, limits: this.#limits, stats: this.stats, onFault };
    this.connections = new Connections();
    this.#sessions = new LongPollSessions(this.#pubsub, this.#accounts?.allowances);
    this.#tokens = new SessionTokens(secret);
    for (const mount of options.mounts) this.#mount({ ...mountDefaults, ...mount });
    this.#stopDisconnects = this.#listenForDisconnects();
    this.#pubsub.onGap(() => this.connections.restart(RESTART_SPREAD_MS));
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /**
   * Answers requests from now on. A listener that listens already stays where it is. Resolves to the port.
   *
   * @throws Error if the address cannot be had
   */
  async listen(host: string, port: number): Promise<number> {
    this.#routeRequests();
    return this.#listener.port ?? this.#listener.listen(host, port);
  }

  /**
   * Broadcasts to a topic on every node; `disconnect` to a socket id closes the sockets of that id.
   *
   * @param payload an object, or bytes
   * @throws Error for a topic that is reserved
   */
  broadcast(topic: string, event: string, payload: object): void {
    refuseReserved(topic);
    if (event === 'disconnect') this.disconnect(topic);
    this.#context.fanout.publish(topic, event, payload);
  }

  /** Broadcasts to this node's members only. @param payloadJson JSON text of an object */
  broadcastLocal(topic: string, event: string, payloadJson: string): void {
    refuseReserved(topic);
    this.#context.fanout.publishLocal(topic, event, payloadJson);
  }

  /** Closes every socket of an id, on every node; clients may come back. */
  disconnect(id: string): void {
    this.#pubsub.publish(reservedTopics.disconnect, { event: 'disconnect', payload: JSON.stringify({ id }) });
  }

  get fanoutStats() {
    return this.#context.fanout.stats;
  }

  /** The topics that have members here, each as it is when it is its turn. */
  *topics(): Iterable<LocalTopic> {
    for (const { name, size, traffic } of this.#context.fanout.topics()) {
      const { received, broadcasts } = traffic.perSecond(Date.now());
      yield { name, members: size, receivedPerSecond: received, broadcastsPerSecond: broadcasts };
    }
  }

  get draining(): boolean {
    return this.#draining;
  }

  /**
   * Moves all clients away with 1012 within `drainMs`; new ones are refused meanwhile. First, for `noticeMs` of it, nobody
   * is moved, so that load balancers see `draining` before clients come back to them.
   */
  async drain(drainMs: number, noticeMs = 0): Promise<void> {
    this.#draining = true;
    const waitMs = Math.min(noticeMs, drainMs / 3);
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    await this.connections.drain(drainMs - waitMs);
  }

  /** Closes everything at once. Twice is fine. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#ticker);
    this.#stopDisconnects();
    this.connections.closeAll(closeCodes.serviceRestart);
    this.#sessions.close();
    this.#listener.close();
  }

  // ---- requests

  #mount(mount: Mount): void {
    const path = pathKey(mount.path);
    this.#mountsByPath.set(`${path}/websocket`, mount);
    if (mount.websocket.atMount) this.#mountsByPath.set(path, mount);
    this.#longPollsByPath.set(`${path}/longpoll`, mount);
  }

  #routeRequests(): void {
    this.#app.ws<Upgraded>('/*', {
      maxPayloadLength: this.#limits.maxFrameBytes,
      // No limit here: past it uWebSockets.js would leave frames out. Backlogs are minded in this class.
      maxBackpressure: 0,
      idleTimeout: idleTimeoutS([...this.#mountsByPath.values()]),
      sendPingsAutomatically: false,
      upgrade: (res, req, context) => {
        void handleUpgrade(res, req, context, {
          mountFor: (path) => this.#mountsByPath.get(pathKey(path)),
          trustedProxies: this.#trustedProxies,
          turn: this.#turn,
          open: (mount, request) => this.#open(mount, request),
          opened: (ws) => this.#opened(ws),
          refuse: (mount, address, reason, status) => this.#refuse(mount, address, { reason }, status),
          mayLookUp: (address) => this.#mayLookUp(address),
          log: this.#log,
        });
      },
      open: (ws) => {
        ws.getUserData().opening.ws = ws;
      },
      message: (ws, data, isBinary) => {
        const { connection } = ws.getUserData() as Open;
        connection.receive(isBinary ? new Uint8Array(data) : Buffer.from(data).toString());
      },
      drain: (ws) => (ws.getUserData() as Open).transport.drained(),
      ping: (ws, data) => (ws.getUserData() as Open).connection.receiveControl(data.byteLength),
      pong: (ws, data) => (ws.getUserData() as Open).connection.receiveControl(data.byteLength),
      close: (ws, code) => {
        const { connection, transport, opening } = ws.getUserData() as Upgraded & Partial<Open>;
        opening.ws = undefined;
        transport?.closed();
        if (connection) this.#gone(connection, code);
      },
    });
    this.#listener.handOver((res, req) => {
      const exchange = openExchange(res, req, {
        maxBodyBytes: this.#limits.maxBodyBytes,
        trustedProxies: this.#trustedProxies,
        onAnswer: (status) => this.stats.answered(status),
        turn: this.#turn,
      });
      this.#answer(exchange).catch((error: unknown) => {
        this.#log.error({ err: error, path: exchange.segments.join('/') }, 'request failed');
        exchange.respond({ status: 500 });
      });
    });
  }

  async #answer(exchange: Exchange): Promise<void> {
    // Two kinds of clients are not served at once. One sends requests without waiting for answers: uWebSockets.js closes its
    // connection when it sees the next one. The other sends a body in many small chunks: what this read has brought of
    // them is counted first, since the parser does not stop for an answer.
    if (this.#turn.isLong() || exchange.header('transfer-encoding') !== undefined) await this.#turn.later();
    if (!exchange.isOpen()) return;
    const path = `/${exchange.segments.join('/')}`;
    const longPoll = this.#longPollsByPath.get(path);
    if (longPoll) {
      return handleLongPoll(exchange, longPoll, {
        sessions: this.#sessions,
        tokens: this.#tokens,
        nodeId: this.#pubsub.nodeId,
        connect: (mount, request) => this.#openLongPoll(mount, request),
        refuse: (mount, address, reason) => this.#refuse(mount, address, { reason }, 403),
        mayLookUp: (address) => this.#mayLookUp(address),
      });
    }
    const mount = this.#mountsByPath.get(path);
    if (mount && path.endsWith('/websocket')) {
      const body =
        exchange.method === 'GET' ? 'This is a WebSocket: it takes an upgrade with Sec-WebSocket-Key.\n' : '';
      return exchange.respond({ status: 400, body });
    }
    if (!this.#http) return exchange.respond({ status: 404 });
    return this.#http(exchange);
  }

  // ---- connections

  async #open(mount: Pick<Mount, 'open' | 'path'>, request: ConnectRequest): Promise<OpenSocket | RefusedConnect> {
    if (this.#draining) return { status: 503 };
    try {
      const opened = await mount.open(request);
      if (!opened.ok) {
        const why: Why = opened.why ?? opened;
        return this.#refuse(mount, request.address, why, opened.reason === 'unavailable' ? 503 : 403);
      }
      const { account, ids } = opened.connected;
      const retryAfterMs = this.#tooSoonMs(account);
      if (retryAfterMs === 0) return opened;
      opened.connected.onClose?.();
      this.#tellRefused(mount, request.address, { reason: 'rate_limited', ...(ids[0] && { id: ids[0] }) });
      return { status: 429, retryAfterMs };
    } catch (error) {
      this.#log.error({ err: error, mount: mount.path }, 'connect failed');
      return { status: 503 };
    }
  }

  /** Takes a request of the account for one more socket. @returns 0, or the milliseconds until it may connect */
  #tooSoonMs(account: string | undefined): number {
    const refusedForMs = this.#accounts?.refusedForMs(account, performance.now()) ?? 0;
    return refusedForMs || (account === undefined ? 0 : (this.#requests?.takeOfAccount(account) ?? 0));
  }

  #opened(ws: WebSocket<Upgraded>): void {
    const { mount, serializer, socket } = ws.getUserData();
    const transport = new WebSocketTransport(ws, this.#limits.maxBackpressureBytes);
    const connection = new Connection(this.#context, transport, serializer, socket, this.#allowanceOf(socket));
    transport.connection = connection;
    Object.assign(ws.getUserData(), { connection, transport });
    this.#entered(connection, mount.path, 'websocket', mount.websocket);
  }

  async #openLongPoll(mount: LongPollMount, request: ConnectRequest): Promise<LongPollSession | RefusedConnect> {
    const serializer = serializerFor(request.params.vsn);
    if (!serializer) return this.#refuse(mount, request.address, { reason: 'unknown_vsn' }, 403);
    const socket = await this.#open(mount, request);
    if ('status' in socket) return socket;
    const { maxBackpressureBytes, maxFrameBytes } = this.#limits;
    const session = new LongPollSession({ maxBacklogBytes: maxBackpressureBytes, maxFrameBytes });
    const textSerializer = serializer.version === 2 ? v2Text : serializer;
    const connection = new Connection(this.#context, session, textSerializer, socket, this.#allowanceOf(socket));
    session.connection = connection;
    this.#entered(connection, mount.path, 'longpoll', undefined);
    session.onClose(() => this.#gone(connection, undefined));
    return session;
  }

  #allowanceOf({ connected }: OpenSocket): SocketAllowance | undefined {
    const accounts = this.#accounts;
    return accounts && new SocketAllowance(accounts.of(connected.account), accounts.allowances);
  }

  /** Counts and logs a refused connect. @returns what it is answered: 429 while its address is held */
  #refuse(mount: Pick<Mount, 'path'>, address: string, why: Why, status: 400 | 403 | 503): RefusedConnect {
    this.#tellRefused(mount, address, why);
    const isCounted = status !== 503 && !why.holds;
    const retryAfterMs = (isCounted && this.#refusedConnects?.refused(address, performance.now())) || 0;
    return retryAfterMs > 0 ? { status: 429, retryAfterMs } : { status };
  }

  #tellRefused({ path }: Pick<Mount, 'path'>, address: string, { reason, id }: Why): void {
    this.stats.refusedConnects++;
    const unlogged = this.#refusedConnects ? this.#refusedConnects.line(address, performance.now()) : 0;
    if (unlogged === undefined) return;
    const who = { mount: path, address, ...(id !== undefined && { id }), reason };
    this.#log.info({ ...who, ...(unlogged > 0 && { unlogged }) }, 'connect refused');
  }

  #mayLookUp(address: string): boolean {
    return this.#refusedConnects?.mayLookUp(address, performance.now()) ?? true;
  }

  #entered(connection: Connection, mount: string, transport: Transport['name'], watch: Watch | undefined): void {
    this.stats.connects++;
    this.connections.add(connection, watch);
    this.#log.info({ mount, id: connection.socket.connected.ids[0], transport }, 'connected');
  }

  #gone(connection: Connection, code: number | undefined): void {
    this.stats.disconnected(code);
    this.connections.remove(connection);
    this.#log.info({ id: connection.socket.connected.ids[0], code }, 'disconnected');
  }

  #publishNatively(topic: string, frame: Frame): void {
    this.#app.publish(topic, frame, typeof frame !== 'string');
    this.#publishedBytes += frame.length;
    // No socket can be further behind than what was published since it was last looked at.
    if (this.#publishedBytes < this.#limits.maxBackpressureBytes / 8) return;
    this.#publishedBytes = 0;
    this.connections.mindBacklogs();
  }

  #listenForDisconnects(): () => void {
    const { ready, stop } = this.#pubsub.subscribe(reservedTopics.disconnect, ({ event, payload }) => {
      if (event !== 'disconnect') return;
      const { id } = JSON.parse(String(payload)) as { id: string };
      this.connections.closeById(id, closeCodes.goingAway);
    });
    ready?.catch(() => {});
    return stop;
  }

  #tick(): void {
    const nowMs = Date.now();
    this.#sessions.tick(nowMs);
    this.connections.tick(nowMs);
    if (nowMs - this.#tidiedAtMs < TIDY_MS) return;
    this.#tidiedAtMs = nowMs;
    this.#accounts?.tidy(performance.now());
  }
}

/** uWebSockets.js' user data once the socket is open. */
interface Open extends Upgraded {
  readonly connection: Connection;
  readonly transport: WebSocketTransport;
}

/** Empty segments do not count: `/socket//websocket/` is `/socket/websocket`. */
function pathKey(path: string): string {
  return `/${path
    .split('/')
    .filter((segment) => segment !== '')
    .join('/')}`;
}

/**
 * When uWebSockets.js shall drop a socket on which nothing moves; never, where a mount allows more silence than it can count.
 * Silence is minded in this class. This is for sockets that were closed with a backlog and are out of its reach: their
 * clients could read a little and hold the rest for ever.
 */
function idleTimeoutS(mounts: readonly Mount[]): number {
  const longestMs = Math.max(0, ...mounts.map(({ websocket }) => websocket.timeoutMs));
  const idleS = Math.ceil(longestMs / 1_000) + IDLE_GRACE_S;
  return idleS > MAX_IDLE_S ? 0 : idleS;
}
