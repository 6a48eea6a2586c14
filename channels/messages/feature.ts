import type { TypedHub } from '../../server/index.ts';
import type { Domain, DomainContext } from '../principals/domain.ts';
import { servedList } from '../principals/list_route.ts';
import { internal, messagesChannel, placedNotice, settledNotice, topicOf } from './channel.ts';
import { messageList } from './list.ts';
import { Messages } from './messages.ts';
import { type Notifications, openNotifications } from './notifications.ts';
import { Readers } from './readers.ts';
import { messageRoutes } from './routes.ts';
import type { pushes, signals } from './schema.ts';
import type { Message } from './state.ts';

type Context = Pick<DomainContext, 'store' | 'log'> & {
  readonly hub: TypedHub<typeof pushes & typeof signals>;
  readonly nodes: Pick<DomainContext['nodes'], 'onChange'>;
  readonly principals: { readonly agents: Pick<DomainContext['principals']['agents'], 'read' | 'readProfiles'> };
  /** Times after which a message is pushed again to whoever stays joined; as in PROTOCOL.md unless told. */
  readonly redeliverAfterMs?: readonly number[];
};

const REDELIVER_AFTER_MS = [30_000, 60_000, 120_000, 240_000];

/** Inboxes: the channel, the HTTP calls, and the notices that other domains put there. */
export function messagesFeature(context: Context): Domain & { readonly notifications: Notifications } {
  const { store, hub, nodes, log, principals, redeliverAfterMs = REDELIVER_AFTER_MS } = context;
  const { agents } = principals;
  const messages = new Messages({
    store,
    agents,
    log,
    onPlaced: (message, ordinal) =>
      hub.broadcast(topicOf(message.about.toAgentId), internal.placed, placedNotice(message, ordinal)),
    onSettled(message) {
      hub.broadcast(topicOf(message.about.toAgentId), internal.settled, settledNotice(message));
      tellSender(message);
    },
  });

  function tellSender({ about, progress }: Message): void {
    if (about.fromAgentId === null) return;
    const settled = { message_id: about.id, by: about.toAgentId };
    const topic = topicOf(about.fromAgentId);
    if (progress.status === 'acknowledged') hub.broadcast(topic, 'message_acknowledged', settled);
    if (progress.status === 'rejected') {
      hub.broadcast(topic, 'message_rejected', { ...settled, reason: progress.reason ?? '' });
    }
  }

  const readers = new Readers();
  nodes.onChange(({ left }) => {
    if (left.length > 0) readers.lookAgain();
  });

  const channel = (maySend: boolean) =>
    messagesChannel({ messages, readers, agents, store, log, redeliverAfterMs, maySend });
  return {
    name: 'messages',
    channels: { agent: [channel(true)], user: [channel(false)] },
    routes: messageRoutes(messages, store),
    lists: { '/api/messages': servedList(messageList(messages, { agents, store })) },
    deadlines: { message: (id) => messages.finish(id), inbox: (agentId) => messages.expire(agentId) },
    placeables: [messages.placeable],
    notifications: openNotifications(messages, log),
    close: () => readers.close(),
  };
}
