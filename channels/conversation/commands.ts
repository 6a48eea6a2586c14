import type { LogEntry, Part } from './state.ts';

export type Command = Create | Update | Send | Read | Admit | Dismiss;

/** An app's call on one of its tasks. */
interface ByApp {
  readonly appId: string;
}

export interface Create extends ByApp {
  readonly type: 'create';
  readonly id: string;
  /** By the store's clock, as it is listed. */
  readonly createdAtMs: number;
  readonly name: string | null;
  /** Each once. */
  readonly participants: readonly string[];
  readonly request: string;
  /** Those that are no agents. */
  readonly unknown: readonly string[];
}

export interface Update extends ByApp {
  readonly type: 'archive' | 'unarchive' | 'add' | 'remove';
  readonly id: string;
  /** Of `add` and `remove`. */
  readonly agentId: string;
  readonly isKnown: boolean;
}

export interface Send {
  readonly type: 'send';
  readonly id: string;
  readonly by: string;
  readonly messageId: string;
  readonly parts: readonly Part[];
  readonly replyToId: string | undefined;
  readonly digest: string;
}

export interface Read {
  readonly type: 'read';
  readonly id: string;
  readonly by: string;
  readonly messageId: string;
  /** The reader's own messages up to that one. */
  readonly own: number;
}

/** An app admits an agent to its task. */
export interface Admit extends ByApp {
  readonly type: 'admit';
  readonly agentId: string;
  readonly isKnown: boolean;
}

/** An agent is taken out of a task, and of all its conversations. */
export interface Dismiss {
  readonly type: 'dismiss';
  readonly agentId: string;
  /** The app that does it; undefined: the agent leaves. */
  readonly appId: string | undefined;
  readonly isKnown: boolean;
  /** The conversations of the task as they were read: others mean that it is read again. */
  readonly conversationIds: readonly string[];
}

export type Event =
  /** An entry of a conversation's log, and who hears of it; the sender of a message is one more, who has it. */
  | { readonly type: 'logged'; readonly id: string; readonly entry: LogEntry; readonly to: readonly string[] }
  | { readonly type: 'admitted' }
  | { readonly type: 'dismissed' }
  | { readonly type: 'marked' };
