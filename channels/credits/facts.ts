import type { FactContext } from '../kernel/aggregate.ts';
import type { Fact } from '../kernel/facts.ts';
import type { EarningsEvent } from './commands.ts';
import type { EarningsAccount } from './state.ts';

/** A payment of a session has reached its agent. */
export interface SessionPaid extends Fact {
  readonly type: 'session_paid';
  readonly payment: string;
  readonly session: string;
  readonly user: string;
  readonly agent: string;
  readonly amountMicro: string;
}

/** Facts about the earnings of an agent: a payment once, since it is earned once. */
export function earningsFacts(
  events: readonly EarningsEvent[],
  _account: EarningsAccount,
  { id: agent, nowMs: atMs }: FactContext<EarningsAccount>,
): SessionPaid[] {
  return events.flatMap((event) => {
    if (event.type !== 'earned') return [];
    const { id: payment, sessionId: session, userId: user, amountMicro } = event.payment;
    return [{ type: 'session_paid', atMs, payment, session, user, agent, amountMicro: String(amountMicro) }];
  });
}
