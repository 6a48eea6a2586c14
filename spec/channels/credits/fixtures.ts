import type { Caps, Debit, Earn, GiveCredit, PayOut, Settle } from '../../../channels/credits/commands.ts';
import { type CreditAccount, newCreditAccount } from '../../../channels/credits/state.ts';
import { micro } from '../../../channels/kernel/money.ts';
import { NOW_MS } from '../kernel/scenario.ts';

export const credit = (id: string, amount: string, note?: string): GiveCredit => ({
  type: 'credit',
  id,
  amountMicro: micro(amount),
  ...(note !== undefined && { note }),
});

export const caps = (perPayment: string | null, perDay: string | null): Caps => ({
  maxPerPaymentMicro: perPayment === null ? null : micro(perPayment),
  maxPerDayMicro: perDay === null ? null : micro(perDay),
});

/** A payment that the user approves. */
export const debit = (id: string, amount: string, fields: Partial<Debit> = {}): Debit => ({
  type: 'debit',
  id,
  agentId: 'agent-1',
  sessionId: 'session-1',
  amountMicro: micro(amount),
  ...fields,
});

/** A payment that auto-pay approves, if the caps allow it. */
export const autoDebit = (id: string, amount: string, ...[perPayment, perDay]: Parameters<typeof caps>): Debit =>
  debit(id, amount, { autoPay: caps(perPayment, perDay) });

export const settle = (id: string): Settle => ({ type: 'settle', id });

export const earn = (id: string, amount: string): Earn => ({
  type: 'earn',
  id,
  userId: 'user-1',
  sessionId: 'session-1',
  amountMicro: micro(amount),
});

export const payOut = (id: string, amount: string, txHash?: string): PayOut => ({
  type: 'pay_out',
  id,
  amountMicro: micro(amount),
  ...(txHash !== undefined && { txHash }),
});

export const accountWith = (balance: string): CreditAccount => ({
  ...newCreditAccount(NOW_MS),
  creditedMicro: micro(balance),
  balanceMicro: micro(balance),
});
