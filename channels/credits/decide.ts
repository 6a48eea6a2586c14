import { type Decided, type Decision, ok } from '../kernel/aggregate.ts';
import { MAX_AMOUNT_MICRO, usdc } from '../kernel/money.ts';
import { refuse } from '../kernel/reasons.ts';
import type {
  CreditCommand,
  CreditEvent,
  Debit,
  Earn,
  EarningsCommand,
  EarningsEvent,
  GiveCredit,
  PayOut,
} from './commands.ts';
import { ledgerChange } from './ledger.ts';
import { addSpent, spentMicro } from './spent.ts';
import {
  type Approver,
  type CreditAccount,
  type EarningsAccount,
  newCreditAccount,
  newEarningsAccount,
  type PaymentRecord,
  type PaymentRefusal,
  type PaymentTerms,
} from './state.ts';

type CreditDecision = Decision<CreditAccount, CreditEvent>;
type EarningsDecision = Decision<EarningsAccount, EarningsEvent>;

/** A command that was taken before comes out as yes with no events. An account begins with its first booking. */
export function decideCredits(
  before: CreditAccount | undefined,
  command: CreditCommand,
  nowMs: number,
): CreditDecision {
  switch (command.type) {
    case 'credit':
      return credit(before, command, nowMs);
    case 'debit':
      return debit(before, command, nowMs);
    case 'settle':
      return settle(before, command.id);
  }
}

function credit(
  before: CreditAccount | undefined,
  { id, amountMicro, note }: GiveCredit,
  nowMs: number,
): CreditDecision {
  assertPositive(id, amountMicro);
  const known = before?.credits.get(id);
  if (before && known) {
    const isRepeat = known.amountMicro === amountMicro && known.note === note;
    return isRepeat ? unchanged(before) : refuse('conflict');
  }
  const account = before ?? newCreditAccount(nowMs);
  const balanceMicro = account.balanceMicro + amountMicro;
  if (balanceMicro > MAX_AMOUNT_MICRO) return refuse('balance_limit', { balance: usdc(account.balanceMicro) });
  const given = { amountMicro, ...(note !== undefined && { note }), atMs: nowMs };
  return ok({
    state: {
      ...account,
      creditedMicro: account.creditedMicro + amountMicro,
      balanceMicro,
      nextSeq: account.nextSeq + 1,
      credits: withEntry(account.credits, id, given),
    },
    events: [{ type: 'credited', id, credit: given }],
    entries: [ledgerChange({ ...given, seq: account.nextSeq, kind: 'credit', balanceMicro })],
  });
}

/** The approver under whom a debit is judged and remembered. */
export const approverOf = ({ autoPay }: Pick<Debit, 'autoPay'>): Approver => (autoPay ? 'auto_pay' : 'user');

/**
 * Judges and debits in one step, and records what came out, a refusal too: whoever brings the same payment again, on
 * whichever node, gets the same answer, also if there would be room for it by then.
 */
function debit(before: CreditAccount | undefined, command: Debit, nowMs: number): CreditDecision {
  const { id, agentId, sessionId, amountMicro, autoPay } = command;
  assertPositive(id, amountMicro);
  const by = approverOf(command);
  const known = before?.payments.get(id);
  if (before && known) {
    assertSame(id, known, command);
    if (known.bookedBy !== null || known.refused[by] !== undefined) return unchanged(before);
  }
  const account = before ?? newCreditAccount(nowMs);
  const terms = { agentId, sessionId, amountMicro };
  const record = known ?? { ...terms, bookedBy: null, refused: {} };
  const reason = refusalOf(account, command, nowMs);
  if (reason) {
    const refused = { ...record, refused: { ...record.refused, [by]: reason } };
    return ok({
      state: { ...account, payments: withEntry(account.payments, id, refused) },
      events: [{ type: 'payment_refused', id, by, reason }],
    });
  }
  const payment = { ...terms, id, debitedAtMs: nowMs };
  const balanceMicro = account.balanceMicro - amountMicro;
  return ok({
    state: {
      ...account,
      balanceMicro,
      inFlight: [...account.inFlight, payment],
      nextSeq: account.nextSeq + 1,
      ...(autoPay && { autoSpent: addSpent(account.autoSpent, amountMicro, nowMs) }),
      payments: withEntry(account.payments, id, { ...record, bookedBy: by }),
    },
    events: [{ type: 'debited', payment, by }],
    entries: [
      ledgerChange({
        seq: account.nextSeq,
        kind: 'payment',
        amountMicro,
        balanceMicro,
        sessionId,
        paymentId: id,
        atMs: nowMs,
      }),
    ],
  });
}

