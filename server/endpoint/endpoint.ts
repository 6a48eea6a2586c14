import type { TemplatedApp } from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
import type { Exchange } from '../http/exchange.ts';
import { TrustedProxies } from '../http/trusted_proxies.ts';
import { Hub } from '../hub.ts';
import { type Log, silentLog } from '../log.ts';
import type { PubSub } from '../pubsub/port.ts';
import type { Connections } from '../runtime/connections.ts';
import type { Limits, RuntimeContext } from '../runtime/context.ts';
import { Turn } from '../runtime/turn.ts';
import { type Mount, type MountOptions, mountDefaults } from '../transport/mount.ts';
import type { RawMountOptions } from '../transport/raw/mount.ts';
import type { SocketMount } from '../transport/upgrade.ts';
import type { Frame } from '../wire/serializer.ts';
import { Gatekeeper } from './gatekeeper.ts';
import { Listener } from './listener.ts';
import { LongPolls } from './long_polls.ts';
import { defaultLimits, type EndpointLimits, type EndpointOptions, type FurtherPort } from './options.ts';
import { PathTable } from './path_table.ts';
import { PhoenixSockets } from './phoenix_sockets.ts';
import { type PortParts, routePort } from './port_routes.ts';
import { RawSockets } from './raw_sockets.ts';
import { EndpointStats } from './stats.ts';

/** Interval at which silence, expiry and long-poll windows are checked. */
const TICK_MS = 100;
/** Interval at which accounts without sockets are forgotten. */
const TIDY_MS = 10_000;
/** Time over which a node's channels are ended after it may have missed broadcasts. */
const RESTART_SPREAD_MS = 3_000;

/**
 * A server for Phoenix channels, over WebSocket and long-poll, and for raw sockets, mounted on paths.
 */
export class Endpoint {
  readonly hub: Hub;
  readonly stats: EndpointStats;
  readonly #gatekeeper: Gatekeeper;
  readonly #listener: Listener;
  readonly #app: TemplatedApp;
  readonly #limits: Limits & EndpointLimits;
  readonly #pubsub: PubSub;
  readonly #log: Log;
  readonly #trustedProxies: TrustedProxies;
  readonly #http: EndpointOptions['http'];
  readonly #context: RuntimeContext;
  readonly #mounts: readonly Mount[];
  readonly #rawMounts: readonly SocketMount[];
  readonly #furtherListeners = new Set<Listener>();
  readonly #longPolls: LongPolls;
  readonly #turn = new Turn();
  readonly #ticker: NodeJS.Timeout;
  readonly #unplug: () => void;
  #publishedBytes = 0;
  #tidiedAtMs = 0;
  #closed = false;

