import Type, { type Static } from 'typebox';
import { nullable, Timestamp } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';
import { ROLES, type Role, VOTES } from './state.ts';

const oneOf = <const T extends readonly string[]>(values: T) =>
  Type.Union(values.map((value) => Type.Literal(value as T[number])));

const Share = Type.Number({ minimum: 0, maximum: 1, description: 'a number from 0 to 1' });

/** The client's events on `coordination:{id}` (VISUALISATION.md). */
export const events = {
  vote: Type.Object({ vote: oneOf(VOTES) }),
  progress: Type.Object({ progress: Share }),
  end: Type.Object({ status: oneOf(['COMPLETED', 'FAILED']) }),
  cancel: Type.Object({ reason: Type.String({ maxLength: 1_024 }) }),
};

const Pattern = Type.String({
  pattern: '^[A-Z][A-Z0-9_-]{0,63}$',
  description: 'a name of 1 to 64 of A-Z 0-9 _ -, the first a letter',
});

const threshold = { exclusiveMinimum: 0, maximum: 1, description: 'a number above 0, at most 1' };
const timeout = {
  minimum: 1_000,
  maximum: 86_400_000,
  description: 'a whole number of milliseconds from 1000 to 86400000',
};

/** Payload of `POST /api/coordinations` and `coordination.initiate`. */
export const CoordinationRequest = Type.Object({
  id: Type.Optional(Id),
  pattern: Pattern,
  /** An agent; `{id}` as the events have it is taken as well. */
  initiator: Type.Optional(Type.Union([Id, Type.Object({ id: Id })])),
  participants: Type.Array(Type.Object({ id: Id, role: Type.Optional(oneOf(ROLES)) }), {
    minItems: 1,
    maxItems: 100,
  }),
  parameters: Type.Object({
    consensusThreshold: Type.Optional(Type.Number(threshold)),
    timeout: Type.Optional(Type.Integer(timeout)),
    proposal: Type.Unknown(),
  }),
});
export type CoordinationRequest = Static<typeof CoordinationRequest>;

export const PROPOSAL_KIB = 16;
export const DEFAULT_ROLE: Role = 'voter';
export const DEFAULT_THRESHOLD = 0.66;
export const DEFAULT_TIMEOUT_MS = 30_000;

const initiated = {
  coordinationId: Id,
  pattern: Pattern,
  initiator: Type.Object({ id: Id }),
  participants: Type.Array(Type.Object({ id: Id, role: oneOf(ROLES) })),
  parameters: Type.Object({ consensusThreshold: Type.Number(), timeout: Type.Integer(), proposal: Type.Unknown() }),
};

const progress = {
  coordinationId: Id,
  pattern: Pattern,
  progress: Share,
  status: oneOf(['VOTING', 'RUNNING', 'APPROVED', 'REJECTED', 'TIMED_OUT', 'COMPLETED', 'FAILED', 'CANCELLED']),
  votes: Type.Record(
    Type.String(),
    Type.Object({ vote: oneOf([...VOTES, 'pending']), timestamp: Type.Optional(Timestamp) }),
  ),
  estimatedCompletion: Timestamp,
};

const end = { endedAt: nullable(Timestamp), approved: Type.Integer(), eligible: Type.Integer() };

/** The server's events on `coordination:{id}`. */
export const pushes = {
  'coordination.initiated': Type.Object(initiated),
  'coordination.progress': Type.Object(progress),
  'coordination.ended': Type.Object({ ...progress, ...end, endedAt: Timestamp }),
};
