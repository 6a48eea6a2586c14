import Type, { type Static } from 'typebox';
import type { Store } from '../../server/store/index.ts';
import { jsonBytes } from '../kernel/fields.ts';
import { iso } from '../kernel/iso.ts';
import type { Cursors } from '../kernel/lists/cursor.ts';
import { byCreation } from '../kernel/lists/order.ts';
import { readPage } from '../kernel/lists/page.ts';
import { refuseField, refuseSize } from '../kernel/reasons.ts';
import type { Conversations } from './conversations.ts';
import { agentConversationsIndex, type ConversationDirectory } from './directory.ts';
import { type Caller, defineRpc, type Rpc } from './rpc.ts';
import {
  Conversation,
  DEFAULT_LIMIT,
  Empty,
  isUuid,
  Limit,
  MAX_PAGE_BYTES,
  MAX_PARTS_BYTES,
  Message,
  Part,
  Participants,
  Seq,
  Text,
  Uuid,
} from './schema.ts';
import { conversationView, madeView, messageView } from './view.ts';

/** The parts of the domain that methods are carried out with. */
export interface RpcDomain {
  readonly conversations: Conversations;
  readonly directory: ConversationDirectory;
  readonly store: Pick<Store, 'lookup'>;
  readonly cursors: Cursors;
  /** The store's clock. */
  nowMs(): Promise<number>;
}

const rpc = defineRpc<RpcDomain>();

const createConversation = rpc({
  name: 'app/conversation/create',
  params: Type.Object({
    taskId: Uuid,
    name: Type.Optional(Text(1, 100)),
    participants: Participants,
    id: Type.Optional(Uuid),
  }),
  result: Type.Object({ conversation: Conversation }),
  requires: 'app',
  errors: ['Forbidden', 'TaskNotFound', 'AgentNotFound', 'ParticipantNotAdmitted', 'ConversationFull'],
  async handle({ domain: { conversations }, caller, params, fail, failAs }) {
    const talk = await conversations.readTalk(params.taskId);
    if (talk?.task.appId === caller.id && !isUuid(talk.task.clientAgentId)) return fail('Forbidden', { reason: 'ids' });
    const { taskId, id, name, participants } = params;
    const made = await conversations.create(caller.id, { taskId, id, name, participants });
    if (!made.ok) return failAs(made);
    const conversation = made.state.conversations.get(made.id ?? '');
    if (!conversation) throw new Error('A conversation that was made is not there (fault conversation-3)');
    return { ok: true, result: { conversation: madeView(conversation, made.state.task) } };
  },
});

/** The commands of an update, by its action. */
const UPDATES = {
  archive: 'archive',
  unarchive: 'unarchive',
  'add-participant': 'add',
  'remove-participant': 'remove',
} as const;

const updateConversation = rpc({
  name: 'app/conversation/update',
  params: Type.Object({
    action: Type.Union(Object.keys(UPDATES).map((name) => Type.Literal(name))),
    taskId: Uuid,
    conversationId: Uuid,
    agentId: Type.Optional(Uuid),
  }),
  result: Empty,
  requires: 'app',
  errors: ['Forbidden', 'TaskNotFound', 'ConversationNotFound', 'ParticipantNotAdmitted'],
  async handle({ domain: { conversations }, caller, params, failAs, invalid }) {
    const type = UPDATES[params.action as keyof typeof UPDATES];
    const { taskId, conversationId: id, agentId } = params;
    if (agentId === undefined && (type === 'add' || type === 'remove')) {
      return invalid(refuseField('/agentId', `must be there to ${params.action}`));
    }
    const done = await conversations.update(caller.id, { type, taskId, id, agentId });
    return done.ok ? { ok: true, result: {} } : failAs(done);
  },
});

/** Lists count as so many messages (PROTOCOL.md, section 1). */
const LIST_COST = 10;

const ListItem = Type.Object({ taskId: Uuid, conversation: Conversation, participants: Type.Array(Uuid) });

