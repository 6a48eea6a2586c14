import { iso } from '../kernel/iso.ts';
import { usdc } from '../kernel/money.ts';
import { canPay, phaseOf, type Session } from './state.ts';

/** A session on the wire (SESSIONS.md). */
export function sessionView(session: Session) {
  const { agent, pending, closing } = session;
  return {
    id: session.id,
    user_id: session.userId,
    agent_id: agent?.id ?? null,
    agent_name: agent?.name ?? null,
    capability: session.capability,
    phase: phaseOf(session),
    can_pay: canPay(session),
    next_seq: session.entries + 1,
    pending_payment: pending && {
      request_id: pending.id,
      amount_usdc: usdc(pending.amountMicro),
      action: pending.action,
      description: pending.description,
      requested_at: iso(pending.requestedAtMs),
      expires_at: iso(pending.expiresAtMs),
    },
    inserted_at: iso(session.insertedAtMs),
    closed_at: closing ? iso(closing.atMs) : null,
    close_reason: closing?.reason ?? null,
  };
}

export type SessionView = ReturnType<typeof sessionView>;
