import Type, { type Static } from 'typebox';
import { Id } from '../ids.ts';

/** What `POST /api/messages` and `send_message` take. */
export const SendRequest = Type.Object({
  id: Type.Optional(Id),
  to_agent_id: Id,
  type: Type.String({ minLength: 1, maxLength: 256 }),
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

export const PAYLOAD_KIB = 64;
