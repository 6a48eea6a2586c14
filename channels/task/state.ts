import { createHash } from 'node:crypto';
import type { Metadata } from '../kernel/fields.ts';
import { iso } from '../kernel/iso.ts';
import { usdc } from '../kernel/money.ts';
import { sortedJson } from '../kernel/request_digest.ts';
import type { NoticeRef } from '../messages/notifications.ts';
import { nextSeq, type Role, type Stream, type StreamName } from './stream.ts';

export type TaskStatus = 'pending' | 'in_progress' | EndStatus;
export type EndStatus = 'completed' | 'failed' | 'cancelled';
export const TASK_STATUSES: readonly TaskStatus[] = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'];

/** A task as it is kept. Parts that a command does not need are not read, and then undefined. */
export interface TaskState {
  readonly task: Task;
  readonly contents: Contents | undefined;
  /** Of the conversations in which its agents talk: their messages go with its streams. */
  readonly conversationIds: readonly string[];
  readonly input: Stream | undefined;
  readonly output: Stream | undefined;
}

/** The small part, read with every command. */
export interface Task {
  readonly id: string;
  /** The digest of the request that created it, by which a repeat is recognised. */
  readonly request: string;
  readonly clientAgentId: string;
  readonly providerAgentId: string;
  readonly appId: string | null;
  /** Null if an app or the admin created it. */
  readonly creatorAgentId: string | null;
  readonly capability: string | null;
  readonly priceMicro: bigint | null;
  /** The negotiation and the payment channel that it belongs to; absent: none. */
  readonly negotiationId?: string | undefined;
  readonly paymentChannelId?: string | undefined;
  readonly status: TaskStatus;
  readonly checkpoint: Checkpoint | null;
  readonly insertedAtMs: number;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  readonly duties: Duties;
}

/** Fields that may be large, read only where they are shown or changed. */
export interface Contents {
  readonly metadata: Metadata;
  readonly progress: { readonly percent: number; readonly message?: string } | null;
  readonly result: unknown;
  readonly error: { readonly type: string; readonly details: unknown } | null;
  /** Notices by which the participants were told of it. */
  readonly notices?: readonly NoticeRef[];
}

/** Its state is an entry of the store, so that it is not read with the task. */
export interface Checkpoint {
  readonly seq: number;
  readonly digest: string;
}

/**
 * Work still open outside of the task, and the time from which its deadline does it, as the node that should have done
 * it at once may have died. Null: none.
 */
export interface Duties {
  /** Counting its outcome for the provider's reputation. */
  readonly countMs: number | null;
  /** Acknowledging the notices of a task that has ended. Absent where there never were any. */
  readonly noticesMs?: number | null;
  /** Lets the provider forget that it was counted, once no call can be about to count it again. */
  readonly forgetMs: number | null;
  /** Dropping its streams and its checkpoint. */
  readonly dropMs: number | null;
}

export const isEnded = ({ status }: Pick<Task, 'status'>) => status !== 'pending' && status !== 'in_progress';

export function roleOf({ clientAgentId, providerAgentId }: Task, agentId: string): Role | undefined {
  if (agentId === clientAgentId) return 'client';
  return agentId === providerAgentId ? 'provider' : undefined;
}

/** The same for equal JSON values. */
export const digestOf = (value: unknown) => createHash('sha256').update(sortedJson(value)).digest('base64url');

/** @throws if a command reads less of a task than it needs */
export function contentsOf({ contents }: Pick<TaskState, 'contents'>): Contents {
  if (!contents) throw new Error('The contents of a task were not read (fault task-1)');
  return contents;
}

/** @throws if a command reads less of a task than it needs */
export function streamOf(state: TaskState, name: StreamName): Stream {
  const stream = state[name];
  if (!stream) throw new Error('The streams of a task were not read (fault task-2)');
  return stream;
}

/** A task on the wire (PROTOCOL.md, section 5.2). */
export function taskView(state: Pick<TaskState, 'task' | 'contents'>) {
  const { task } = state;
  const { metadata, progress, result, error } = contentsOf(state);
  return {
    id: task.id,
    client_agent_id: task.clientAgentId,
    provider_agent_id: task.providerAgentId,
    app_id: task.appId,
    capability: task.capability,
    price: task.priceMicro === null ? null : usdc(task.priceMicro),
    status: task.status,
    progress,
    result: result ?? null,
    error,
    metadata,
    negotiation_id: task.negotiationId ?? null,
    payment_channel_id: task.paymentChannelId ?? null,
    inserted_at: iso(task.insertedAtMs),
    started_at: task.startedAtMs === null ? null : iso(task.startedAtMs),
    finished_at: task.finishedAtMs === null ? null : iso(task.finishedAtMs),
  };
}

/** The task at the moment when its provider began, whatever has come of it since: nothing in its contents is older. */
export function startedView(task: Task, metadata: Metadata) {
  const contents = { metadata, progress: null, result: null, error: null };
  return taskView({ task: { ...task, status: 'in_progress', finishedAtMs: null }, contents });
}

export type TaskView = ReturnType<typeof taskView>;

/** A stream on the wire, as a join shows it. */
export function streamView(stream: Stream) {
  return {
    next_seq: nextSeq(stream),
    complete: stream.completion !== null,
    checksum: stream.completion?.checksum ?? null,
    total_size: stream.completion?.totalSize ?? null,
  };
}
