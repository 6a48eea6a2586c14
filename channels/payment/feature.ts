import type { Route } from '../../server/http/index.ts';
import type { Channel } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import type { Placeable } from '../kernel/aggregate.ts';
import type { Deadlines } from '../kernel/deadlines.ts';
import type { Check } from '../kernel/signatures.ts';
import type { Notices } from '../messages/notifications.ts';
import type { AgentSession } from '../principals/agent_session.ts';
import type { Principal } from '../principals/authenticate.ts';
import type { Agents } from '../principals/principals.ts';
import { paymentChannel } from './channel.ts';
import { paymentChannelList } from './list.ts';
import { PAYMENT, Payments } from './payments.ts';
import { paymentRoutes } from './routes.ts';
import { closedView } from './view.ts';

export interface PaymentParts {
  readonly store: Store;
  readonly agents: Pick<Agents, 'read' | 'readProfiles'>;
  readonly deadlines: Pick<Deadlines, 'on'>;
  readonly check: Check;
  readonly notices: Notices;
  /** Broadcasts to all members of a topic, on every node. */
  readonly broadcast: (topic: string, event: string, payload: object) => void;
}

/** Everything about payment channels: the channel, the HTTP calls, and what happens when a challenge period ends. */
export function payments({ store, agents, deadlines, check, notices, broadcast }: PaymentParts): {
  readonly channel: Channel<AgentSession>;
  readonly routes: Route<Principal>[];
  readonly list: ReturnType<typeof paymentChannelList>;
  readonly placeable: Placeable;
} {
  const kept = new Payments(store, notices);

  deadlines.on(PAYMENT, async (id) => {
    const decided = await kept.apply(id, { type: 'settle' });
    if (!decided.ok) return;
    for (const event of decided.events) {
      if (event.type === 'closed') broadcast(`payment:${id}`, 'channel_closed', closedView(event.closing));
    }
  });

  return {
    channel: paymentChannel(kept, check),
    routes: paymentRoutes({ payments: kept, agents, check, notices, broadcast }),
    list: paymentChannelList(kept, { agents, store }),
    placeable: kept.placeable,
  };
}
