import type { Static } from 'typebox';
import { accept, type ChannelSocket, type Log, later, reply } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { isId } from '../kernel/ids.ts';
import { refuse } from '../kernel/reasons.ts';
import { type AgentSession, agentChannel } from '../principals/agent_session.ts';
import type { Agents } from '../principals/principals.ts';
import type { Messages } from './messages.ts';
import { Reader } from './reader.ts';
import type { Readers } from './readers.ts';
import { events, pushes, signals } from './schema.ts';
import type { Message, Settlement } from './state.ts';
import { messageView, newMessage } from './view.ts';

export const topicOf = (agentId: string) => `messages:${agentId}`;

/** The names of its signals. */
export const internal = { placed: 'message_placed', settled: 'message_settled' } as const;

type PlacedNotice = Static<typeof signals.message_placed>;
type SettledNotice = Static<typeof signals.message_settled>;

export const placedNotice = (message: Message, ordinal: number): PlacedNotice => ({
  ordinal,
  message: newMessage(message),
});
export const settledNotice = ({ about }: Message): SettledNotice => ({ id: about.id });

export interface MessagesChannelOptions {
  readonly messages: Messages;
  readonly readers: Readers;
  readonly agents: Pick<Agents, 'read'>;
  readonly store: Pick<Store, 'nowMs'>;
  readonly log: Log;
  readonly redeliverAfterMs: readonly number[];
  /** True if this kind of socket may send. */
  readonly maySend: boolean;
}

type Inbox = AgentSession & { readonly reader: Reader };

/** `messages:{agent_id}`: an agent's inbox (PROTOCOL.md, section 5.6). */
export function messagesChannel(options: MessagesChannelOptions) {
  const { messages, readers, agents, store, log, redeliverAfterMs, maySend } = options;

  /** Several at once share a commit, so the channel does not wait for one before it takes the next. */
  const settle = (socket: Pick<ChannelSocket<Inbox>, 'assigns'>, id: string, as: Settlement, reason?: string) =>
    later(
      messages
        .settle(socket.assigns.agentId, id, as, reason)
        .then((settled) => (settled.ok ? reply(settled.isRepeat ? { duplicate: true } : {}) : settled)),
      { leaveWaits: true },
    );

  return agentChannel({
    topic: topicOf('*'),
    events,
    pushes,
    signals,

    async join({ id, assigns, socket }) {
      if (!isId(id)) return refuse('not_found');
      if (id !== assigns.agentId) return refuse((await agents.read(id)) ? 'unauthorized' : 'not_found');
      const { count, next } = await messages.head(id);
      const reader = new Reader(socket, messages.pile(id), next, { redeliverAfterMs, log });
      return accept({ reader }, { agent_id: id, pending: count });
    },

    joined(socket) {
      const { reader } = socket.assigns;
      socket.onEnd(() => readers.delete(reader));
      readers.add(reader);
    },

    intercept: {
      message_placed: ({ ordinal, message }, { assigns }) => assigns.reader.placed(ordinal, message),
      message_settled: ({ id }, { assigns }) => assigns.reader.settled(id),
    },

    on: {
      acknowledge: ({ message_id: id }, socket) => settle(socket, id, 'acknowledged'),

      reject: ({ message_id: id, reason }, socket) => settle(socket, id, 'rejected', reason),

      send_message(request, { assigns }) {
        if (!maySend) return refuse('forbidden');
        const sending = messages.send(assigns.agentId, request).then(async (sent) => {
          if (!sent.ok) return sent;
          const message = messageView(sent.message, await store.nowMs());
          return reply({ message, ...(sent.isRepeat && { duplicate: true }) });
        });
        return later(sending, { leaveWaits: true });
      },
    },
  });
}
