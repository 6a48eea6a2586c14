import { deadlineStats } from '../channels/kernel/deadlines.ts';
import { Cursors } from '../channels/kernel/lists/cursor.ts';
import { TrafficTap, tapped } from '../channels/kernel/traffic.ts';
import { Authenticator } from '../channels/principals/authenticate.ts';
import type { DomainContext } from '../channels/principals/domain.ts';
import { OpenSockets } from '../channels/principals/open_sockets.ts';
import { openPrincipals } from '../channels/principals/principals.ts';
import type { Secrets } from '../channels/principals/secrets.ts';
import { SessionTokens } from '../crypto/session_tokens.ts';
import { createPresence, redisReplication } from '../presence/index.ts';
import { EndpointStats } from '../server/endpoint/index.ts';
import { type Exchange, Hub, type Log } from '../server/index.ts';
import { measured, type StoreStats, writeProbe } from '../server/store/index.ts';
import { type Backend, REDIS_READY_WITHIN_MS } from './backend.ts';
import type { Config } from './config.ts';
import { notReadyReasons } from './operations.ts';

/** The least time between two presence diffs of one topic. */
const DIFF_INTERVAL_MS = 100;

/** TLS may end here or at a proxy, which says so where it is trusted. */
function schemeOf({ peer, header }: Exchange, { tls, trustedProxies }: Config): 'ws' | 'wss' {
  const isSecure = tls !== undefined || (trustedProxies.has(peer) && header('x-forwarded-proto') === 'https');
  return isSecure ? 'wss' : 'ws';
}

export interface ContextOptions {
  readonly config: Config;
  readonly backend: Backend;
  readonly secrets: Secrets;
  readonly log: Log;
}

/** Everything that the parts of a node are made with. */
export interface NodeContext extends DomainContext {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly storeStats: StoreStats;
  readonly endpointStats: EndpointStats;
  /** True if load balancers should send clients to this node. */
  readonly isReady: () => Promise<boolean>;
}

/** Makes what comes before all parts of a node: the hub, presence, and the store with its measurements. */
export async function openContext({ config, backend, secrets, log }: ContextOptions): Promise<NodeContext> {
  const { pubsub, nodes, redis } = backend;
  const traffic = new TrafficTap();
  const { store: measuredStore, stats: storeStats, commits } = measured(backend.store);
  const store = tapped(measuredStore, traffic);
  const hub = new Hub(pubsub);
  const endpointStats = new EndpointStats();
  const readiness = { stats: endpointStats, store, pubsub, probe: writeProbe(() => store.probe(config.nodeId)) };
  const replication = redis && redisReplication({ ...redis, nodes, pubsub });
  await replication?.ready(REDIS_READY_WITHIN_MS);
  const principals = openPrincipals(store);
  const tokens = new SessionTokens(secrets.tokenSecret);
  const { adminTokenSha256 } = secrets;
  return {
    config,
    secrets,
    log,
    store,
    storeStats,
    endpointStats,
    isReady: async () => (await notReadyReasons(readiness)).reasons.length === 0,
    commits,
    traffic,
    hub,
    nodes,
    presence: createPresence({ hub, diffIntervalMs: DIFF_INTERVAL_MS, ...(replication && { replication }) }),
    principals,
    tokens,
    authenticator: new Authenticator({ store, principals, tokens, adminTokenSha256 }),
    rpcProtocol: config.rpcProtocol,
    deadlineStats: deadlineStats(),
    networkId: config.networkId,
    taskRetentionDays: config.taskRetentionDays,
    sessionCapability: config.sessionCapability,
    cursors: new Cursors(secrets.tokenSecret),
    maxSocketsPerAgent: config.maxSocketsPerAgent,
    openSockets: new OpenSockets(nodes, config.maxSocketsPerAgent),
    mountTerms: { origins: config.allowedOrigins, timeoutMs: config.socketTimeoutMs },
    schemeOf: (exchange) => schemeOf(exchange, config),
  };
}