  constructor(options: EndpointOptions) {
    const { tls, allowances, requests, onFault = () => undefined, secret = randomUUID() } = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.hub = options.hub ?? new Hub();
    this.stats = options.stats ?? new EndpointStats();
    this.#pubsub = this.hub.pubsub;
    this.#log = options.log ?? silentLog;
    this.#gatekeeper = new Gatekeeper({ stats: this.stats, log: this.#log, allowances, requests });
    this.#trustedProxies = options.trustedProxies ?? new TrustedProxies();
    this.#http = options.http;
    this.#listener = options.listener ?? new Listener({ tls, log: this.#log }, (res) => void res.end());
    this.#app = this.#listener.app;
    const { fanout } = this.hub;
    const { nodeId } = this.#pubsub;
    this.#context = { nodeId, fanout, log: this.#log, limits: this.#limits, stats: this.stats, onFault };
    this.#mounts = options.mounts.filter(isPhoenix).map((mount) => ({ ...mountDefaults, ...mount }));
    this.#rawMounts = options.mounts.filter(isRaw).map((mount) => this.#rawSockets(mount));
    this.#longPolls = new LongPolls({
      mounts: this.#mounts,
      gatekeeper: this.#gatekeeper,
      context: this.#context,
      limits: this.#limits,
      pubsub: this.#pubsub,
      secret,
    });
    this.#unplug = this.hub.plug(
      (topic, frame) => this.#publishNatively(topic, frame),
      (id) => this.connections.closeById(id),
    );
    this.#pubsub.onGap(() => this.connections.restart(RESTART_SPREAD_MS));
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /** The clients of all mounts. */
  get connections(): Connections {
    return this.#gatekeeper.connections;
  }

  /**
   * Answers requests from now on. A listener that listens already stays where it is. Resolves to the port.
   *
   * @throws Error if the address cannot be had
   */
  async listen(host: string, port: number): Promise<number> {
    const longPoll = (exchange: Exchange, path: string) => this.#longPolls.answer(exchange, path);
    const phoenixMounts = this.#mounts.map((mount) => this.#phoenixSockets(mount));
    this.#route(this.#listener, { http: this.#http, longPoll }, [...phoenixMounts, ...this.#rawMounts]);
    return this.#listener.port ?? this.#listener.listen(host, port);
  }

  /**
   * Answers on one more port, with mounts and HTTP of its own. Its clients are this endpoint's as all others: they share
   * allowances and counters, and move away with them. Resolves to the port.
   *
   * @throws AddressUnavailable
   */
  async listenAlso({ mounts, http, tls, takesHost }: FurtherPort, host: string, port: number): Promise<number> {
    const rawMounts = mounts.map((mount) => this.#rawSockets(mount));
    const listener = new Listener({ tls, log: this.#log }, (res) => void res.end());
    // Raw mounts mind the size of frames themselves, and give a close code: for most that are too large it comes to that.
    const maxPayloadBytes = 2 * this.#limits.maxFrameBytes;
    this.#route(listener, { http, takesHost, maxPayloadBytes }, rawMounts);
    this.#furtherListeners.add(listener);
    try {
      return await listener.listen(host, port);
    } catch (error) {
      this.#furtherListeners.delete(listener);
      listener.close();
      throw error;
    }
  }

  /** As the hub's. */
  broadcast(topic: string, event: string, payload: object): void {
    this.hub.broadcast(topic, event, payload);
  }

  /** As the hub's. */
  disconnect(id: string): void {
    this.hub.disconnect(id);
  }

  get draining(): boolean {
    return this.stats.draining;
  }

  /**
   * Moves all clients away with 1012 within `drainMs`; new ones are refused meanwhile. First, for `noticeMs` of it, nobody
   * is moved, so that load balancers see `draining` before clients come back to them.
   */
  async drain(drainMs: number, noticeMs = 0): Promise<void> {
    this.stats.draining = true;
    const waitMs = Math.min(noticeMs, drainMs / 3);
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    await this.connections.drain(drainMs - waitMs);
  }

  /** Closes everything at once. Twice is fine. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#ticker);
    this.#unplug();
    this.connections.closeAll();
    this.#longPolls.close();
    for (const listener of [this.#listener, ...this.#furtherListeners]) listener.close();
  }

  // ---- mounts

  #route(
    listener: Listener,
    { http, longPoll, takesHost, maxPayloadBytes = this.#limits.maxFrameBytes }: Partial<PortParts>,
    mounts: readonly SocketMount[],
  ): void {
    const websockets = new PathTable<SocketMount>();
    for (const mount of mounts) for (const path of mount.paths) websockets.add(path, mount);
    routePort({
      listener,
      websockets,
      longestTimeoutMs: Math.max(0, ...mounts.map(({ timeoutMs }) => timeoutMs)),
      longPoll,
      http,
      takesHost,
      maxPayloadBytes,
      gatekeeper: this.#gatekeeper,
      limits: this.#limits,
      stats: this.stats,
      trustedProxies: this.#trustedProxies,
      turn: this.#turn,
      log: this.#log,
    });
  }

  #phoenixSockets(mount: Mount): SocketMount {
    const { maxBackpressureBytes } = this.#limits;
    return new PhoenixSockets(mount, { gatekeeper: this.#gatekeeper, context: this.#context, maxBackpressureBytes });
  }

  #rawSockets(mount: RawMountOptions): SocketMount {
    return new RawSockets(mount, {
      gatekeeper: this.#gatekeeper,
      limits: this.#limits,
      stats: this.stats,
      log: this.#log,
    });
  }

  // ---- all nodes, and time

  #publishNatively(topic: string, frame: Frame): void {
    this.#app.publish(topic, frame, typeof frame !== 'string');
    this.#publishedBytes += frame.length;
    // No socket can be further behind than what was published since it was last looked at.
    if (this.#publishedBytes < this.#limits.maxBackpressureBytes / 8) return;
    this.#publishedBytes = 0;
    this.connections.mindBacklogs();
  }

  #tick(): void {
    const nowMs = Date.now();
    this.#longPolls.tick(nowMs);
    this.connections.tick(nowMs);
    if (nowMs - this.#tidiedAtMs < TIDY_MS) return;
    this.#tidiedAtMs = nowMs;
    this.#gatekeeper.tidy();
  }
}

function isPhoenix(mount: MountOptions | RawMountOptions): mount is MountOptions {
  return !isRaw(mount);
}

function isRaw(mount: MountOptions | RawMountOptions): mount is RawMountOptions {
  return 'kind' in mount;
}
