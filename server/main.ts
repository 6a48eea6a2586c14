import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { analytics } from '../channels/analytics/parts.ts';
import { Deadlines } from '../channels/deadlines.ts';
import { discovery } from '../channels/discovery/channel.ts';
import { DISCOVERY_TOPIC } from '../channels/discovery/presence_status.ts';
import { messaging } from '../channels/messages/parts.ts';
import { negotiations } from '../channels/negotiation/negotiations.ts';
import { payments } from '../channels/payment/payment.ts';
import { Authenticator, type Principal } from '../channels/principals/authenticate.ts';
import { openPrincipals } from '../channels/principals/principals.ts';
import { principalRoutes } from '../channels/principals/routes.ts';
import { readSecrets } from '../channels/principals/secrets.ts';
import { statusOf } from '../channels/reasons.ts';
import { signatureCheck } from '../channels/signatures.ts';
import { socketIds, sockets } from '../channels/sockets.ts';
import { tasking } from '../channels/task/parts.ts';
import { SessionTokens } from '../crypto/session_tokens.ts';
import { createPresence } from '../presence/index.ts';
import { redisReplication } from '../presence/redis.ts';
import { openBackend, REDIS_READY_WITHIN_MS } from './backend.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { Endpoint } from './endpoint.ts';
import { faultRefusal } from './http/fault.ts';
import { operations } from './http/operations.ts';
import { httpRouter } from './http/router.ts';
import type { Log } from './log.ts';
import { createMetrics } from './metrics.ts';
import { measured } from './store/measured.ts';
import { version } from './version.ts';

/** How long load balancers that look every second have, from the moment when `/ready` turns, before clients are moved. */
const NOTICE_MS = 2_500;
/** How long putting everything away may take, beyond `DRAIN_MS`. */
const STOP_WITHIN_MS = 8_000;
/** Presence diffs of one topic are at least this far apart. */
const GATHER_MS = 100;

/** Wires the parts of one node and listens. @returns what stops it */
async function start(config: Config, onStoreFailure: () => void) {
  const log = pino({ level: config.logLevel, base: { node: config.nodeId } });
  surviveFaults(log);
  const { pubsub, nodes, redis, place, store: plainStore } = await openBackend(config, log, onStoreFailure);
  const { store, stats: storeStats } = measured(plainStore);
  const secrets = await readSecrets(store, config);
  showAdminToken(secrets.madeAdminToken);
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
    notify: messages.notify,
    retentionDays: config.taskRetentionDays,
  });
  const deals = {
    store,
    agents: principals.agents,
    deadlines,
    check: signatureCheck(config.networkId),
    notify: messages.notify,
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
      rate: config.rateLimit,
    },
    trustedProxies: config.trustedProxies,
    ...(config.tls && { tls: config.tls }),
    http: (exchange) => router(exchange),
    onFault: (error, where) => faultRefusal(error, log, where),
  });
  const metrics = createMetrics({
    endpoint,
    pubsub,
    nodes,
    store: storeStats,
    presences: () => [...presence.keys(DISCOVERY_TOPIC)].length,
    deadlines: [deadlines, figures.deadlines],
    collector: figures.collector.stats,
    version,
  });
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
      }),
      ...principalRoutes({
        store,
        principals,
        tokens,
        events: {
          agentChanged: (agent, fields) => agents.changedElsewhere(agent, fields),
          credentialRevoked: (keyId) => endpoint.disconnect(socketIds.credential(keyId)),
          agentSuspended(agentId) {
            endpoint.disconnect(socketIds.agent(agentId));
            endpoint.disconnect(socketIds.user(agentId));
          },
        },
      }),
      ...messages.routes,
      ...tasks.routes,
      ...negotiating.routes,
      ...paying.routes,
    ],
    statusOf,
    authenticate: (credential) => authenticator.credential(credential),
    origins: config.allowedOrigins,
    rate: config.httpRateLimit,
    log,
  });

  const port = await endpoint.listen(config.host, config.port);
  deadlines.start();
  await figures.start();
  log.info({ port, store: store.name, version }, 'listening');
  greet(config, port, place);

  return async (drainMs: number) => {
    log.info({ connections: endpoint.connections.size, drainMs }, 'draining');
    await endpoint.drain(drainMs, NOTICE_MS);
    endpoint.close();
    agents.close();
    messages.close();
    await deadlines.stop();
    await figures.close();
    await presence.close();
    await nodes.close();
    await pubsub.close();
    await store.close();
    log.info({}, 'stopped');
  };
}

/** One process serves every socket: what has escaped every handler is logged, and all others go on. */
function surviveFaults(log: Log): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => log.error({ err: error, incident: randomUUID() }, event));
  }
}

/** At once: it is kept as a digest, so that a start which fails later must have shown it. */
function showAdminToken(made: string | undefined): void {
  if (made === undefined) return;
  say('The operator’s credential, made now and shown this once:');
  say(`ADMIN_TOKEN=${made}`);
}

/** For the person who started it; machines read the log on stdout. */
function greet({ host, tls }: Config, port: number, place: string): void {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  const url = `${tls ? 'https' : 'http'}://${name}:${port}`;
  say(`Aerie ${version} listens on ${url} with ${place}.`);
  say(`Next: register an agent with POST ${url}/api/agents, as README.md shows.`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What a person can act on is one line; anything else is a fault of ours and shows its stack. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof ConfigError || !error.message.includes('\n')
    ? `Aerie cannot start: ${error.message}`
    : String(error.stack);
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  let isEnding = false;
  let stop: ((drainMs: number) => Promise<void>) | undefined;

  async function end(drainMs: number, exitCode: number): Promise<void> {
    if (isEnding) return;
    isEnding = true;
    setTimeout(() => process.exit(1), drainMs + STOP_WITHIN_MS).unref();
    await stop?.(drainMs).catch((error: unknown) => say(String(error)));
    process.exit(exitCode);
  }
  // Before the start: as the first process of a container it would ignore what it has no listener for.
  process.on('SIGTERM', () => end(config.drainMs, 0));
  // Somebody at a terminal does not want to wait.
  process.on('SIGINT', () => end(0, 0));
  stop = await start(config, () => end(config.drainMs, 1));
}

main().catch((error: unknown) => {
  say(explain(error));
  process.exit(1);
});
