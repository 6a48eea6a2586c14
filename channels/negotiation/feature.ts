import { signatureCheck } from '../kernel/signatures.ts';
import type { DealContext } from '../messages/deals.ts';
import type { Domain } from '../principals/domain.ts';
import { servedList } from '../principals/list_route.ts';
import { negotiationChannel } from './channel.ts';
import { negotiationList } from './list.ts';
import { NEGOTIATION, Negotiations } from './negotiations.ts';
import { negotiationRoutes } from './routes.ts';
import type { pushes } from './schema.ts';

/** Negotiations: the channel, the HTTP calls, and what happens when time is over. */
export function negotiationFeature(
  context: DealContext<typeof pushes>,
): Domain & { readonly negotiations: Negotiations } {
  const { store, hub, networkId, notifications } = context;
  const { agents } = context.principals;
  const negotiations = new Negotiations(store, notifications);

  return {
    name: 'negotiation',
    channels: { agent: [negotiationChannel(negotiations, signatureCheck(networkId))] },
    routes: negotiationRoutes({ negotiations, agents, notifications }),
    lists: { '/api/negotiations': servedList(negotiationList(negotiations, { agents, store })) },
    placeables: [negotiations.placeable],
    deadlines: {
      async [NEGOTIATION](id) {
        const decided = await negotiations.apply(id, { type: 'expire' });
        if (decided.ok && decided.events.length > 0) {
          hub.broadcast(`negotiation:${id}`, 'negotiation_expired', { session_id: id });
        }
      },
    },
    negotiations,
  };
}
