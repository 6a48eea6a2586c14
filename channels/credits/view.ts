import { iso } from '../kernel/iso.ts';
import { usdc } from '../kernel/money.ts';
import { spentMicro } from './spent.ts';
import {
  type Credit,
  type CreditAccount,
  type EarningsAccount,
  inFlightMicro,
  type LedgerEntry,
  type Payout,
} from './state.ts';

export const creditView = (id: string, { amountMicro, note, atMs }: Credit) => ({
  id,
  amount_usdc: usdc(amountMicro),
  ...(note !== undefined && { note }),
  at: iso(atMs),
});

export const payoutView = (id: string, { amountMicro, txHash, atMs }: Payout) => ({
  id,
  amount_usdc: usdc(amountMicro),
  ...(txHash !== undefined && { tx_hash: txHash }),
  at: iso(atMs),
});

export const balanceView = (account: CreditAccount, nowMs: number) => ({
  balance: usdc(account.balanceMicro),
  in_flight: usdc(inFlightMicro(account)),
  spent_24h_auto: usdc(spentMicro(account.autoSpent, nowMs)),
});

export const earningsView = ({ earnedMicro, paidOutMicro, balanceMicro }: EarningsAccount) => ({
  earned: usdc(earnedMicro),
  paid_out: usdc(paidOutMicro),
  balance: usdc(balanceMicro),
});

/** An item of `GET …/ledger`. */
export const ledgerView = ({ seq, kind, amountMicro, balanceMicro, atMs, ...more }: LedgerEntry) => ({
  seq,
  kind,
  amount_usdc: usdc(amountMicro),
  balance: usdc(balanceMicro),
  ...(more.sessionId !== undefined && { session_id: more.sessionId }),
  ...(more.paymentId !== undefined && { payment_id: more.paymentId }),
  ...(more.note !== undefined && { note: more.note }),
  at: iso(atMs),
});
