import { isNeverCollected } from '../channels/analytics/collector.ts';
import { analytics } from '../channels/analytics/feature.ts';
import { agentList } from '../channels/discovery/agent_list.ts';
import { discovery } from '../channels/discovery/channel.ts';
import { DISCOVERY_TOPIC } from '../channels/discovery/presence_status.ts';
import { Deadlines } from '../channels/kernel/deadlines.ts';
import { Cursors } from '../channels/kernel/lists/cursor.ts';
import { LISTING_GAUGES, Upkeep } from '../channels/kernel/lists/upkeep.ts';
import { statusOf } from '../channels/kernel/reasons.ts';
import { signatureCheck } from '../channels/kernel/signatures.ts';
import { messaging } from '../channels/messages/feature.ts';
import { negotiations } from '../channels/negotiation/feature.ts';
import { payments } from '../channels/payment/feature.ts';
import { accountList } from '../channels/principals/account_list.ts';
import { Authenticator, type Principal } from '../channels/principals/authenticate.ts';
import { type List, listCall } from '../channels/principals/list_route.ts';
import { meRoute } from '../channels/principals/me_call.ts';
import { nameOf } from '../channels/principals/permissions.ts';
import { openPrincipals } from '../channels/principals/principals.ts';
import { principalRoutes } from '../channels/principals/routes.ts';
import type { Secrets } from '../channels/principals/secrets.ts';
import { socketIds, sockets } from '../channels/principals/sockets.ts';
import { tasking } from '../channels/task/feature.ts';
import { equalSecrets } from '../crypto/secrets.ts';
import { SessionTokens } from '../crypto/session_tokens.ts';
import { createPresence, redisReplication } from '../presence/index.ts';
import { Endpoint, type Listener, RequestAllowance, TopicBoard, version } from '../server/endpoint/index.ts';
import { faultRefusal, httpRouter, type Route } from '../server/http/index.ts';
import type { Log } from '../server/index.ts';
import { measured } from '../server/store/index.ts';
import { type Backend, REDIS_READY_WITHIN_MS } from './backend.ts';
import type { Config } from './config.ts';
import { EventLatency } from './event_latency.ts';
import { createMetrics } from './metrics.ts';
import { operations } from './operations.ts';
import { topicsRoute } from './topics_route.ts';

/** How long load balancers that look every second have, from the moment when `/ready` turns, before clients are moved. */
const NOTICE_MS = 2_500;
/** Presence diffs of one topic are at least this far apart. */
const GATHER_MS = 100;

export interface NodeParts {
  readonly config: Config;
  readonly backend: Backend;
  readonly secrets: Secrets;
  readonly log: Log;
  /** Where the node is to answer once it can; left out, it listens itself. */
  readonly listener?: Listener;
}

/** A node that listens. */
export interface RunningNode {
  readonly port: number;
  /** @param drainMs how long clients take to move away */
  stop(drainMs: number): Promise<void>;
}

