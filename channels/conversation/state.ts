import type { Task } from '../task/state.ts';

/** A part of a message (CONVERSATIONS.md). */
export type Part =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly url: string; readonly altText?: string }
  | {
      readonly type: 'file';
      readonly url: string;
      readonly name: string;
      readonly mimeType?: string;
      readonly size?: number;
    };

/** A conversation as it is kept, with its task. */
export interface Conversation {
  readonly id: string;
  readonly name: string | null;
  readonly createdAtMs: number;
  /** Moves with every change but messages. */
  readonly updatedAtMs: number;
  /** By its app; the end of its task archives it too. */
  readonly archivedAtMs: number | null;
  /** Seq of the last entry of its log. */
  readonly lastSeq: number;
  /** Messages that it has had. */
  readonly messages: number;
  readonly lastMessage: { readonly atMs: number; readonly preview: string | null } | null;
  /** Digest of the call that made it, and whom it named. */
  readonly request: string;
  readonly madeWith: readonly string[];
}

export interface Participant {
  readonly id: string;
  readonly joinedAtMs: number;
  readonly joinedSeq: number;
}

/** A message by its id: where it stands, and whether another one is the same. */
export interface SaidMessage {
  readonly seq: number;
  readonly by: string;
  readonly digest: string;
  /** It is the so manyth of its conversation, from 1. */
  readonly ordinal: number;
}

/** Up to where a participant has read. */
export interface Mark {
  readonly messageId: string;
  readonly seq: number;
  readonly ordinal: number;
  /** The reader's own messages up to there. */
  readonly own: number;
}

/** The part that the conversations of one task share. */
export interface Talk {
  readonly conversationIds: readonly string[];
  /** Agents that its app has admitted, and when; its client and its provider are admitted without. */
  readonly admitted: Readonly<Record<string, number>>;
  /** Agents that have left by themselves and were not admitted again, the latest last: to leave once more is no fault. */
  readonly left?: readonly string[];
}

/** A task with those of its conversations that a command names. */
export interface TalkState {
  readonly task: TaskOfTalk;
  readonly talk: Talk;
  readonly conversations: ReadonlyMap<string, Conversation>;
  readonly participants: ReadonlyMap<string, readonly Participant[]>;
  /** Messages that an agent has sent in a conversation, also one that has left it, by `conversation:agent`. */
  readonly sent: ReadonlyMap<string, number>;
  /** By `conversation:message`. */
  readonly said: ReadonlyMap<string, SaidMessage>;
  /** By `conversation:agent`. */
  readonly marks: ReadonlyMap<string, Mark>;
}

export type TaskOfTalk = Pick<
  Task,
  'id' | 'appId' | 'clientAgentId' | 'providerAgentId' | 'status' | 'insertedAtMs' | 'finishedAtMs'
>;

export const keyOf = (conversationId: string, other: string) => `${conversationId}:${other}`;

export const isOpen = ({ status }: Pick<Task, 'status'>) => status === 'pending' || status === 'in_progress';

/** Its two parties are admitted to a task without being asked for. */
export const isParty = ({ clientAgentId, providerAgentId }: TaskOfTalk, agentId: string) =>
  agentId === clientAgentId || agentId === providerAgentId;

export const isAdmitted = ({ task, talk }: Pick<TalkState, 'task' | 'talk'>, agentId: string) =>
  isParty(task, agentId) || Object.hasOwn(talk.admitted, agentId);

/** Time at which a conversation was archived, by its app or by the end of its task. */
export function archivedAtMs({ archivedAtMs: byApp }: Conversation, { finishedAtMs }: TaskOfTalk): number | null {
  return byApp ?? finishedAtMs;
}

/** An entry of a conversation's log. */
export type LogEntry = { readonly seq: number; readonly atMs: number } & (
  | { readonly kind: 'created'; readonly participants: readonly string[] }
  | { readonly kind: 'archived' }
  | { readonly kind: 'unarchived' }
  | { readonly kind: 'added'; readonly agentId: string }
  | { readonly kind: 'removed'; readonly agentId: string; readonly reason: 'app_remove' | 'task_leave' }
  | StoredMessage
);

/** The end of a task as its conversation hears of it: no entry of the log, so it stands behind one. */
export function endEntry(conversation: Conversation, { finishedAtMs }: TaskOfTalk, behindSeq: number) {
  if (conversation.archivedAtMs !== null || finishedAtMs === null) return undefined;
  return { kind: 'archived', seq: behindSeq + 0.5, atMs: finishedAtMs } as const satisfies LogEntry;
}

export interface StoredMessage {
  readonly kind: 'message';
  readonly id: string;
  readonly senderId: string;
  readonly replyToId?: string;
  readonly parts: readonly Part[];
}

export const MAX_PARTICIPANTS = 256;
export const MAX_CONVERSATIONS = 1_000;
export const MAX_ADMITTED = 1_024;
/** Agents that have left a task, of which it is known. */
export const MAX_LEFT = 1_024;
export const MAX_MESSAGES = 65_536;
