import type { ControlForGateways } from '../../channels/control/port.ts';
import type { Observation } from '../../channels/observation/scene.ts';
import type { Domain, DomainContext } from '../../channels/principals/domain.ts';
import type { RawMountOptions } from '../../server/endpoint/index.ts';
import { Audiences } from './audiences.ts';
import type { CoordinationsPort } from './commands.ts';
import { type AddressName, Doors, requestFault } from './connect.ts';
import { Session } from './session.ts';
import { StoreClock } from './store_clock.ts';

/** Settings of the gateway (VISUALISATION.md). */
export interface VisualisationSettings {
  /** Sockets of this node, at most. */
  readonly maxViewers: number;
  /** Frames of positions a second, at most. */
  readonly ratePerSecond: number;
  /** The largest frame that the endpoint takes. */
  readonly maxFrameBytes: number;
  /** Left out: 30 s. */
  readonly heartbeatMs?: number;
}

export type VisualisationContext = Pick<
  DomainContext,
  'store' | 'nodes' | 'log' | 'authenticator' | 'openSockets' | 'mountTerms'
> & {
  readonly observation: Observation;
  readonly control: ControlForGateways;
  readonly coordinations: CoordinationsPort;
  readonly visualisation: VisualisationSettings;
};

const HEARTBEAT_MS = 30_000;
const MAX_MESSAGE_BYTES = 65_536;
/** What one message may add to what waits in a socket that is nearly full, and pongs. */
const MAX_BUFFERED_BYTES = 4 * 1_048_576;
const TICK_MS = 250;
const SYNC_EVERY_MS = 30_000;

const PATHS: Readonly<Record<string, AddressName>> = {
  '/api/visualisation/agents/ws': 'agents',
  '/api/visualization/agents/ws': 'agents',
  '/agents/ws': 'agents',
  '/api/graph/ws': 'graph',
  '/api/control/ws': 'control',
};

/** Shows what the agents do, and takes commands: the three addresses of VISUALISATION.md. */
export function visualisationFeature(context: VisualisationContext): Domain {
  const { visualisation, nodes, log, store, mountTerms } = context;
  const { heartbeatMs = HEARTBEAT_MS, maxViewers, ratePerSecond } = visualisation;
  const maxMessageBytes = Math.min(MAX_MESSAGE_BYTES, visualisation.maxFrameBytes);
  const clock = new StoreClock(store);
  const audiences = new Audiences(context.observation, ratePerSecond);
  const minded = new Set<Session>();
  const options = { ...context, audiences, clock, nodeId: nodes.self.id, maxMessageBytes, heartbeatMs, minded };
  const doors = new Doors({
    ...context,
    clock,
    maxViewers,
    start: (visit) => (socket) => new Session(socket, visit, options),
  });
  const mounts = Object.entries(PATHS).map(
    ([path, address]): RawMountOptions => ({
      kind: 'raw',
      path,
      open: (request) => doors.open(address, request),
      fault: requestFault,
      origins: mountTerms.origins,
      credentials: { bearer: true, subprotocol: { select: 'aerie.v1', prefix: 'bearer.', base64Prefix: 'bearer64.' } },
      headers: ['x-client-version', 'x-requested-protocols'],
      // Silence is told by the wire's own heartbeat, whatever others have.
      timeoutMs: 2 * heartbeatMs,
      maxFrameBytes: maxMessageBytes,
      maxBufferedBytes: MAX_BUFFERED_BYTES,
    }),
  );

  let viewers = 0;
  let syncedAtMs = performance.now();
  function tick(): void {
    const nowMs = performance.now();
    for (const session of minded) session.tick(nowMs);
    if (doors.viewers !== viewers) {
      viewers = doors.viewers;
      nodes.report({ viewers });
    }
    if (viewers === 0 || nowMs - syncedAtMs < SYNC_EVERY_MS) return;
    syncedAtMs = nowMs;
    clock.sync().catch((error: unknown) => log.warn({ err: error }, 'the clock of the store was not seen'));
  }
  let ticker: NodeJS.Timeout | undefined;

  return {
    name: 'visualisation',
    mounts,
    start() {
      ticker = setInterval(tick, TICK_MS);
      ticker.unref();
    },
    close() {
      clearInterval(ticker);
      audiences.close();
    },
  };
}
