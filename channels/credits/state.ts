import type { Spent } from './spent.ts';

/** An entry of a ledger; it never changes. */
export interface LedgerEntry {
  /** 1, 2, 3 …, without gaps. */
  readonly seq: number;
  readonly kind: 'credit' | 'payment' | 'payout';
  /** Above 0: the kind says whether it came or went. */
  readonly amountMicro: bigint;
  /** The balance that it left. */
  readonly balanceMicro: bigint;
  readonly sessionId?: string;
  readonly paymentId?: string;
  readonly note?: string;
  readonly atMs: number;
}

/** Who approves a payment. */
export type Approver = 'user' | 'auto_pay';

export type PaymentRefusal = 'insufficient_credits' | 'over_cap';

/** A payment as both sides book it. */
export interface PaymentTerms {
  readonly agentId: string;
  readonly sessionId: string;
  readonly amountMicro: bigint;
}

/** Fate of a payment id in the account of its user. A refusal is final for its approver, a booking for all. */
export interface PaymentRecord extends PaymentTerms {
  readonly bookedBy: Approver | null;
  readonly refused: { readonly [A in Approver]?: PaymentRefusal };
}

/** A payment that is debited and not known to be credited. */
export interface InFlight extends PaymentTerms {
  readonly id: string;
  readonly debitedAtMs: number;
}

/** A credit that the operator has given. */
export interface Credit {
  readonly amountMicro: bigint;
  readonly note?: string;
  readonly atMs: number;
}

/** A user's account: what it has, has paid, and is about to pay. */
export interface CreditAccount {
  readonly insertedAtMs: number;
  /** All that was ever credited. */
  readonly creditedMicro: bigint;
  readonly balanceMicro: bigint;
  /** All that has reached agents. */
  readonly paidMicro: bigint;
  readonly inFlight: readonly InFlight[];
  /** Of the next entry of the ledger. */
  readonly nextSeq: number;
  readonly autoSpent: readonly Spent[];
  /** By id; of many only those that were read. */
  readonly credits: ReadonlyMap<string, Credit>;
  readonly payments: ReadonlyMap<string, PaymentRecord>;
}

export interface Payout {
  readonly amountMicro: bigint;
  readonly txHash?: string;
  readonly atMs: number;
}

/** A payment that has reached its agent. */
export interface Earned {
  readonly userId: string;
  readonly sessionId: string;
  readonly amountMicro: bigint;
}

/** An agent's account: what it has earned in sessions, and what of it was paid out. */
export interface EarningsAccount {
  readonly insertedAtMs: number;
  readonly earnedMicro: bigint;
  readonly paidOutMicro: bigint;
  readonly balanceMicro: bigint;
  readonly nextSeq: number;
  /** By id; of many only those that were read. */
  readonly payments: ReadonlyMap<string, Earned>;
  readonly payouts: ReadonlyMap<string, Payout>;
}

export const newCreditAccount = (nowMs: number): CreditAccount => ({
  insertedAtMs: nowMs,
  creditedMicro: 0n,
  balanceMicro: 0n,
  paidMicro: 0n,
  inFlight: [],
  nextSeq: 1,
  autoSpent: [],
  credits: new Map(),
  payments: new Map(),
});

export const newEarningsAccount = (nowMs: number): EarningsAccount => ({
  insertedAtMs: nowMs,
  earnedMicro: 0n,
  paidOutMicro: 0n,
  balanceMicro: 0n,
  nextSeq: 1,
  payments: new Map(),
  payouts: new Map(),
});

export const inFlightMicro = ({ inFlight }: Pick<CreditAccount, 'inFlight'>) =>
  inFlight.reduce((sum, { amountMicro }) => sum + amountMicro, 0n);
