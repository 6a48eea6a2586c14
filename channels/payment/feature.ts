import { signatureCheck } from '../kernel/signatures.ts';
import type { DealContext } from '../messages/deals.ts';
import type { Domain } from '../principals/domain.ts';
import { servedList } from '../principals/list_route.ts';
import { paymentChannel } from './channel.ts';
import { paymentChannelList } from './list.ts';
import { Openings } from './openings.ts';
import { PAYMENT, Payments } from './payments.ts';
import { PROPOSAL, Proposals } from './proposals.ts';
import { paymentRoutes } from './routes.ts';
import type { pushes } from './schema.ts';
import { StandingProposals } from './standing_proposals.ts';
import { closedView } from './view.ts';

/** Payment channels: the channel, the HTTP calls, and what happens when a challenge period or a proposal ends. */
export function paymentFeature(context: DealContext<typeof pushes>): Domain & { readonly openings: Openings } {
  const { store, hub, networkId, notifications } = context;
  const { agents } = context.principals;
  const payments = new Payments(store, notifications);
  const proposals = new Proposals(store, notifications);
  const openings = new Openings({ payments, proposals, hub });
  const standing = new StandingProposals(store, proposals);
  const check = signatureCheck(networkId);

  return {
    name: 'payment',
    channels: { agent: [paymentChannel({ payments, openings, check })] },
    routes: paymentRoutes({ payments, openings, standing, agents, check, notifications, hub }),
    lists: { '/api/payment_channels': servedList(paymentChannelList(openings, { agents, store })) },
    placeables: [payments.placeable],
    deadlines: {
      async [PAYMENT](id) {
        const decided = await payments.apply(id, { type: 'settle' });
        if (!decided.ok) return;
        for (const event of decided.events) {
          if (event.type === 'closed') hub.broadcast(`payment:${id}`, 'channel_closed', closedView(event.closing));
        }
      },
      [PROPOSAL]: (id) => openings.wake(id),
    },
    openings,
  };
}
