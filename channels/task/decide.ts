import { isDeepStrictEqual } from 'node:util';
import { type Decided, type Decision, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import { FOLLOW_UP_MS, noticesDueMs } from '../messages/follow_up.ts';
import type {
  CompleteStream,
  CreateTask,
  Ending,
  EndTask,
  ReportProgress,
  SaveCheckpoint,
  StoreChunk,
  TaskCommand,
  TaskEvent,
} from './commands.ts';
import { type Contents, contentsOf, type Duties, digestOf, isEnded, streamOf, type TaskState } from './state.ts';
import {
  emptyStream,
  isStored,
  MAX_CHUNKS,
  MAX_STREAM_BYTES,
  missing,
  nextSeq,
  type Role,
  type Stream,
  type StreamName,
  withChunk,
  writerOf,
} from './stream.ts';

/** Longer than anybody who is about to count a task can take to do so. */
const FORGET_AFTER_MS = 20_000;
/** Most missing seqs that a refusal names. */
const MAX_MISSING = 100;

type TaskDecision = Decision<TaskState, TaskEvent>;

export function decideTask(state: TaskState | undefined, command: TaskCommand, nowMs: number): TaskDecision {
  if (command.type === 'create') return create(state, command, nowMs);
  if (!state) return refuse('not_found');
  switch (command.type) {
    case 'store_chunk':
      return storeChunk(state, command, nowMs);
    case 'complete_stream':
      return completeStream(state, command, nowMs);
    case 'report_progress':
      return reportProgress(state, command, nowMs);
    case 'save_checkpoint':
      return saveCheckpoint(state, command, nowMs);
    case 'end':
      return end(state, command, nowMs);
    case 'settle_end': {
      const wasCounted = state.task.duties.countMs !== null;
      return settle(state, {
        countMs: null,
        noticesMs: null,
        ...(wasCounted && { forgetMs: nowMs + FORGET_AFTER_MS }),
      });
    }
    case 'settle_forgetting':
      return settle(state, { forgetMs: null });
    case 'drop_streams':
      return dropStreams(state, nowMs);
  }
}

/** The same request again finds what it made; an id is never free again for another one. */
function create(state: TaskState | undefined, { fields, request, notices }: CreateTask, nowMs: number): TaskDecision {
  if (state) return state.task.request === request ? unchanged(state) : refuse('conflict');
  const { metadata, ...said } = fields;
  return ok({
    state: {
      task: {
        ...said,
        request,
        status: 'pending',
        checkpoint: null,
        insertedAtMs: nowMs,
        startedAtMs: null,
        finishedAtMs: null,
        duties: { countMs: null, noticesMs: null, forgetMs: null, dropMs: null },
      },
      contents: { metadata, progress: null, result: null, error: null, notices },
      conversationIds: [],
      input: emptyStream,
      output: emptyStream,
    },
    events: [{ type: 'created' }],
  });
}

/**
 * Chunks come in any order and never change. Nothing happens if the seq is taken: whether by the same chunk is to be seen in
 * the store.
 */
function storeChunk(state: TaskState, { by, stream: name, seq, chunk }: StoreChunk, nowMs: number): TaskDecision {
  if (by !== writerOf(name)) return refuse('forbidden', { role: writerOf(name) });
  const stream = streamOf(state, name);
  if (stream.droppedAtSeq === null && isStored(stream, seq)) return unchanged(state);
  if (isEnded(state.task)) return closed(state);
  const bytes = Buffer.byteLength(chunk);
  if (stream.count >= MAX_CHUNKS || stream.bytes + bytes > MAX_STREAM_BYTES) return refuse('stream_too_large');
  if (stream.completion) return refuse('stream_closed');
  const ordinal = stream.count;
  return started(state, by, nowMs, {
    state: { ...state, [name]: withChunk(stream, seq, bytes) },
    events: [{ type: 'chunk_stored', stream: name, seq, ordinal, bytes }],
    entries: [
      { stream: name, position: seq, value: chunkEntry(ordinal, chunk) },
      { stream: orderStream(name), position: ordinal, value: String(seq) },
    ],
  });
}

/** True if a stream was completed by this very command. */
export const isCompletedAs = (
  { completion }: Stream,
  { checksum, totalSize }: Pick<CompleteStream, 'checksum' | 'totalSize'>,
) => isDeepStrictEqual(completion, { checksum, totalSize });

/** Nothing happens while all else is right, but what is stored by now was not summed up. */
function completeStream(state: TaskState, command: CompleteStream, nowMs: number): TaskDecision {
  const { by, stream: name, checksum, totalSize, found } = command;
  if (by !== writerOf(name)) return refuse('forbidden', { role: writerOf(name) });
  const stream = streamOf(state, name);
  if (isCompletedAs(stream, command)) return unchanged(state);
  if (isEnded(state.task)) return closed(state);
  if (stream.completion) return refuse('stream_closed');
  const lacking = missing(stream, MAX_MISSING);
  if (lacking.count > 0) return refuse('missing_chunks', lacking);
  if (totalSize !== stream.bytes) return refuse('size_mismatch', { total_size: stream.bytes });
  if (found?.count !== stream.count) return unchanged(state);
  if (found.checksum !== checksum) return refuse('checksum_mismatch');
  return started(state, by, nowMs, {
    state: { ...state, [name]: { ...stream, completion: { checksum, totalSize } } },
    events: [{ type: 'stream_completed', stream: name, ordinal: stream.count, checksum, totalSize }],
  });
}

function reportProgress(state: TaskState, { by, percent, message }: ReportProgress, nowMs: number): TaskDecision {
  if (by !== 'provider') return refuse('forbidden', { role: 'provider' });
  const contents = contentsOf(state);
  const progress = { percent, ...(message !== undefined && { message }) };
  if (isDeepStrictEqual(contents.progress, progress)) return unchanged(state);
  if (isEnded(state.task)) return closed(state);
  return started(state, by, nowMs, {
    state: { ...state, contents: { ...contents, progress } },
    events: [{ type: 'progressed', percent, message }],
  });
}

/** The highest seq wins; one that comes late changes nothing. */
function saveCheckpoint(state: TaskState, { by, seq, state: saved }: SaveCheckpoint, nowMs: number): TaskDecision {
  if (by !== 'provider') return refuse('forbidden', { role: 'provider' });
  const { task } = state;
  const digest = digestOf(saved);
  if (task.checkpoint?.seq === seq && task.checkpoint.digest === digest) return unchanged(state);
  if (isEnded(task)) return closed(state);
  if (task.checkpoint?.seq === seq) return refuse('seq_conflict');
  if (task.checkpoint && task.checkpoint.seq > seq) return unchanged(state);
  return started(state, by, nowMs, {
    state: { ...state, task: { ...task, checkpoint: { seq, digest } } },
    events: [{ type: 'checkpointed', seq }],
    entries: [{ stream: CHECKPOINT_STREAM, position: 0, value: JSON.stringify({ seq, state: saved }) }],
  });
}

function end(state: TaskState, { by, as, retentionMs }: EndTask, nowMs: number): TaskDecision {
  if (as.status !== 'cancelled' && by !== 'provider') return refuse('forbidden', { role: 'provider' });
  const { task } = state;
  const before = contentsOf(state);
  const contents = { ...before, ...outcome(as, by) };
  if (task.status === as.status && isDeepStrictEqual(before, contents)) return unchanged(state);
  if (isEnded(task)) return closed(state);
  const { status } = as;
  const duties: Duties = {
    ...task.duties,
    countMs: status === 'cancelled' ? null : nowMs + FOLLOW_UP_MS,
    noticesMs: noticesDueMs(contents.notices, nowMs),
    dropMs: nowMs + retentionMs,
  };
  const startedAtMs = task.startedAtMs ?? (status === 'cancelled' ? null : nowMs);
  const starts = startedAtMs !== null && task.status === 'pending';
  return ok({
    state: { ...state, task: { ...task, status, startedAtMs, finishedAtMs: nowMs, duties }, contents },
    events: [...(starts ? [{ type: 'started' } as const] : []), { type: status, by }],
  });
}

/** A cancellation's reason is kept where a failure's is. */
function outcome(as: Ending, by: Role): Partial<Contents> {
  switch (as.status) {
    case 'completed':
      return { result: as.result };
    case 'failed':
      return { error: as.error };
    case 'cancelled':
      return { error: { type: 'cancelled', details: { reason: as.reason, by } } };
  }
}

function settle(state: TaskState, settled: Partial<Duties>): TaskDecision {
  const { task } = state;
  const isDue = (duty: keyof Duties) => typeof task.duties[duty] === 'number';
  if (!(Object.keys(settled) as (keyof Duties)[]).some(isDue)) return unchanged(state);
  return ok({
    state: { ...state, task: { ...task, duties: { ...task.duties, ...settled } } },
    events: [{ type: 'settled' }],
  });
}

/** The streams of a conversation's log and of the order of its messages. */
export const messageStreams = (conversationId: string) => [`talk:${conversationId}`, `talk_order:${conversationId}`];

/** Keeps what joins show of the streams; drops the chunks and their seqs. */
function dropStreams(state: TaskState, nowMs: number): TaskDecision {
  const { task } = state;
  if (task.duties.dropMs === null || task.duties.dropMs > nowMs) return unchanged(state);
  const emptied = (stream: Stream): Stream => ({ ...stream, droppedAtSeq: nextSeq(stream), pages: new Map() });
  return ok({
    state: {
      ...state,
      task: { ...task, checkpoint: null, duties: { ...task.duties, dropMs: null } },
      input: emptied(streamOf(state, 'input')),
      output: emptied(streamOf(state, 'output')),
    },
    events: [{ type: 'streams_dropped' }],
    dropStreams: [
      ...['input', 'output', orderStream('input'), orderStream('output'), CHECKPOINT_STREAM],
      ...state.conversationIds.flatMap(messageStreams),
    ],
  });
}

/** Whatever a provider does starts a pending task. */
function started(
  before: TaskState,
  by: Role,
  nowMs: number,
  { state, events, ...rest }: Omit<Decided<TaskState, TaskEvent>, 'ok'>,
): TaskDecision {
  if (by !== 'provider' || before.task.status !== 'pending') return ok({ state, events, ...rest });
  const task = { ...state.task, status: 'in_progress', startedAtMs: nowMs } as const;
  return ok({ state: { ...state, task }, events: [{ type: 'started' }, ...events], ...rest });
}

const unchanged = (state: TaskState): TaskDecision => ok({ state, events: [] });
const closed = ({ task }: TaskState) => refuse('task_closed', { status: task.status });

/** The store's stream for what the seq of each ordinal is. */
export const orderStream = (name: StreamName) => `${name}.order`;
export const CHECKPOINT_STREAM = 'checkpoint';

/** A chunk as it is stored at its seq. */
export const chunkEntry = (ordinal: number, chunk: string) => `${ordinal}:${chunk}`;