function refusalOf(account: CreditAccount, { amountMicro, autoPay }: Debit, nowMs: number): PaymentRefusal | undefined {
  if (autoPay) {
    const { maxPerPaymentMicro, maxPerDayMicro } = autoPay;
    if (maxPerPaymentMicro !== null && amountMicro > maxPerPaymentMicro) return 'over_cap';
    const dayMicro = amountMicro + spentMicro(account.autoSpent, nowMs);
    if (maxPerDayMicro !== null && dayMicro > maxPerDayMicro) return 'over_cap';
  }
  return amountMicro > account.balanceMicro ? 'insufficient_credits' : undefined;
}

function settle(before: CreditAccount | undefined, id: string): CreditDecision {
  const payment = before?.inFlight.find((one) => one.id === id);
  if (before && payment) {
    return ok({
      state: {
        ...before,
        paidMicro: before.paidMicro + payment.amountMicro,
        inFlight: before.inFlight.filter((one) => one !== payment),
      },
      events: [{ type: 'settled', payment }],
    });
  }
  if (!before?.payments.get(id)?.bookedBy) throw new Error(`payment ${id}: to be settled and not debited`);
  return unchanged(before);
}

export function decideEarnings(
  before: EarningsAccount | undefined,
  command: EarningsCommand,
  nowMs: number,
): EarningsDecision {
  return command.type === 'earn' ? earn(before, command, nowMs) : payOut(before, command, nowMs);
}

function earn(before: EarningsAccount | undefined, payment: Earn, nowMs: number): EarningsDecision {
  const { id, userId, sessionId, amountMicro } = payment;
  assertPositive(id, amountMicro);
  const known = before?.payments.get(id);
  if (before && known) {
    if (known.userId !== userId || known.sessionId !== sessionId || known.amountMicro !== amountMicro) {
      throw otherPayment(id);
    }
    return unchanged(before);
  }
  const account = before ?? newEarningsAccount(nowMs);
  const balanceMicro = account.balanceMicro + amountMicro;
  return ok({
    state: {
      ...account,
      earnedMicro: account.earnedMicro + amountMicro,
      balanceMicro,
      nextSeq: account.nextSeq + 1,
      payments: withEntry(account.payments, id, { userId, sessionId, amountMicro }),
    },
    events: [{ type: 'earned', payment }],
    entries: [
      ledgerChange({
        seq: account.nextSeq,
        kind: 'payment',
        amountMicro,
        balanceMicro,
        sessionId,
        paymentId: id,
        atMs: nowMs,
      }),
    ],
  });
}

function payOut(
  before: EarningsAccount | undefined,
  { id, amountMicro, txHash }: PayOut,
  nowMs: number,
): EarningsDecision {
  assertPositive(id, amountMicro);
  const known = before?.payouts.get(id);
  if (before && known) {
    const isRepeat = known.amountMicro === amountMicro && known.txHash === txHash;
    return isRepeat ? unchanged(before) : refuse('conflict');
  }
  if (!before || amountMicro > before.balanceMicro) {
    return refuse('insufficient_balance', { balance: usdc(before?.balanceMicro ?? 0n) });
  }
  const balanceMicro = before.balanceMicro - amountMicro;
  const payout = { amountMicro, ...(txHash !== undefined && { txHash }), atMs: nowMs };
  return ok({
    state: {
      ...before,
      paidOutMicro: before.paidOutMicro + amountMicro,
      balanceMicro,
      nextSeq: before.nextSeq + 1,
      payouts: withEntry(before.payouts, id, payout),
    },
    events: [{ type: 'paid_out', id, payout }],
    entries: [ledgerChange({ seq: before.nextSeq, kind: 'payout', amountMicro, balanceMicro, atMs: nowMs })],
  });
}

const unchanged = <S>(state: S): Decided<S, never> => ok({ state, events: [] });

const withEntry = <V>(map: ReadonlyMap<string, V>, id: string, value: V): ReadonlyMap<string, V> =>
  new Map([...map, [id, value]]);

function assertPositive(id: string, amountMicro: bigint): void {
  if (amountMicro <= 0n) throw new RangeError(`${id}: expected an amount above 0, got ${usdc(amountMicro)}`);
}

function assertSame(id: string, known: PaymentRecord, terms: PaymentTerms): void {
  const isSame =
    known.agentId === terms.agentId && known.sessionId === terms.sessionId && known.amountMicro === terms.amountMicro;
  if (!isSame) throw otherPayment(id);
}

/** A fault of ours: ids of payments are made once, for one request. */
const otherPayment = (id: string) => new Error(`payment ${id}: comes again with other fields`);
