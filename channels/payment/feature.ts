import { signatureCheck } from '../kernel/signatures.ts';
import type { DealContext } from '../messages/deals.ts';
import type { Domain } from '../principals/domain.ts';
import { servedList } from '../principals/list_route.ts';
import { paymentChannel } from './channel.ts';
import { paymentChannelList } from './list.ts';
import { PAYMENT, Payments } from './payments.ts';
import { paymentRoutes } from './routes.ts';
import type { pushes } from './schema.ts';
import { closedView } from './view.ts';

/** Payment channels: the channel, the HTTP calls, and what happens when a challenge period ends. */
export function paymentFeature(context: DealContext<typeof pushes>): Domain {
  const { store, hub, networkId, notifications } = context;
  const { agents } = context.principals;
  const payments = new Payments(store, notifications);
  const check = signatureCheck(networkId);

  return {
    name: 'payment',
    channels: { agent: [paymentChannel(payments, check)] },
    routes: paymentRoutes({ payments, agents, check, notifications, hub }),
    lists: { '/api/payment_channels': servedList(paymentChannelList(payments, { agents, store })) },
    placeables: [payments.placeable],
    deadlines: {
      async [PAYMENT](id) {
        const decided = await payments.apply(id, { type: 'settle' });
        if (!decided.ok) return;
        for (const event of decided.events) {
          if (event.type === 'closed') hub.broadcast(`payment:${id}`, 'channel_closed', closedView(event.closing));
        }
      },
    },
  };
}
