import Type, { type Static } from 'typebox';
import type { Refusal } from '../../server/index.ts';
import { CapabilityName, Metadata, nullable, sizeRefusal, Timestamp } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';
import { Amount, Usdc } from '../kernel/money.ts';
import { refuseSize } from '../kernel/reasons.ts';
import { MAX_CHUNK_BYTES, MAX_SEQ } from './stream.ts';

const Seq = Type.Integer({ minimum: 0, maximum: MAX_SEQ });
const ResumeSeq = Type.Optional(Type.Union([Seq, Type.Null()]));

export const joinParams = Type.Object({
  /** Position of the reader: it has everything up to a seq, or (false) wants no replay. */
  resume: Type.Optional(Type.Union([Type.Literal(false), Type.Object({ input: ResumeSeq, output: ResumeSeq })])),
  /** The stream that the joining role writes: all of it, or what is above a seq. */
  own: Type.Optional(Type.Union([Type.Literal(true), Seq])),
});
export type JoinParams = Static<typeof joinParams>;
export type Resume = Static<typeof joinParams>['resume'];

const chunk = Type.Object({ chunk: Type.String({ minLength: 1 }), seq: Seq });
const completion = Type.Object({
  checksum: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'the SHA-256 as 64 lower-case hex digits' }),
  total_size: Type.Integer({ minimum: 0 }),
});
const Json = Type.Unknown({ description: 'any JSON but null, which counts as absent' });

/** The client's events on `task:*` (PROTOCOL.md, section 5.2). */
export const events = {
  input_stream: chunk,
  output_stream: chunk,
  input_complete: completion,
  output_complete: completion,
  progress: Type.Object({
    percent: Type.Number({ minimum: 0, maximum: 100 }),
    message: Type.Optional(Type.String({ maxLength: 1_024 })),
  }),
  checkpoint: Type.Object({ state: Json, seq: Seq }),
  complete: Type.Object({ result: Json }),
  error: Type.Object({ type: Type.String({ minLength: 1, maxLength: 128 }), details: Json }),
  cancel: Type.Object({ reason: Type.String({ maxLength: 1_024 }) }),
};

const Progress = Type.Object({ percent: Type.Number(), message: Type.Optional(Type.String()) });

const Task = Type.Object({
  id: Id,
  client_agent_id: Id,
  provider_agent_id: Id,
  app_id: nullable(Id),
  capability: nullable(CapabilityName),
  price: nullable(Usdc),
  status: Type.Union([
    Type.Literal('pending'),
    Type.Literal('in_progress'),
    Type.Literal('completed'),
    Type.Literal('failed'),
    Type.Literal('cancelled'),
  ]),
  progress: nullable(Progress),
  result: Json,
  error: nullable(Type.Object({ type: Type.String(), details: Json })),
  metadata: Metadata,
  negotiation_id: nullable(Id),
  payment_channel_id: nullable(Id),
  inserted_at: Timestamp,
  started_at: nullable(Timestamp),
  finished_at: nullable(Timestamp),
});
const told = Type.Object({ task: Task });

/** The server's events on `task:*`. */
export const pushes = {
  input_stream: chunk,
  output_stream: chunk,
  input_complete: completion,
  output_complete: completion,
  progress: Progress,
  task_started: told,
  task_completed: told,
  task_failed: told,
  task_cancelled: told,
};

const Ordinal = Type.Integer({ minimum: 0 });
const stored = Type.Object({ ...chunk.properties, ordinal: Ordinal });
const completed = Type.Object({ ...completion.properties, ordinal: Ordinal });
const heard = Type.Object({ ordinal: Ordinal });

/**
 * Broadcasts between members: what was stored, with its place in the order; and `…_heard`, which says that something is
 * stored whose broadcast may have been lost.
 */
export const signals = {
  input_stream: stored,
  output_stream: stored,
  input_complete: completed,
  output_complete: completed,
  input_heard: heard,
  output_heard: heard,
};

export type Stored = Static<typeof stored>;
export type Completed = Static<typeof completed>;
export type Heard = Static<typeof heard>;
export type ChunkPayload = Static<typeof chunk>;
export type CompletionPayload = Static<typeof completion>;

export const TaskCreation = Type.Object({
  id: Type.Optional(Id),
  client_agent_id: Type.Optional(Id),
  provider_agent_id: Id,
  capability: Type.Optional(CapabilityName),
  price: Type.Optional(Amount),
  metadata: Type.Optional(Metadata),
  negotiation_id: Type.Optional(Id),
  payment_channel_id: Type.Optional(Id),
});

/** Largest state of a checkpoint, result, and details of an error. */
const MAX_STATE_KIB = 192;

export const stateRefusal = (path: string, value: unknown) => sizeRefusal(path, value, MAX_STATE_KIB);

export function chunkRefusal({ chunk: text }: ChunkPayload): Refusal | undefined {
  if (text.length <= MAX_CHUNK_BYTES / 3 || Buffer.byteLength(text) <= MAX_CHUNK_BYTES) return undefined;
  return refuseSize('/chunk', MAX_CHUNK_BYTES / 1_024);
}