const listConversations = rpc({
  name: 'agent/conversation/list',
  params: Type.Object({ limit: Limit, cursor: Type.Optional(Type.String({ maxLength: 1_024 })) }),
  result: Type.Object({ items: Type.Array(ListItem), nextCursor: Type.Optional(Type.String()) }),
  requires: 'agent',
  errors: ['InvalidParamsError', 'ConversationNotFound'],
  cost: LIST_COST,
  async handle({ domain, caller, params: { limit = DEFAULT_LIMIT, cursor }, fail }) {
    const binding = JSON.stringify(['conversations', caller.id]);
    const after = cursor === undefined ? undefined : domain.cursors.read(binding, cursor);
    if (cursor !== undefined && !after) {
      const details = [{ path: '/cursor', message: 'must be the nextCursor of an earlier answer to the same agent' }];
      return fail('InvalidParamsError', { details });
    }
    const page = await readConversations(domain, caller, { after, limit });
    const { items, next } = cutTo(MAX_PAGE_BYTES, page);
    return { ok: true, result: { items, ...(next && { nextCursor: domain.cursors.write(binding, next) }) } };
  },
});

type ListPage = Awaited<ReturnType<typeof readConversations>>;

/** A page with as many of its items as fit, one at least. */
function cutTo(maxBytes: number, { items, next }: ListPage): ListPage {
  let bytes = 0;
  for (const [at, item] of items.entries()) {
    bytes += jsonBytes(item);
    const last = items[at - 1]?.conversation;
    if (bytes > maxBytes && last) {
      return { items: items.slice(0, at), next: { atMs: Date.parse(last.createdAt), id: last.id } };
    }
  }
  return { items, next };
}

/** A page of the conversations in which an agent is now, newest first. */
export function readConversations(
  { conversations, directory, store }: RpcDomain,
  caller: Pick<Caller, 'id'>,
  page: Parameters<typeof readPage>[1],
) {
  const source = {
    order: byCreation,
    indexes: [agentConversationsIndex(caller.id)],
    async read(ids: readonly string[]) {
      const taskIds = await directory.tasksOf(ids);
      return Promise.all(
        ids.map(async (id, at) => {
          const taskId = taskIds[at];
          const state = taskId === undefined ? undefined : await conversations.read(taskId, id);
          const conversation = state?.conversations.get(id);
          const participants = (state?.participants.get(id) ?? []).map((each) => each.id);
          if (!state || !conversation || taskId === undefined || !participants.includes(caller.id)) return undefined;
          const item = { taskId, conversation: conversationView(conversation, state.task), participants };
          return { item, insertedAtMs: conversation.createdAtMs };
        }),
      );
    },
  };
  return readPage(source, page, store);
}

const InConversation = { taskId: Uuid, conversationId: Uuid };

/** A part with the members of its kind alone: what a client adds, a `null` too, would reach clients that cannot read it. */
function knownPart(part: Static<typeof Part>): Static<typeof Part> {
  if (part.type === 'text') return { type: 'text', text: part.text };
  if (part.type === 'image') {
    const { type, url, altText } = part;
    return { type, url, ...(altText !== undefined && { altText }) };
  }
  const { type, url, name, mimeType, size } = part;
  return { type, url, name, ...(mimeType !== undefined && { mimeType }), ...(size !== undefined && { size }) };
}

const sendMessage = rpc({
  name: 'agent/message/send',
  params: Type.Object({
    ...InConversation,
    parts: Type.Array(Part, { minItems: 1, maxItems: 10 }),
    replyToId: Type.Optional(Uuid),
    id: Type.Optional(Uuid),
  }),
  result: Type.Object({ message: Message }),
  requires: 'agent',
  errors: ['ConversationNotFound', 'Forbidden', 'TaskClosed', 'ConversationArchived', 'MessageNotFound'],
  async handle({ domain: { conversations }, caller, params, failAs, invalid }) {
    const { taskId, conversationId: id, replyToId, id: messageId } = params;
    const parts = params.parts.map(knownPart);
    if (jsonBytes(parts) > MAX_PARTS_BYTES) return invalid(refuseSize('/parts', MAX_PARTS_BYTES / 1_024));
    const sent = await conversations.send(caller.id, { taskId, id, messageId, parts, replyToId });
    return sent.ok ? { ok: true, result: { message: messageView(id, sent.message) } } : failAs(sent);
  },
});

