import Type, { type Static } from 'typebox';
import { nullable, Timestamp } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';

/** Prefix of the types of the server's own messages (notifications.ts). */
const OWN_TYPES = 'aerie.';

const ClientType = Type.Refine(
  Type.String({ minLength: 1, maxLength: 256 }),
  (type) => !type.startsWith(OWN_TYPES),
  () => `must not begin with "${OWN_TYPES}": only the server sends such messages`,
);

/** Payload of `POST /api/messages` and `send_message`. */
export const SendRequest = Type.Object({
  id: Type.Optional(Id),
  to_agent_id: Id,
  type: ClientType,
  payload: Type.Unknown(),
  protocol_version: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
});
export type SendRequest = Static<typeof SendRequest>;

/** The client's events on `messages:{agent_id}` (PROTOCOL.md, section 5.6). */
export const events = {
  acknowledge: Type.Object({ message_id: Type.String() }),
  reject: Type.Object({ message_id: Type.String(), reason: Type.String({ maxLength: 1_024 }) }),
  send_message: SendRequest,
};

const NewMessage = Type.Object({
  id: Id,
  type: Type.String(),
  payload: Type.Unknown(),
  from_agent_id: nullable(Id),
  protocol_version: Type.String(),
  inserted_at: Timestamp,
});

/** The server's events on `messages:{agent_id}`. */
export const pushes = {
  new_message: NewMessage,
  message_acknowledged: Type.Object({ message_id: Id, by: Id }),
  message_rejected: Type.Object({ message_id: Id, by: Id, reason: Type.String() }),
};

/** Broadcasts between nodes on an inbox's topic; no client gets these. */
export const signals = {
  message_placed: Type.Object({ ordinal: Type.Integer(), message: NewMessage }),
  message_settled: Type.Object({ id: Id }),
};

export const PAYLOAD_KIB = 64;
