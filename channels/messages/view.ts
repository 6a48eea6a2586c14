import { iso } from '../kernel/iso.ts';
import type { Message } from './state.ts';

/** A message on the wire, as HTTP and `send_message` answer it. `reason` is why it was rejected. */
export const messageView = (message: Message, nowMs: number) => ({
  ...summaryView(message, nowMs),
  payload: JSON.parse(message.payloadJson ?? 'null') as unknown,
});

/** As lists have it: all but the payload. */
export function summaryView(message: Message, nowMs: number) {
  const { about, progress } = message;
  return {
    id: about.id,
    from_agent_id: about.fromAgentId,
    to_agent_id: about.toAgentId,
    type: about.type,
    protocol_version: about.protocolVersion,
    status: statusAt(message, nowMs),
    reason: progress.reason ?? null,
    inserted_at: iso(about.insertedAtMs),
  };
}

/** By the clock, also before its inbox was checked. */
export function statusAt({ about, progress: { status } }: Message, nowMs: number) {
  if (status !== 'placing' && status !== 'pending') return status;
  return nowMs >= about.expiresAtMs ? 'expired' : 'pending';
}

export type MessageView = ReturnType<typeof messageView>;

/** Payload of `new_message` for the recipient. */
export function newMessage({ about, payloadJson }: Message): NewMessage {
  return {
    id: about.id,
    type: about.type,
    payload: JSON.parse(payloadJson ?? 'null'),
    from_agent_id: about.fromAgentId,
    protocol_version: about.protocolVersion,
    inserted_at: iso(about.insertedAtMs),
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
