import { jsonAnswer, type Method, type Route } from '../../server/http/index.ts';
import { iso } from '../kernel/iso.ts';
import { readListQuery } from '../kernel/lists/query.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Principal } from '../principals/authenticate.ts';
import { type Handle, isParticipant, nameOf, readable, unlessSuspended } from '../principals/permissions.ts';
import type { Agents } from '../principals/principals.ts';
import { markField } from './codec.ts';
import { type RpcDomain, readConversations } from './methods.ts';
import { keyOf, type TalkState } from './state.ts';
import { conversationView } from './view.ts';

export interface ConversationRouteOptions extends RpcDomain {
  readonly agents: Pick<Agents, 'readProfiles'>;
}

export function conversationRoutes(options: ConversationRouteOptions): Route<Principal>[] {
  const route = (method: Method, path: string, handle: Handle): Route<Principal> => ({ method, path, handle });
  return [
    route('GET', '/api/conversations', unlessSuspended(listConversations(options))),
    route('GET', '/api/conversations/:id', readConversation(options)),
  ];
}

/** `GET /api/conversations/{id}`: for its participants, the app of its task, the admin. */
function readConversation({ conversations, directory, agents }: ConversationRouteOptions): Handle {
  return async ({ principal, param }) => {
    const id = param('id');
    const taskId = await directory.taskOf(id);
    const state = taskId === undefined ? undefined : await conversations.read(taskId, id);
    const found = state?.conversations.has(id) ? state : undefined;
    const read = await readable(principal, found, (talk) => isReader(principal, talk, id));
    if (!read.ok) return read;
    const { thing } = read;
    const conversation = thing.conversations.get(id);
    if (!conversation || taskId === undefined) return refuse('not_found');
    const participants = thing.participants.get(id) ?? [];
    const ids = participants.map((each) => each.id);
    const [profiles, marks] = await Promise.all([
      agents.readProfiles(ids),
      conversations.read(
        taskId,
        id,
        ids.map((agentId) => markField(id, agentId)),
      ),
    ]);
    return jsonAnswer(200, {
      task_id: taskId,
      conversation: conversationView(conversation, thing.task),
      participants: participants.map((each, at) => ({
        conversationId: id,
        participant: { type: 'agent', id: each.id },
        joinedAt: iso(each.joinedAtMs),
        ...lastRead(marks, id, each.id),
        ...(profiles[at] && { agentName: profiles[at].name }),
      })),
    });
  };
}

function lastRead(state: TalkState | undefined, id: string, agentId: string) {
  const mark = state?.marks.get(keyOf(id, agentId));
  return mark ? { lastReadMessageId: mark.messageId } : {};
}

function isReader(principal: Principal, { task, participants }: TalkState, id: string): boolean {
  if (principal.kind === 'app') return task.appId === principal.id;
  return isParticipant(
    principal,
    (participants.get(id) ?? []).map((each) => each.id),
  );
}

/** `GET /api/conversations`: an agent's own. */
function listConversations(options: ConversationRouteOptions): Handle {
  return async ({ exchange, principal }) => {
    if (principal.kind !== 'agent') return refuse('forbidden');
    const { cursors, conversations } = options;
    const query = readListQuery(exchange, { list: 'conversations', by: nameOf(principal), cursors, checks: {} });
    if (!query.ok) return query;
    const { items, next } = await readConversations(options, principal, query);
    const summaries = await Promise.all(
      items.map(async ({ taskId, conversation, participants }) => {
        const { id, name, lastMessageTimestamp } = conversation;
        const [{ count }, state] = await Promise.all([
          conversations.unread(taskId, id, principal.id),
          conversations.read(taskId, id),
        ]);
        const preview = state?.conversations.get(id)?.lastMessage?.preview;
        return {
          id,
          ...(name !== undefined && { name }),
          ...(preview != null && { lastMessagePreview: preview }),
          ...(lastMessageTimestamp !== undefined && { lastMessageTimestamp }),
          unreadCount: count,
          participants: participants.map((agentId) => ({ type: 'agent', id: agentId })),
        };
      }),
    );
    return jsonAnswer(200, { items: summaries, ...(next && { next_cursor: query.cursorAt(next) }) });
  };
}
