import { accept, type ChannelSocket, grant, type Log, later, type Nodes, reply } from '../../server/index.ts';
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
  joinParams,
  pushes,
  type Resume,
  type Stored,
  signals,
  stateRefusal,
} from './schema.ts';
import { roleOf, streamOf, streamView, type TaskState, taskView } from './state.ts';
import { type Role, readBy, type StreamName } from './stream.ts';
import type { Tasks } from './tasks.ts';

export interface TaskChannelOptions {
  readonly tasks: Tasks;
  readonly nodes: Pick<Nodes, 'onChange'>;
  readonly retentionMs: number;
  readonly log: Log;
}

interface Membership {
  readonly role: Role;
  readonly reader: StreamReader;
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

  async function store(stream: StreamName, { chunk, seq }: ChunkPayload, socket: TaskSocket) {
    const stored = await tasks.storeChunk(socket.id, { by: socket.assigns.role, stream, seq, chunk });
    if (!stored.ok) return stored;
    const { ordinal, duplicate } = stored;
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
      const completed = await tasks.completeStream(id, { by: assigns.role, stream, checksum, totalSize });
      if (!completed.ok) return completed;
      const { ordinal, duplicate } = completed;
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
      return accept({ role, reader }, await joinView(state, role));
    },

    joined(socket) {
      const { reader } = socket.assigns;
      readers.add(reader);
      socket.onEnd(() => readers.delete(reader));
      // Not awaited: a replay may take long, and the member's own events do not wait for it.
      reader.start(socket);
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
        socket.broadcastOthers('progress', { percent, ...(message !== undefined && { message }) });
        return reply({ task });
      },

      async checkpoint({ state, seq }, socket) {
        const tooLarge = stateRefusal('/state', state);
        if (tooLarge) return tooLarge;
        const by = socket.assigns.role;
        const applied = await tasks.apply(socket.id, { type: 'save_checkpoint', by, seq, state });
        if (!applied.ok) return applied;
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

// Readers put chunks into order; another socket of the agent that writes them gets them as they come.

const reads = (stream: StreamName, { assigns }: TaskSocket) => assigns.reader.stream === stream;

const storedOn = (stream: StreamName) => (stored: Stored, socket: TaskSocket) => {
  if (reads(stream, socket)) return socket.assigns.reader.chunkStored(stored);
  const { ordinal: _, ...chunk } = stored;
  socket.push(`${stream}_stream`, chunk);
};

const completedOn =
  (stream: StreamName) =>
  ({ ordinal, ...completion }: Completed, socket: TaskSocket) => {
    if (reads(stream, socket)) socket.assigns.reader.completed(ordinal, completion);
    else socket.push(`${stream}_complete`, completion);
  };

const heardOn =
  (stream: StreamName) =>
  ({ ordinal }: Heard, socket: TaskSocket) => {
    if (reads(stream, socket)) socket.assigns.reader.heardOf(ordinal);
  };
