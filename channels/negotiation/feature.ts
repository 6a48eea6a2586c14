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
import { negotiationChannel } from './channel.ts';
import { negotiationList } from './list.ts';
import { NEGOTIATION, Sessions } from './negotiations.ts';
import { negotiationRoutes } from './routes.ts';

export interface NegotiationParts {
  readonly store: Store;
  readonly agents: Pick<Agents, 'read' | 'readProfiles'>;
  readonly deadlines: Pick<Deadlines, 'on'>;
  readonly check: Check;
  readonly notices: Notices;
  /** Broadcasts to all members of a topic, on every node. */
  readonly broadcast: (topic: string, event: string, payload: object) => void;
}

/** Everything about negotiations: the channel, the HTTP calls, and what happens when time is over. */
export function negotiations({ store, agents, deadlines, check, notices, broadcast }: NegotiationParts): {
  readonly channel: Channel<AgentSession>;
  readonly routes: Route<Principal>[];
  readonly list: ReturnType<typeof negotiationList>;
  readonly placeable: Placeable;
} {
  const sessions = new Sessions(store, notices);

  deadlines.on(NEGOTIATION, async (id) => {
    const decided = await sessions.apply(id, { type: 'expire' });
    if (decided.ok && decided.events.length > 0) {
      broadcast(`negotiation:${id}`, 'negotiation_expired', { session_id: id });
    }
  });

  return {
    channel: negotiationChannel(sessions, check),
    routes: negotiationRoutes({ sessions, agents, notices }),
    list: negotiationList(sessions, { agents, store }),
    placeable: sessions.placeable,
  };
}
