import type { Message } from './message.ts';

/** A message on the wire, as HTTP and `send_message` answer it. `reason` is why it was rejected. */
export function messageView({ about, payloadJson, progress }: Message, nowMs: number) {
  const { status, reason = null } = progress;
  const isOpen = status === 'placing' || status === 'pending';
  const openStatus = nowMs >= about.expiresAtMs ? 'expired' : 'pending';
  return {
    id: about.id,
    from_agent_id: about.fromAgentId,
    to_agent_id: about.toAgentId,
    type: about.type,
    payload: JSON.parse(payloadJson ?? 'null') as unknown,
    protocol_version: about.protocolVersion,
    status: isOpen ? openStatus : status,
    reason,
    inserted_at: new Date(about.insertedAtMs).toISOString(),
  };
}

export type MessageView = ReturnType<typeof messageView>;

/** What its recipient gets as `new_message`. */
export function newMessage({ about, payloadJson }: Message): NewMessage {
  return {
    id: about.id,
    type: about.type,
    payload: JSON.parse(payloadJson ?? 'null'),
    from_agent_id: about.fromAgentId,
    protocol_version: about.protocolVersion,
    inserted_at: new Date(about.insertedAtMs).toISOString(),
  };
}

export interface NewMessage {
  readonly id: string;
  readonly type: string;
  readonly payload: unknown;
  readonly from_agent_id: string | null;
  readonly protocol_version: string;
  readonly inserted_at: string;
}
