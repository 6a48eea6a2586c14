import Type, { type Static } from 'typebox';
import type { Refusal } from '../../server/index.ts';
import { CapabilityName, nullable, sizeRefusal, Timestamp } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';
import { Amount, PositiveAmount, Usdc } from '../kernel/money.ts';
import { refuseSize } from '../kernel/reasons.ts';
import { MAX_CONTENT_BYTES, MAX_ENTRIES } from './entries.ts';
import { PHASES } from './state.ts';

const Seq = Type.Integer({ minimum: 0, maximum: 2 * MAX_ENTRIES });
const Text = Type.String({ maxLength: 1_024 });
const ExecutionId = Type.String({ minLength: 1, maxLength: 64 });
const CallId = Type.String({ minLength: 1, maxLength: 128 });
const ToolName = Type.String({ minLength: 1, maxLength: 128 });
const Reason = Type.String({ minLength: 1, maxLength: 256 });

export const joinParams = Type.Object({
  /** The agent has everything up to this seq, or (false) wants no replay. */
  resume: Type.Optional(Type.Union([Type.Literal(false), Type.Integer({ minimum: 0 })])),
});
export type Resume = Static<typeof joinParams>['resume'];

/** The agent's events on `session:*` (SESSIONS.md). */
export const events = {
  agent_message: Type.Object({
    content: Type.String({ minLength: 1 }),
    execution_id: Type.Optional(ExecutionId),
    final: Type.Optional(Type.Boolean()),
    id: Type.Optional(Id),
  }),
  thinking: Type.Object({ message: Type.Optional(Text), execution_id: Type.Optional(ExecutionId) }),
  tool_call: Type.Object({
    tool_name: ToolName,
    description: Type.Optional(Text),
    arguments: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    call_id: Type.Optional(CallId),
    execution_id: Type.Optional(ExecutionId),
  }),
  tool_result: Type.Object({
    tool_name: ToolName,
    result: Type.Optional(Type.Unknown()),
    call_id: Type.Optional(CallId),
    execution_id: Type.Optional(ExecutionId),
  }),
  request_payment: Type.Object({
    id: Type.Optional(Id),
    amount_usdc: PositiveAmount,
    action: CapabilityName,
    description: Type.String({ minLength: 1, maxLength: 1_024 }),
  }),
  close_session: Type.Object({ reason: Reason }),
};
export type AgentMessagePayload = Static<typeof events.agent_message>;
export type ToolCallPayload = Static<typeof events.tool_call>;
export type ToolResultPayload = Static<typeof events.tool_result>;
export type RequestPaymentPayload = Static<typeof events.request_payment>;

/** The server's events on `session:*`. */
export const pushes = {
  user_message: Type.Object({
    seq: Seq,
    id: Type.Optional(Id),
    execution_id: Type.String(),
    content: Type.String(),
    at: Timestamp,
  }),
  payment_response: Type.Object({
    seq: Seq,
    request_id: Id,
    approved: Type.Boolean(),
    reason: Type.Optional(
      Type.Union([
        Type.Literal('declined'),
        Type.Literal('expired'),
        Type.Literal('insufficient_credits'),
        Type.Literal('session_closed'),
      ]),
    ),
  }),
  user_presence: Type.Object({ connected: Type.Boolean() }),
  session_closed: Type.Object({ seq: Seq, reason: Type.String(), by: Type.String() }),
};

const Session = Type.Object({
  id: Id,
  user_id: nullable(Id),
  agent_id: nullable(Id),
  agent_name: nullable(Type.String()),
  capability: nullable(CapabilityName),
  phase: Type.Union(PHASES.map((phase) => Type.Literal(phase))),
  can_pay: Type.Boolean(),
  next_seq: Type.Integer(),
  pending_payment: nullable(
    Type.Object({
      request_id: Id,
      amount_usdc: Usdc,
      action: Type.String(),
      description: Type.String(),
      requested_at: Timestamp,
      expires_at: Timestamp,
    }),
  ),
  inserted_at: Timestamp,
  closed_at: nullable(Timestamp),
  close_reason: nullable(Type.String()),
});

/** The server's events on `agent:*` (PROTOCOL.md, section 5.7). */
export const agentPushes = { session_assigned: Type.Object({ session: Session }) };

/** `POST /api/sessions` */
export const SessionRequest = Type.Object({
  id: Type.Optional(Id),
  agent_id: Type.Optional(Id),
  capability: Type.Optional(CapabilityName),
  auto_pay: Type.Optional(Type.Object({ max_per_payment: Type.Optional(Amount), max_per_day: Type.Optional(Amount) })),
});
export type SessionRequest = Static<typeof SessionRequest>;

const MAX_ARGUMENTS_KIB = 64;
const MAX_RESULT_KIB = 192;

/** Refuses a message that is too long. */
export function contentRefusal(content: string): Refusal | undefined {
  return Buffer.byteLength(content) > MAX_CONTENT_BYTES ? refuseSize('/content', MAX_CONTENT_BYTES / 1_024) : undefined;
}

export const argumentsRefusal = (value: unknown) => sizeRefusal('/arguments', value, MAX_ARGUMENTS_KIB);
export const resultRefusal = (value: unknown) => sizeRefusal('/result', value, MAX_RESULT_KIB);
