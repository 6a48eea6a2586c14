import { iso } from '../kernel/iso.ts';
import type { TalkMessage } from './log.ts';
import { archivedAtMs, type Conversation, type LogEntry, type TaskOfTalk } from './state.ts';

/** A conversation on the wire (CONVERSATIONS.md): what is not there is absent. */
export function conversationView(conversation: Conversation, task: TaskOfTalk) {
  const archived = archivedAtMs(conversation, task);
  return {
    id: conversation.id,
    ...(conversation.name !== null && { name: conversation.name }),
    createdBy: task.clientAgentId,
    ...(conversation.lastMessage && { lastMessageTimestamp: iso(conversation.lastMessage.atMs) }),
    createdAt: iso(conversation.createdAtMs),
    updatedAt: iso(conversation.updatedAtMs),
    ...(archived !== null && { archivedAt: iso(archived) }),
  };
}

/** A conversation as it was made, for a call that makes it again. */
export function madeView(conversation: Conversation, task: TaskOfTalk) {
  const asMade = { ...conversation, updatedAtMs: conversation.createdAtMs, archivedAtMs: null, lastMessage: null };
  return conversationView(asMade, { ...task, finishedAtMs: null });
}

export function messageView(conversationId: string, { id, senderId, replyToId, parts, seq, atMs }: TalkMessage) {
  return {
    id,
    conversationId,
    senderId,
    ...(replyToId !== undefined && { replyToId }),
    parts,
    createdAt: iso(atMs),
    seq: String(seq),
  };
}

/** The names of notifications, by kind of entry. */
const NAMES = {
  created: 'agent/conversation/created',
  archived: 'agent/conversation/archived',
  unarchived: 'agent/conversation/unarchived',
  added: 'agent/conversation/participants-added',
  removed: 'agent/conversation/participants-removed',
  message: 'agent/message/received',
} as const;

export interface Notification {
  readonly method: (typeof NAMES)[keyof typeof NAMES];
  readonly params: object;
}

/** The notification of an entry; a name is that of the conversation. */
export function notificationOf(
  taskId: string,
  conversationId: string,
  entry: LogEntry,
  name: string | null,
): Notification {
  const method = NAMES[entry.kind];
  const about = { taskId, conversationId };
  switch (entry.kind) {
    case 'created':
      return { method, params: { ...about, ...(name !== null && { name }), participants: entry.participants } };
    case 'archived':
      return { method, params: { ...about, archivedAt: iso(entry.atMs) } };
    case 'unarchived':
      return { method, params: about };
    case 'added':
      return { method, params: { ...about, addedAgentId: entry.agentId } };
    case 'removed':
      return { method, params: { ...about, removedAgentId: entry.agentId, reason: entry.reason } };
    case 'message':
      return { method, params: { taskId, message: messageView(conversationId, entry) } };
  }
}
