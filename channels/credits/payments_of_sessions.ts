import type { Caps } from './commands.ts';
import type { CreditAccounts } from './credit_accounts.ts';
import { approverOf } from './decide.ts';
import type { EarningsAccounts } from './earnings_accounts.ts';
import type { InFlight, PaymentRefusal } from './state.ts';

/** A payment of a session that its user, or auto-pay, approves. */
export interface SessionPayment {
  /** Unique, chosen when the request was stored. */
  readonly id: string;
  readonly userId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly amountMicro: bigint;
  /**
   * Set: judged by the caps of auto-pay in one step with the debit; a cap that is `null` does not limit. Left out: the
   * user has approved it.
   */
  readonly autoPay?: Caps;
}

export type PaymentOutcome = 'booked' | PaymentRefusal;

export interface Credits {
  /**
   * Books a payment on both sides. Resolves when both bookings are durable, or with why nothing moved and never will
   * under this id and approver: after auto-pay was refused, the user may still approve. The same again, from any node,
   * comes to the same outcome and books nothing.
   *
   * @throws StoreUnavailable the outcome is unknown: call again
   */
  pay(payment: SessionPayment): Promise<PaymentOutcome>;
}

/**
 * Books payments in three commits: debit at the user's account, where the payment is in flight from then on; credit at the
 * agent's; end of the flight at the user's. Each of them does nothing the second time, so any node may go on where
 * another one died, and both may do so at once.
 */
export class PaymentsOfSessions implements Credits {
  readonly #users: CreditAccounts;
  readonly #agents: EarningsAccounts;

  constructor(users: CreditAccounts, agents: EarningsAccounts) {
    this.#users = users;
    this.#agents = agents;
  }

  async pay({ userId, ...payment }: SessionPayment): Promise<PaymentOutcome> {
    const debited = await this.#users.apply(userId, { type: 'debit', ...payment });
    if (!debited.ok) throw new Error(`payment ${payment.id}: refused as ${debited.reason}`);
    const { inFlight, payments } = debited.state;
    const record = payments.get(payment.id);
    if (!record) throw new Error(`payment ${payment.id}: decided and not recorded`);
    const refusal = record.refused[approverOf(payment)];
    if (refusal) return refusal;
    if (record.bookedBy === null) throw new Error(`payment ${payment.id}: neither booked nor refused`);
    const flying = inFlight.find(({ id }) => id === payment.id);
    if (flying) await this.#finish(userId, flying);
    return 'booked';
  }

  /** Finishes what is in flight from an account: what its deadline is for. Ends when nothing of it is under way any more. */
  async finishAll(userId: string): Promise<void> {
    const account = await this.#users.read(userId);
    const payments = account?.inFlight ?? [];
    const finished = await Promise.allSettled(payments.map((payment) => this.#finish(userId, payment)));
    for (const one of finished) if (one.status === 'rejected') throw one.reason;
  }

  async #finish(userId: string, { id, agentId, sessionId, amountMicro }: InFlight): Promise<void> {
    await this.#agents.apply(agentId, { type: 'earn', id, userId, sessionId, amountMicro });
    await this.#users.apply(userId, { type: 'settle', id });
  }
}
