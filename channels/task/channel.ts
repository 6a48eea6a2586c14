import { accept, type ChannelSocket, grant, type Log, later, type Nodes, reply } from '../../server/index.ts';
import type { Metadata } from '../kernel/fields.ts';
import { refuse } from '../kernel/reasons.ts';
import { type AgentSession, agentChannel } from '../principals/agent_session.ts';
import type { Ending } from './commands.ts';
import { StreamReader } from './reader.ts';
import {
  type ChunkPayload,
  type Completed,
  type CompletionPayload,
  chunkRefusal,
  events,
  type Heard,
  type JoinParams,
  joinParams,
  pushes,
  type Resume,
  type Stored,
  signals,
  stateRefusal,
} from './schema.ts';
import { contentsOf, roleOf, startedView, streamOf, streamView, type Task, type TaskState, taskView } from './state.ts';
import { type Role, readBy, type StreamName, writtenBy } from './stream.ts';
import { startedBy, type Tasks } from './tasks.ts';

export interface TaskChannelOptions {
  readonly tasks: Tasks;
  readonly nodes: Pick<Nodes, 'onChange'>;
  readonly retentionMs: number;
  readonly log: Log;
}

interface Membership {
  readonly role: Role;
  readonly reader: StreamReader;
  /** Brings the stream that the member writes, if it has asked for it. */
  readonly own?: StreamReader | undefined;
  /** Of a task whose provider, the member, has not begun yet. */
  readonly metadata?: Metadata | undefined;
}

type TaskSocket = ChannelSocket<AgentSession & Membership, typeof pushes, typeof signals>;

/** Between nodes only: something is stored under an ordinal, and its broadcast may have been lost. */
const heard = (stream: StreamName) => `${stream}_heard` as const;

