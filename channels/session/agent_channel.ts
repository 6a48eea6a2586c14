import Type from 'typebox';
import { accept, type ChannelSocket, type Events, grant, later, type Refusal, reply } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import type { AgentSide } from '../control/agent_side.ts';
import { agentEvents, agentPushes as controlPushes } from '../control/schema.ts';
import type { ConversationsForGateways } from '../conversation/feature.ts';
import { methods } from '../conversation/methods.ts';
import { notifications } from '../conversation/notifications.ts';
import { type Failure, type Rpc, TAGS, type Tag } from '../conversation/rpc.ts';
import { reasons, refuse } from '../kernel/reasons.ts';
import { type AgentSession, agentChannel } from '../principals/agent_session.ts';
import type { Attendance } from './attendance.ts';
import { openSessionsIndex } from './indexes.ts';
import { agentPushes } from './schema.ts';
import type { Sessions } from './sessions.ts';
import { sessionView } from './view.ts';

export interface AgentChannelOptions {
  readonly sessions: Pick<Sessions, 'readMany'>;
  readonly store: Pick<Store, 'lookup'>;
  readonly attendance: Attendance;
  readonly conversations: ConversationsForGateways;
  readonly agentSide: AgentSide;
  /** Tells all nodes that the agent is there. */
  readonly onJoined: (agentId: string) => void;
}

/** Open sessions that a join shows. */
const MAX_SHOWN = 100;

/** The methods of conversations that agents call here too, by the same names. */
const own = methods.filter(({ name }) => name === 'agent/conversation/list' || name.startsWith('agent/message/'));
const events = {
  ...agentEvents,
  ...(Object.fromEntries(own.map(({ name, params }) => [name, params])) as Events),
};
const costs = Object.fromEntries(own.map(({ name, cost }) => [name, cost]));
const pushes: Events = {
  ...agentPushes,
  ...controlPushes,
  ...Object.fromEntries(notifications.map(({ name, params }) => [name, params])),
};

type OwnSocket = ChannelSocket<AgentSession, typeof pushes>;

/** `agent:*`: what concerns one agent and no thing that it has yet, and its conversations (PROTOCOL.md, section 5.7). */
export function ownChannel({ sessions, store, attendance, conversations, agentSide, onJoined }: AgentChannelOptions) {
  const calling = (method: Rpc<ConversationsForGateways['methods']>) => async (payload: unknown, socket: OwnSocket) => {
    const caller = { kind: 'agent', id: socket.assigns.agentId } as const;
    const answer = await method.call(conversations.methods, caller, payload);
    if (answer.ok) return reply(answer.result);
    return 'invalid' in answer ? answer.invalid : refusalOf(answer);
  };

  return agentChannel({
    topic: 'agent:*',
    params: {
      authorize: ({ id, assigns }) => (id === assigns.agentId ? grant() : refuse('unauthorized')),
      schema: Type.Object({}),
    },
    events,
    costs,
    pushes,
    async join({ id }) {
      const hits = await store.lookup(openSessionsIndex(id), { limit: MAX_SHOWN + 1 });
      const found = await sessions.readMany(hits.slice(0, MAX_SHOWN).map((hit) => hit.id));
      const open = found.filter((session) => session !== undefined && !session.closing && session.agent?.id === id);
      // What is told from the answer on is heard: `joined` must not wait for anything.
      await conversations.ears.ready();
      return accept(
        { sinceMs: await conversations.methods.nowMs() },
        {
          agent_id: id,
          sessions: open.map((session) => session && sessionView(session)),
          sessions_more: hits.length > MAX_SHOWN,
          configuration: await agentSide.configurationOf(id),
        },
      );
    },
    joined(socket) {
      const { id } = socket;
      void attendance
        .enter('home', id)
        .catch(() => {})
        .then(() => onJoined(id));
      socket.onEnd(() => {
        attendance.leave('home', id);
        agentSide.left(id);
      });
      const listener = {
        notify: ({ method, params }: { method: string; params: object }) => socket.push(method, params),
      };
      socket.onEnd(conversations.ears.listenNow(id, listener, socket.assigns.sinceMs));
    },
    on: {
      control_result: (payload, { id }) => later(agentSide.result(id, payload)),
      vitals: (payload, { id }) => agentSide.vitals(id, payload),
      ...Object.fromEntries(own.map((method) => [method.name, calling(method)])),
    },
  });
}

/** An error of the catalogue as a channel says it. */
function refusalOf({ tag, message, data }: Failure<Tag>): Refusal {
  const { reason } = TAGS[tag];
  const details = tag === 'InvalidParamsError' ? (data as { details?: object } | undefined)?.details : data;
  const known: Readonly<Record<string, string>> = reasons;
  return { ok: false, reason, message: message ?? known[reason] ?? reason, ...(details && { details }) } as Refusal;
}
