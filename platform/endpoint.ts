import { statusOf } from '../channels/kernel/reasons.ts';
import type { Domain } from '../channels/principals/domain.ts';
import { nameOf } from '../channels/principals/permissions.ts';
import { sockets } from '../channels/principals/sockets.ts';
import { Endpoint, type EndpointStats, type Listener, RequestAllowance } from '../server/endpoint/index.ts';
import { faultRefusal, httpRouter } from '../server/http/index.ts';
import { channelsOf } from '../server/index.ts';
import type { NodeContext } from './context.ts';
import { metricsTokenCheck } from './operations_feature.ts';

interface EndpointContext {
  readonly context: NodeContext;
  readonly features: readonly Domain[];
  readonly stats: EndpointStats;
  readonly listener: Listener | undefined;
}

/** Makes the endpoint of a node from what its features give: sockets with their channels, mounts and routes. */
export function openEndpoint({ context, features, stats, listener }: EndpointContext): Endpoint {
  const { config, secrets, log, hub, openSockets, authenticator } = context;
  const { tokenSecret: secret } = secrets;
  const isMetricsToken = metricsTokenCheck(config);
  const { atSocket, atUserSocket } = sockets({
    authenticator,
    openSockets,
    agentChannels: channelsOf(features, 'agent'),
    ownerChannels: channelsOf(features, 'owner'),
    userChannels: channelsOf(features, 'user'),
  });
  const terms = {
    origins: config.allowedOrigins,
    websocket: { timeoutMs: config.socketTimeoutMs, pings: true, atMount: true },
  };
  const requests = config.httpRateLimit && new RequestAllowance(config.httpRateLimit);

  return new Endpoint({
    mounts: [
      { path: '/socket', open: atSocket, ...terms },
      { path: '/user_socket', open: atUserSocket, ...terms },
      ...features.flatMap(({ mounts }) => mounts ?? []),
    ],
    hub,
    stats,
    log,
    secret,
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
    http: httpRouter({
      routes: features.flatMap(({ routes }) => routes ?? []),
      statusOf,
      // The metrics' own is nobody's, which costs no look at the store: scrapes go on while that is away.
      authenticate: async (credential, header) => {
        if (isMetricsToken(credential)) return undefined;
        return header === 'authorization' ? authenticator.credential(credential) : authenticator.apiKey(credential);
      },
      origins: config.allowedOrigins,
      accountOf: nameOf,
      requests,
      log,
    }),
    onFault: (error, where) => faultRefusal(error, log, where),
  });
}
