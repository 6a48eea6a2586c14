import type { Channel } from '../../server/channel.ts';
import type { Route } from '../../server/http/routes.ts';
import type { Store } from '../../server/store/port.ts';
import type { AgentSession } from '../agent_session.ts';
import { announce as announceTo } from '../announcement.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Notify } from '../messages/notices.ts';
import type { Principal } from '../principals/authenticate.ts';
import type { Agents } from '../principals/principals.ts';
import type { Check } from '../signatures.ts';
import { negotiationRoutes } from './calls.ts';
import { negotiationChannel } from './channel.ts';
import type { Session } from './session.ts';
import { NEGOTIATION, Sessions } from './sessions.ts';

export interface NegotiationParts {
  readonly store: Store;
  readonly agents: Pick<Agents, 'read'>;
  readonly deadlines: Pick<Deadlines, 'on'>;
  readonly check: Check;
  readonly notify: Notify;
  /** Broadcasts to all members of a topic, on every node. */
  readonly broadcast: (topic: string, event: string, payload: object) => void;
}

/** Everything about negotiations: the channel, the HTTP calls, and what happens when time is over. */
export function negotiations({ store, agents, deadlines, check, notify, broadcast }: NegotiationParts): {
  readonly channel: Channel<AgentSession>;
  readonly routes: Route<Principal>[];
} {
  const sessions = new Sessions(store);

  async function announce(session: Session): Promise<void> {
    if (session.isAnnounced) return;
    const { id, clientAgentId, providerAgentId, creatorId } = session;
    const notice = { type: 'aerie.negotiation', thingId: id } as const;
    await announceTo(notify, notice, [clientAgentId, providerAgentId], creatorId);
    await sessions.apply(id, { type: 'announced' });
  }

  deadlines.on(NEGOTIATION, async (id) => {
    const session = await sessions.stored(id);
    if (!session) return;
    await announce(session);
    const decided = await sessions.apply(id, { type: 'expire' });
    if (decided.ok && decided.events.length > 0) {
      broadcast(`negotiation:${id}`, 'negotiation_expired', { session_id: id });
    }
  });

  return {
    channel: negotiationChannel(sessions, check),
    routes: negotiationRoutes({ sessions, agents, announce }),
  };
}