const listMessages = rpc({
  name: 'agent/message/list',
  params: Type.Object({ ...InConversation, sinceSeq: Type.Optional(Seq), limit: Limit }),
  result: Type.Object({ messages: Type.Array(Message), hasMore: Type.Boolean() }),
  requires: 'agent',
  errors: ['TaskNotFound', 'ConversationNotFound', 'Forbidden'],
  cost: LIST_COST,
  async handle({ domain: { conversations }, caller, params, fail }) {
    const { taskId, conversationId: id, sinceSeq, limit = DEFAULT_LIMIT } = params;
    const state = await conversations.read(taskId, id);
    if (!state) return fail('TaskNotFound');
    const conversation = state.conversations.get(id);
    if (!conversation) return fail('ConversationNotFound');
    if (!state.participants.get(id)?.some((each) => each.id === caller.id)) {
      return fail('Forbidden', { reason: 'NotAParticipant' });
    }
    const log = conversations.log(taskId, id);
    const { messages, hasMore } =
      sinceSeq === undefined
        ? await log.lastMessages(conversation, limit)
        : await log.messagesAfter(conversation, Number(sinceSeq), limit);
    return { ok: true, result: { messages: messages.map((message) => messageView(id, message)), hasMore } };
  },
});

const readMessage = rpc({
  name: 'agent/message/read',
  params: Type.Object({ ...InConversation, messageId: Uuid }),
  result: Empty,
  requires: 'agent',
  errors: ['ConversationNotFound', 'NotAParticipant', 'MessageNotFound'],
  async handle({ domain: { conversations }, caller, params, failAs }) {
    const { taskId, conversationId: id, messageId } = params;
    const done = await conversations.mark(caller.id, { taskId, id, messageId });
    return done.ok ? { ok: true, result: {} } : failAs(done);
  },
});

const updateTask = rpc({
  name: 'app/task/update',
  params: Type.Object({
    action: Type.Union(['add-participant', 'remove-participant'].map((name) => Type.Literal(name))),
    taskId: Uuid,
    agentId: Uuid,
  }),
  result: Type.Object({
    action: Type.String(),
    participant: Type.Optional(Type.Object({ taskId: Uuid, agentId: Uuid, admittedAt: Type.String() })),
  }),
  requires: 'app',
  errors: ['TaskNotFound', 'Forbidden'],
  async handle({ domain: { conversations }, caller, params: { action, taskId, agentId }, failAs }) {
    if (action === 'remove-participant') {
      const done = await conversations.dismiss(taskId, agentId, caller.id);
      return done.ok ? { ok: true, result: { action: 'participant-removed' } } : failAs(done);
    }
    const done = await conversations.admit(caller.id, taskId, agentId);
    if (!done.ok) return failAs(done);
    const { task, talk } = done.state;
    const admittedAt = iso(talk.admitted[agentId] ?? task.insertedAtMs);
    return { ok: true, result: { action: 'participant-added', participant: { taskId, agentId, admittedAt } } };
  },
});

const leaveTask = rpc({
  name: 'agent/task/leave',
  params: Type.Object({ taskId: Uuid }),
  result: Empty,
  requires: 'agent',
  errors: ['TaskNotFound'],
  async handle({ domain: { conversations }, caller, params: { taskId }, failAs }) {
    const done = await conversations.dismiss(taskId, caller.id, undefined);
    return done.ok ? { ok: true, result: {} } : failAs(done);
  },
});

/** Every method of the dialect but the two connects, which are the socket's own. */
export const methods: readonly Rpc<RpcDomain>[] = [
  createConversation,
  updateConversation,
  listConversations,
  sendMessage,
  listMessages,
  readMessage,
  updateTask,
  leaveTask,
];
