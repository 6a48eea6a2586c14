import type { StreamChange } from '../../server/store/index.ts';
import { type Decision, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import { type Moved, moved } from '../kernel/signed_change.ts';
import type { Admit, Command, Create, Dismiss, Event, Read, Send, Update } from './commands.ts';
import { orderEntry, streamsOf } from './order.ts';
import {
  archivedAtMs,
  type Conversation,
  isAdmitted,
  isOpen,
  isParty,
  keyOf,
  type LogEntry,
  MAX_ADMITTED,
  MAX_CONVERSATIONS,
  MAX_LEFT,
  MAX_MESSAGES,
  MAX_PARTICIPANTS,
  type Participant,
  type SaidMessage,
  type TalkState,
} from './state.ts';

type Decided = Decision<TalkState, Event>;

/** Decides on a command about the conversations of one task, which change as one with it. */
export function decide(state: TalkState | undefined, command: Command, nowMs: number): Decided | Moved {
  if (!state)
    return refuse(command.type === 'send' || command.type === 'read' ? 'conversation_not_found' : 'task_not_found');
  switch (command.type) {
    case 'create':
      return create(state, command, nowMs);
    case 'archive':
    case 'unarchive':
    case 'add':
    case 'remove':
      return update(state, command, nowMs);
    case 'send':
      return send(state, command, nowMs);
    case 'read':
      return read(state, command);
    case 'admit':
      return admit(state, command, nowMs);
    case 'dismiss':
      return dismiss(state, command, nowMs);
  }
}

/** Refuses an app that the task is not of. */
function ownerRefusal({ task }: TalkState, appId: string) {
  return task.appId === appId ? undefined : refuse('forbidden');
}

function create(state: TalkState, command: Create, nowMs: number): Decided {
  const { id, name, createdAtMs, participants, request, unknown, appId } = command;
  const stranger = ownerRefusal(state, appId);
  if (stranger) return stranger;
  const before = state.conversations.get(id);
  if (before) return before.request === request ? unchanged(state) : refuse('forbidden', { reason: 'conflict' });
  if (!isOpen(state.task)) return refuse('task_not_found');
  if (unknown.length > 0) return refuse('agent_not_found', { agentIds: unknown });
  const notAdmitted = participants.filter((agentId) => !isAdmitted(state, agentId));
  if (notAdmitted.length > 0) return refuse('participant_not_admitted', { agentIds: notAdmitted });
  if (participants.length > MAX_PARTICIPANTS) return refuse('conversation_full', { limit: MAX_PARTICIPANTS });
  const { talk } = state;
  if (talk.conversationIds.length >= MAX_CONVERSATIONS) {
    return refuse('conversation_full', { scope: 'task', limit: MAX_CONVERSATIONS });
  }
  const made: Conversation = {
    id,
    name,
    createdAtMs,
    updatedAtMs: createdAtMs,
    archivedAtMs: null,
    lastSeq: 0,
    messages: 0,
    lastMessage: null,
    request,
    madeWith: participants,
  };
  const joined = participants.map((agentId) => ({ id: agentId, joinedAtMs: nowMs, joinedSeq: 1 }));
  const draft = new TalkDraft({ ...state, talk: { ...talk, conversationIds: [...talk.conversationIds, id] } }, nowMs);
  draft.put(made, joined);
  draft.log(id, { kind: 'created', participants }, participants);
  return draft.decided();
}

function update(state: TalkState, { type, id, agentId, appId, isKnown }: Update, nowMs: number): Decided {
  const stranger = ownerRefusal(state, appId);
  if (stranger) return stranger;
  if (!isOpen(state.task)) return refuse('task_not_found');
  const conversation = state.conversations.get(id);
  if (!conversation) return refuse('conversation_not_found');
  const participants = state.participants.get(id) ?? [];
  const ids = participants.map((each) => each.id);
  const isIn = ids.includes(agentId);
  const draft = new TalkDraft(state, nowMs);
  switch (type) {
    case 'archive':
      if (conversation.archivedAtMs !== null) return unchanged(state);
      draft.put({ ...conversation, archivedAtMs: nowMs, updatedAtMs: nowMs });
      draft.log(id, { kind: 'archived' }, ids);
      return draft.decided();
    case 'unarchive':
      if (conversation.archivedAtMs === null) return unchanged(state);
      draft.put({ ...conversation, archivedAtMs: null, updatedAtMs: nowMs });
      draft.log(id, { kind: 'unarchived' }, ids);
      return draft.decided();
    case 'add': {
      if (!isKnown || !isAdmitted(state, agentId)) return refuse('participant_not_admitted', { agentIds: [agentId] });
      if (isIn) return unchanged(state);
      if (ids.length >= MAX_PARTICIPANTS) return refuse('forbidden', { reason: 'conversation_full' });
      const joinedSeq = conversation.lastSeq + 1;
      const all = [...participants, { id: agentId, joinedAtMs: nowMs, joinedSeq }];
      draft.put({ ...conversation, updatedAtMs: nowMs }, all);
      draft.log(id, { kind: 'added', agentId }, [...ids, agentId]);
      return draft.decided();
    }
    case 'remove':
      if (!isIn) return unchanged(state);
      draft.remove(id, agentId, 'app_remove');
      return draft.decided();
  }
}

function send(state: TalkState, command: Send, nowMs: number): Decided {
  const { id, by, messageId, parts, replyToId, digest } = command;
  const conversation = state.conversations.get(id);
  if (!conversation) return refuse('conversation_not_found');
  const participants = state.participants.get(id) ?? [];
  if (!participants.some((each) => each.id === by)) return refuse('forbidden', { reason: 'NotAParticipant' });
  const before = state.said.get(keyOf(id, messageId));
  if (before) {
    const isRepeat = before.by === by && before.digest === digest;
    return isRepeat ? unchanged(state) : refuse('forbidden', { reason: 'conflict' });
  }
  if (!isOpen(state.task)) return refuse('task_closed', { status: state.task.status });
  if (archivedAtMs(conversation, state.task) !== null) return refuse('conversation_archived');
  if (replyToId !== undefined && !state.said.has(keyOf(id, replyToId))) {
    return refuse('message_not_found', { messageId: replyToId });
  }
  if (conversation.messages >= MAX_MESSAGES) return refuse('forbidden', { reason: 'conversation_at_limit' });

  const draft = new TalkDraft(state, nowMs);
  const ordinal = conversation.messages + 1;
  draft.put({ ...conversation, messages: ordinal, lastMessage: { atMs: nowMs, preview: previewOf(parts) } });
  const message = { id: messageId, senderId: by, ...(replyToId !== undefined && { replyToId }), parts };
  const to = participants.map((each) => each.id);
  const { seq } = draft.log(id, { kind: 'message', ...message }, to);
  draft.entries.push({ stream: streamsOf(id).order, position: ordinal, value: orderEntry(seq, by) });
  draft.say(id, messageId, { seq, by, digest, ordinal });
  return draft.decided();
}

const PREVIEW_LENGTH = 80;

function previewOf(parts: Send['parts']): string | null {
  const first = parts.find((part) => part.type === 'text');
  return first ? [...first.text].slice(0, PREVIEW_LENGTH).join('') : null;
}

/** The mark moves forward, never back. */
function read(state: TalkState, { id, by, messageId, own }: Read): Decided {
  if (!state.conversations.has(id)) return refuse('conversation_not_found');
  if (!state.participants.get(id)?.some((each) => each.id === by)) return refuse('not_a_participant');
  const said = state.said.get(keyOf(id, messageId));
  if (!said) return refuse('message_not_found');
  const key = keyOf(id, by);
  const { seq, ordinal } = said;
  if ((state.marks.get(key)?.seq ?? 0) >= seq) return unchanged(state);
  const marks = new Map(state.marks).set(key, { messageId, seq, ordinal, own });
  return ok({ state: { ...state, marks }, events: [{ type: 'marked' }] });
}

function admit(state: TalkState, { agentId, appId, isKnown }: Admit, nowMs: number): Decided {
  const stranger = ownerRefusal(state, appId);
  if (stranger) return stranger;
  if (!isOpen(state.task)) return refuse('task_not_found');
  if (!isKnown) return refuse('forbidden', { reason: 'AgentNotFound' });
  if (isAdmitted(state, agentId)) return unchanged(state);
  const { talk } = state;
  if (Object.keys(talk.admitted).length >= MAX_ADMITTED) return refuse('forbidden', { reason: 'task_full' });
  const admitted = { ...talk.admitted, [agentId]: nowMs };
  const left = (talk.left ?? []).filter((each) => each !== agentId);
  return ok({ state: { ...state, talk: { ...talk, admitted, left } }, events: [{ type: 'admitted' }] });
}

function dismiss(state: TalkState, command: Dismiss, nowMs: number): Decided | Moved {
  const { agentId, appId, conversationIds } = command;
  const { task, talk } = state;
  if (appId === undefined) {
    if (talk.left?.includes(agentId)) return unchanged(state);
    if (!isAdmitted(state, agentId)) return refuse('task_not_found');
  } else {
    const stranger = ownerRefusal(state, appId);
    if (stranger) return stranger;
    if (!isOpen(task)) return refuse('task_not_found');
    if (!command.isKnown) return refuse('forbidden', { reason: 'AgentNotFound' });
    if (isParty(task, agentId)) return refuse('forbidden', { reason: 'party' });
  }
  // A conversation was made meanwhile, in which the agent may be.
  if (talk.conversationIds.length !== conversationIds.length) return moved;
  const { [agentId]: _, ...admitted } = talk.admitted;
  const isChanged = Object.hasOwn(talk.admitted, agentId);
  const left = appId === undefined ? [...(talk.left ?? []), agentId].slice(-MAX_LEFT) : talk.left;
  const changed = { ...talk, admitted, ...(left && { left }) };
  const draft = new TalkDraft(isChanged ? { ...state, talk: changed } : state, nowMs);
  for (const id of conversationIds) {
    const isIn = state.participants.get(id)?.some((each) => each.id === agentId);
    if (isIn) draft.remove(id, agentId, appId === undefined ? 'task_leave' : 'app_remove');
  }
  if (isChanged) draft.events.push({ type: 'dismissed' });
  return draft.decided();
}

const unchanged = (state: TalkState): Decided => ok({ state, events: [] });

/** Entry without its place in the log. */
type NewEntry = LogEntry extends infer T ? (T extends LogEntry ? Omit<T, 'seq' | 'atMs'> : never) : never;

/** Effects of one decision. */
class TalkDraft {
  readonly events: Event[] = [];
  readonly entries: StreamChange[] = [];
  readonly #nowMs: number;
  #state: TalkState;

  constructor(state: TalkState, nowMs: number) {
    this.#state = state;
    this.#nowMs = nowMs;
  }

  put(conversation: Conversation, participants?: readonly Participant[]): void {
    const { id } = conversation;
    this.#state = {
      ...this.#state,
      conversations: new Map(this.#state.conversations).set(id, conversation),
      ...(participants && { participants: new Map(this.#state.participants).set(id, participants) }),
    };
  }

  say(id: string, messageId: string, said: SaidMessage): void {
    const key = keyOf(id, said.by);
    const { sent } = this.#state;
    this.#state = {
      ...this.#state,
      said: new Map(this.#state.said).set(keyOf(id, messageId), said),
      sent: new Map(sent).set(key, (sent.get(key) ?? 0) + 1),
    };
  }

  log(id: string, entry: NewEntry, to: readonly string[]): LogEntry {
    const conversation = this.#state.conversations.get(id);
    if (!conversation) throw new Error('A conversation was not read (fault conversation-1)');
    const stored = { seq: conversation.lastSeq + 1, atMs: this.#nowMs, ...entry } as LogEntry;
    this.put({ ...conversation, lastSeq: stored.seq });
    this.entries.push({ stream: streamsOf(id).log, position: stored.seq, value: JSON.stringify(stored) });
    this.events.push({ type: 'logged', id, entry: stored, to });
    return stored;
  }

  remove(id: string, agentId: string, reason: 'app_remove' | 'task_leave'): void {
    const conversation = this.#state.conversations.get(id);
    const participants = this.#state.participants.get(id) ?? [];
    if (!conversation) return;
    this.put(
      { ...conversation, updatedAtMs: this.#nowMs },
      participants.filter((each) => each.id !== agentId),
    );
    this.log(
      id,
      { kind: 'removed', agentId, reason },
      participants.map((each) => each.id),
    );
  }

  decided(): Decided {
    const { events, entries } = this;
    return ok({ state: this.#state, events, ...(entries.length > 0 && { entries }) });
  }
}