/** Wires the parts of one node and listens. The backend is the node's from now on, which closes it. */
export async function startNode({ config, backend, secrets, log, listener }: NodeParts): Promise<RunningNode> {
  const { pubsub, nodes, redis, store: plainStore } = backend;
  const { store, stats: storeStats } = measured(plainStore);
  const principals = openPrincipals(store);
  const tokens = new SessionTokens(secrets.tokenSecret);
  const authenticator = new Authenticator({ store, principals, tokens, adminTokenSha256: secrets.adminTokenSha256 });

  const replication = redis && redisReplication({ ...redis, nodes, pubsub });
  await replication?.ready(REDIS_READY_WITHIN_MS);
  const presence = createPresence({
    broadcastLocal: (topic, event, payloadJson) => endpoint.broadcastLocal(topic, event, payloadJson),
    gatherMs: GATHER_MS,
    ...(replication && { replication }),
  });
  const agents = discovery({
    agents: principals.agents,
    store,
    presence,
    pubsub,
    log,
    broadcast: (topic, event, payload) => endpoint.broadcast(topic, event, payload),
  });
  const deadlines = new Deadlines({ store, log });
  const messages = messaging({
    store,
    agents: principals.agents,
    nodes,
    deadlines,
    log,
    broadcast: (topic, event, payload) => endpoint.broadcast(topic, event, payload),
  });
  const tasks = tasking({
    store,
    agents: principals.agents,
    nodes,
    deadlines,
    log,
    notices: messages.notices,
    retentionDays: config.taskRetentionDays,
  });
  const deals = {
    store,
    agents: principals.agents,
    deadlines,
    check: signatureCheck(config.networkId),
    notices: messages.notices,
    broadcast: (topic: string, event: string, payload: object) => endpoint.broadcast(topic, event, payload),
  };
  const negotiating = negotiations(deals);
  const paying = payments(deals);
  const figures = analytics({
    store,
    agents: principals.agents,
    users: principals.users,
    presence,
    nodes,
    log,
    broadcast: (topic, event, payload) => endpoint.broadcast(topic, event, payload),
    broadcastLocal: (topic, event, payloadJson) => endpoint.broadcastLocal(topic, event, payloadJson),
  });
  const upkeep = new Upkeep({
    store,
    nodes,
    placeables: [
      ...[principals.users, principals.apps, principals.agents].map(({ placeable }) => placeable),
      messages.placeable,
      negotiating.placeable,
      paying.placeable,
    ],
    isNew: () => isNeverCollected(store),
    log,
  });
  const lists = { store, cursors: new Cursors(secrets.tokenSecret), isWhole: () => upkeep.isDone() };
  const list = <T, N extends string>(path: string, of: List<T, N>): Route<Principal> => ({
    method: 'GET',
    path,
    handle: listCall(of, lists),
  });
  const { users, apps } = principals;
  const { atSocket, atUserSocket } = sockets({
    authenticator,
    nodes,
    maxSocketsPerAgent: config.maxSocketsPerAgent,
    agentChannels: [
      agents.channel,
      messages.agentChannel,
      tasks.channel,
      negotiating.channel,
      paying.channel,
      ...figures.channels,
    ],
    ownerChannels: figures.channels,
    userChannels: [messages.userChannel],
  });

  const requests = config.httpRateLimit && new RequestAllowance(config.httpRateLimit);
  const terms = {
    origins: config.allowedOrigins,
    websocket: { timeoutMs: config.socketTimeoutMs, pings: true, atMount: true },
  };
  const endpoint: Endpoint = new Endpoint({
    mounts: [
      { path: '/socket', open: atSocket, ...terms },
      { path: '/user_socket', open: atUserSocket, ...terms },
    ],
    pubsub,
    log,
    secret: secrets.tokenSecret,
    limits: {
      maxFrameBytes: config.maxFrameBytes,
      maxBackpressureBytes: config.maxBackpressureBytes,
      maxChannelsPerSocket: config.maxChannelsPerSocket,
    },
    allowances: { messages: config.rateLimit, bytes: config.byteRateLimit },
    ...(requests && { requests }),
    trustedProxies: config.trustedProxies,
    tls: config.tls,
    ...(listener && { listener }),
    http: (exchange) => router(exchange),
    onFault: (error, where) => faultRefusal(error, log, where),
  });
  const board = new TopicBoard({ pubsub, nodes, local: () => endpoint.topics() });
  const events = new EventLatency(pubsub.nodeId);
  const metrics = createMetrics({
    endpoint,
    pubsub,
    nodes,
    store: storeStats,
    events,
    presences: () => [...presence.keys(DISCOVERY_TOPIC)].length,
    deadlines: [deadlines, figures.deadlines],
    collector: figures.collector.stats,
    version,
  });
  const { metricsToken } = config;
  const isMetricsToken = (credential: string) => metricsToken !== undefined && equalSecrets(credential, metricsToken);
  const router = httpRouter({
    routes: [
      ...operations({
        endpoint,
        store,
        pubsub,
        metrics,
        nodeId: config.nodeId,
        networkId: config.networkId,
        version,
        isOperator: (principal: Principal | undefined) => principal?.kind === 'admin',
        isMetricsToken,
      }),
      ...principalRoutes({
        store,
        principals,
        tokens,
        events: {
          agentChanged: (agent, fields) => agents.changedElsewhere(agent, fields),
          credentialRevoked: (keyId) => endpoint.disconnect(socketIds.credential(keyId)),
          ownerLost: (userId) => endpoint.disconnect(socketIds.owner(userId)),
          agentSuspended(agentId) {
            endpoint.disconnect(socketIds.agent(agentId));
            endpoint.disconnect(socketIds.user(agentId));
          },
        },
      }),
      meRoute(config.networkId),
      topicsRoute(board),
      list('/api/agents', agentList({ agents: principals.agents, users, presence, nodes })),
      list('/api/users', accountList(users)),
      list('/api/apps', accountList(apps)),
      list('/api/negotiations', negotiating.list),
      list('/api/payment_channels', paying.list),
      list('/api/messages', messages.list),
      list('/api/tasks', tasks.list),
      ...messages.routes,
      ...tasks.routes,
      ...negotiating.routes,
      ...paying.routes,
      ...figures.routes,
    ],
    statusOf,
    // The metrics' own is nobody's, which costs no look at the store: scrapes go on while that is away.
    authenticate: async (credential) => (isMetricsToken(credential) ? undefined : authenticator.credential(credential)),
    origins: config.allowedOrigins,
    accountOf: nameOf,
    requests,
    log,
  });

  const port = await endpoint.listen(config.host, config.port);
  deadlines.start();
  nodes.report(LISTING_GAUGES);
  await upkeep.begin();
  await figures.start();
  log.info({ port, store: store.name, version }, 'listening');

  async function stop(drainMs: number): Promise<void> {
    log.info({ connections: endpoint.connections.size, drainMs }, 'draining');
    await endpoint.drain(drainMs, NOTICE_MS);
    endpoint.close();
    board.close();
    events.close();
    agents.close();
    messages.close();
    await deadlines.stop();
    await upkeep.stop();
    await figures.close();
    await presence.close();
    await nodes.close();
    await pubsub.close();
    await store.close();
    log.info({}, 'stopped');
  }

  return { port, stop };
}