/** `task:*`: two agents stream a task's input and output to each other (PROTOCOL.md, section 5.2). */
export function taskChannel({ tasks, nodes, retentionMs, log }: TaskChannelOptions) {
  const readers = new Set<StreamReader>();
  const { chunks } = tasks;

  nodes.onChange(({ left }) => {
    if (left.length === 0) return;
    // What a dead node stored last it may not have told.
    for (const reader of readers) {
      reader.look().catch((error: unknown) => log.warn({ err: error }, 'looking for missed chunks failed'));
    }
  });

  /** Before what the event itself pushes. */
  function tellStarted(started: Task | undefined, socket: TaskSocket): void {
    if (!started) return;
    socket.broadcast('task_started', { task: startedView(started, socket.assigns.metadata ?? {}) });
    socket.assign({ metadata: undefined });
  }

  async function store(stream: StreamName, { chunk, seq }: ChunkPayload, socket: TaskSocket) {
    const own = socket.assigns.own?.stream === stream ? socket.assigns.own : undefined;
    const storeChunk = () => tasks.storeChunk(socket.id, { by: socket.assigns.role, stream, seq, chunk });
    const stored = await (own ? own.sending(seq, storeChunk) : storeChunk());
    if (!stored.ok) return stored;
    const { ordinal, duplicate } = stored;
    tellStarted(stored.started, socket);
    if (duplicate) {
      socket.broadcastOthers(heard(stream), { ordinal });
      return reply({ seq, duplicate });
    }
    socket.broadcastOthers(`${stream}_stream`, { chunk, seq, ordinal });
    return reply({ seq });
  }

  const storing = (stream: StreamName) => (payload: ChunkPayload, socket: TaskSocket) =>
    chunkRefusal(payload) ?? later(store(stream, payload, socket), { leaveWaits: true });

  const completing =
    (stream: StreamName) =>
    async ({ checksum, total_size: totalSize }: CompletionPayload, socket: TaskSocket) => {
      const { id, assigns } = socket;
      const own = assigns.own?.stream === stream ? assigns.own : undefined;
      const complete = () => tasks.completeStream(id, { by: assigns.role, stream, checksum, totalSize });
      const completed = await (own ? own.sending('completion', complete) : complete());
      if (!completed.ok) return completed;
      const { ordinal, duplicate } = completed;
      tellStarted(completed.started, socket);
      if (duplicate) {
        socket.broadcastOthers(heard(stream), { ordinal });
        return reply({ duplicate });
      }
      socket.broadcastOthers(`${stream}_complete`, { checksum, total_size: totalSize, ordinal });
      return reply();
    };

  async function end(as: Ending, socket: TaskSocket) {
    const applied = await tasks.apply(socket.id, { type: 'end', by: socket.assigns.role, as, retentionMs });
    if (!applied.ok) return applied;
    const task = taskView(applied.state);
    // The end is durable; what of the rest fails is done by the task's deadline.
    await tasks.settleEnd(applied.state).catch((error: unknown) => {
      log.warn({ err: error, task: socket.id }, 'reputation not updated yet: tried again at the deadline of the task');
    });
    if (applied.events.length === 0) return reply({ task, duplicate: true });
    tellStarted(startedBy(applied), socket);
    socket.broadcast(`task_${as.status}`, { task });
    return reply({ task });
  }

  return agentChannel({
    topic: 'task:*',
    params: {
      async authorize({ id, assigns }) {
        const state = await tasks.read(id);
        if (!state) return refuse('not_found');
        const role = roleOf(state.task, assigns.agentId);
        return role ? grant({ state, role }) : refuse('unauthorized');
      },
      schema: joinParams,
    },
    events,
    pushes,
    signals,

    async join({ params, granted: { state, role } }) {
      const reader = new StreamReader(role, replaysAbove(role, params.resume), { chunks, log });
      const own = ownReader(role, params.own);
      const { status } = state.task;
      const metadata = role === 'provider' && status === 'pending' ? contentsOf(state).metadata : undefined;
      return accept({ role, reader, own, metadata }, await joinView(state, role));
    },

    joined(socket) {
      const { reader, own } = socket.assigns;
      const all = own ? [own, reader] : [reader];
      for (const each of all) readers.add(each);
      socket.onEnd(() => {
        for (const each of all) readers.delete(each);
      });
      // Not awaited: a replay may take long, and the member's own events do not wait for it.
      void startInTurn(all, socket);
    },

    on: {
      input_stream: storing('input'),
      output_stream: storing('output'),
      input_complete: completing('input'),
      output_complete: completing('output'),

      async progress({ percent, message }, socket) {
        const by = socket.assigns.role;
        const applied = await tasks.apply(socket.id, { type: 'report_progress', by, percent, message });
        if (!applied.ok) return applied;
        const task = taskView(applied.state);
        if (applied.events.length === 0) return reply({ task, duplicate: true });
        tellStarted(startedBy(applied), socket);
        socket.broadcastOthers('progress', { percent, ...(message !== undefined && { message }) });
        return reply({ task });
      },

      async checkpoint({ state, seq }, socket) {
        const tooLarge = stateRefusal('/state', state);
        if (tooLarge) return tooLarge;
        const by = socket.assigns.role;
        const applied = await tasks.apply(socket.id, { type: 'save_checkpoint', by, seq, state });
        if (!applied.ok) return applied;
        tellStarted(startedBy(applied), socket);
        const kept = applied.state.task.checkpoint?.seq ?? seq;
        const isRepeat = applied.events.length === 0 && kept === seq;
        return reply({ seq: kept, ...(isRepeat && { duplicate: true }) });
      },

      complete: async ({ result }, socket) =>
        stateRefusal('/result', result) ?? end({ status: 'completed', result }, socket),
      error: async ({ type, details }, socket) =>
        stateRefusal('/details', details) ?? end({ status: 'failed', error: { type, details } }, socket),
      cancel: ({ reason }, socket) => end({ status: 'cancelled', reason }, socket),
    },

    intercept: {
      input_stream: storedOn('input'),
      output_stream: storedOn('output'),
      input_complete: completedOn('input'),
      output_complete: completedOn('output'),
      input_heard: heardOn('input'),
      output_heard: heardOn('output'),
    },
  });

  function ownReader(role: Role, own: JoinParams['own']): StreamReader | undefined {
    if (own === undefined || own === null) return undefined;
    return new StreamReader(role, own === true ? -1 : own, { chunks, log, stream: writtenBy(role) });
  }

  async function joinView(state: TaskState, role: Role) {
    const streams = { input: streamView(streamOf(state, 'input')), output: streamView(streamOf(state, 'output')) };
    const checkpoint = state.task.checkpoint && (await chunks.checkpoint(state.task.id));
    return { task: taskView(state), role, streams, checkpoint };
  }
}

function replaysAbove(role: Role, resume: Resume): number | undefined {
  if (resume === false) return undefined;
  return resume?.[readBy(role)] ?? -1;
}

/** Each once the one before has sent what was stored. */
async function startInTurn(all: readonly StreamReader[], socket: TaskSocket): Promise<void> {
  for (const reader of all) await reader.start(socket);
}

// Readers put chunks into order; who writes a stream and did not ask for it gets those of its other sockets as they come.

const readerOf = (stream: StreamName, { assigns: { reader, own } }: TaskSocket) =>
  [reader, own].find((each) => each?.stream === stream);

const storedOn = (stream: StreamName) => (stored: Stored, socket: TaskSocket) => {
  const reader = readerOf(stream, socket);
  if (reader) return reader.chunkStored(stored);
  const { ordinal: _, ...chunk } = stored;
  socket.push(`${stream}_stream`, chunk);
};

const completedOn =
  (stream: StreamName) =>
  ({ ordinal, ...completion }: Completed, socket: TaskSocket) => {
    const reader = readerOf(stream, socket);
    if (reader) reader.completed(ordinal, completion);
    else socket.push(`${stream}_complete`, completion);
  };

const heardOn =
  (stream: StreamName) =>
  ({ ordinal }: Heard, socket: TaskSocket) =>
    readerOf(stream, socket)?.heardOf(ordinal);
