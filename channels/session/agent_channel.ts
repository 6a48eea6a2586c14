import Type from 'typebox';
import { accept, grant } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { refuse } from '../kernel/reasons.ts';
import { agentChannel } from '../principals/agent_session.ts';
import type { Attendance } from './attendance.ts';
import { openSessionsIndex } from './indexes.ts';
import { agentPushes } from './schema.ts';
import type { Sessions } from './sessions.ts';
import { sessionView } from './view.ts';

export interface AgentChannelOptions {
  readonly sessions: Pick<Sessions, 'readMany'>;
  readonly store: Pick<Store, 'lookup'>;
  readonly attendance: Attendance;
  /** Tells all nodes that the agent is there. */
  readonly onJoined: (agentId: string) => void;
}

/** Open sessions that a join shows. */
const MAX_SHOWN = 100;

/** `agent:*`: what concerns one agent and no thing that it has yet (PROTOCOL.md, section 5.7). */
export function ownChannel({ sessions, store, attendance, onJoined }: AgentChannelOptions) {
  return agentChannel({
    topic: 'agent:*',
    params: {
      authorize: ({ id, assigns }) => (id === assigns.agentId ? grant() : refuse('unauthorized')),
      schema: Type.Object({}),
    },
    events: {},
    pushes: agentPushes,
    async join({ id }) {
      const hits = await store.lookup(openSessionsIndex(id), { limit: MAX_SHOWN + 1 });
      const found = await sessions.readMany(hits.slice(0, MAX_SHOWN).map((hit) => hit.id));
      const open = found.filter((session) => session !== undefined && !session.closing && session.agent?.id === id);
      return accept(
        {},
        {
          agent_id: id,
          sessions: open.map((session) => session && sessionView(session)),
          sessions_more: hits.length > MAX_SHOWN,
          configuration: null,
        },
      );
    },
    joined(socket) {
      const { id } = socket;
      void attendance
        .enter('home', id)
        .catch(() => {})
        .then(() => onJoined(id));
      socket.onEnd(() => attendance.leave('home', id));
    },
    on: {},
  });
}
