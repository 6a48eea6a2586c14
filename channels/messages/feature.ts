import type { Log, Nodes } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import type { Deadlines } from '../kernel/deadlines.ts';
import type { Agents } from '../principals/principals.ts';
import { internal, messagesChannel, placedNotice, settledNotice, topicOf } from './channel.ts';
import { messageList } from './list.ts';
import { Messages } from './messages.ts';
import { notices } from './notifications.ts';
import { Readers } from './readers.ts';
import { messageRoutes } from './routes.ts';
import type { Message } from './state.ts';

export interface MessagingParts {
  readonly store: Store;
  readonly agents: Pick<Agents, 'read' | 'readProfiles'>;
  readonly nodes: Pick<Nodes, 'onChange'>;
  readonly deadlines: Pick<Deadlines, 'on'>;
  readonly log: Log;
  /** Broadcasts to all members of a topic, on every node. */
  readonly broadcast: (topic: string, event: string, payload: object) => void;
  /** When a message is pushed again to whoever stays joined; as in PROTOCOL.md unless told. */
  readonly redeliverAfterMs?: readonly number[];
}

const REDELIVER_AFTER_MS = [30_000, 60_000, 120_000, 240_000];

/** Wires everything about messages. */
export function messaging(parts: MessagingParts) {
  const { store, agents, nodes, deadlines, log, broadcast, redeliverAfterMs = REDELIVER_AFTER_MS } = parts;

  const messages = new Messages({
    store,
    agents,
    log,
    onPlaced: (message, ordinal) =>
      broadcast(topicOf(message.about.toAgentId), internal.placed, placedNotice(message, ordinal)),
    onSettled(message) {
      broadcast(topicOf(message.about.toAgentId), internal.settled, settledNotice(message));
      tellSender(message);
    },
  });

  function tellSender({ about, progress }: Message): void {
    if (about.fromAgentId === null) return;
    const told = { message_id: about.id, by: about.toAgentId };
    const topic = topicOf(about.fromAgentId);
    if (progress.status === 'acknowledged') broadcast(topic, 'message_acknowledged', told);
    if (progress.status === 'rejected') broadcast(topic, 'message_rejected', { ...told, reason: progress.reason });
  }

  const readers = new Readers();
  deadlines.on('message', (id) => messages.finish(id));
  deadlines.on('inbox', (agentId) => messages.expire(agentId));
  nodes.onChange(({ went }) => {
    if (went.length > 0) readers.lookAgain();
  });

  const channel = (maySend: boolean) =>
    messagesChannel({ messages, readers, agents, store, log, redeliverAfterMs, maySend });
  return {
    agentChannel: channel(true),
    userChannel: channel(false),
    routes: messageRoutes(messages, store),
    list: messageList(messages, { agents, store }),
    placeable: messages.placeable,
    notices: notices(messages, log),
    close: () => readers.close(),
  };
}
