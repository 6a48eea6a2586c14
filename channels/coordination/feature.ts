import { Deadlines } from '../kernel/deadlines.ts';
import type { Notifications } from '../messages/notifications.ts';
import type { Domain, DomainContext } from '../principals/domain.ts';
import { coordinationChannel } from './channel.ts';
import { COORDINATION } from './codec.ts';
import { Coordinations } from './coordinations.ts';
import { Initiation } from './initiate.ts';
import { coordinationRoutes } from './routes.ts';
import { CoordinationSightings } from './sightings.ts';

type Context = Pick<DomainContext, 'store' | 'hub' | 'log' | 'principals' | 'deadlineStats'> & {
  readonly notifications: Notifications;
};

/** For gateways: makes a coordination of whoever a socket is, from a payload as it came. */
export interface CoordinationsForGateways {
  readonly coordinations: Pick<Initiation, 'initiate'>;
}

/**
 * For observers, on every node: hears `coordination.initiated`, `.progress` and `.ended`, whatever node it happened on,
 * with the payloads that VISUALISATION.md has. The proposal stands in the payload of `initiated` alone, as
 * `parameters.proposal`: only the admin, and users who own the initiator or a participant (`agentIds`), may see it. What is
 * lost between nodes the hub's `pubsub.onGap` tells.
 */
export interface CoordinationsForObservers {
  readonly coordinationSightings: Pick<CoordinationSightings, 'listen'>;
}

/** An end by time is told within 2 s, also where the node that had taken it has died. */
const LEASE_MS = 1_000;
const POLL_MS = 250;

/** Coordinations: the channel, the HTTP calls, the end by time, and the ports for gateways and observers. */
export function coordinationFeature({
  store,
  hub,
  log,
  principals,
  notifications,
  deadlineStats: stats,
}: Context): Domain & CoordinationsForGateways & CoordinationsForObservers {
  const { agents } = principals;
  const sightings = new CoordinationSightings(hub, log);
  const coordinations = new Coordinations({ store, notifications, sightings, log });
  const initiation = new Initiation({ coordinations, agents, notifications });
  const deadlines = new Deadlines({ store, log, pollMs: POLL_MS, leaseMs: LEASE_MS, stats });
  deadlines.on(COORDINATION, (id) => coordinations.wake(id));

  return {
    name: 'coordination',
    channels: { agent: [coordinationChannel(coordinations)] },
    routes: coordinationRoutes({ initiation, coordinations, agents }),
    coordinations: initiation,
    coordinationSightings: sightings,
    async start() {
      await sightings.ready();
      deadlines.start();
    },
    async handleDue() {
      await deadlines.handleDue();
      await coordinations.settled();
    },
    async close() {
      await deadlines.stop();
      await coordinations.settled();
      sightings.close();
    },
  };
}
