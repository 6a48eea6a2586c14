import Type, { type Static } from 'typebox';
import type { Refusal } from '../../server/index.ts';
import { CapabilityName, Metadata, sizeRefusal } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';
import { Amount } from '../kernel/money.ts';
import { refuseSize } from '../kernel/reasons.ts';
import { MAX_CHUNK_BYTES, MAX_SEQ } from './stream.ts';

const Seq = Type.Integer({ minimum: 0, maximum: MAX_SEQ });
const ResumeSeq = Type.Optional(Type.Union([Seq, Type.Null()]));

export const joinParams = Type.Object({
  /** What the reader has: everything up to a seq, or (false) all that it wants of what is there. */
  resume: Type.Optional(Type.Union([Type.Literal(false), Type.Object({ input: ResumeSeq, output: ResumeSeq })])),
});
export type Resume = Static<typeof joinParams>['resume'];

const chunk = Type.Object({ chunk: Type.String({ minLength: 1 }), seq: Seq });
const completion = Type.Object({
  checksum: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'the SHA-256 as 64 lower-case hex digits' }),
  total_size: Type.Integer({ minimum: 0 }),
});
const Json = Type.Unknown();

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

export type ChunkPayload = Static<typeof chunk>;
export type CompletionPayload = Static<typeof completion>;

export const TaskCreation = Type.Object({
  id: Type.Optional(Id),
  client_agent_id: Type.Optional(Id),
  provider_agent_id: Id,
  capability: Type.Optional(CapabilityName),
  price: Type.Optional(Amount),
  metadata: Type.Optional(Metadata),
});

/** Of a checkpoint's state, a result and the details of an error. */
const MAX_STATE_KIB = 192;

export const stateRefusal = (path: string, value: unknown) => sizeRefusal(path, value, MAX_STATE_KIB);

export function chunkRefusal({ chunk: text }: ChunkPayload): Refusal | undefined {
  if (text.length <= MAX_CHUNK_BYTES / 3 || Buffer.byteLength(text) <= MAX_CHUNK_BYTES) return undefined;
  return refuseSize('/chunk', MAX_CHUNK_BYTES / 1_024);
}
