import type { Approver, Credit, InFlight, PaymentRefusal, PaymentTerms, Payout } from './state.ts';

export interface GiveCredit {
  readonly type: 'credit';
  readonly id: string;
  readonly amountMicro: bigint;
  readonly note?: string;
}

/** Limits of auto-pay; `null` does not limit. */
export interface Caps {
  readonly maxPerPaymentMicro: bigint | null;
  readonly maxPerDayMicro: bigint | null;
}

export interface Debit extends PaymentTerms {
  readonly type: 'debit';
  readonly id: string;
  /** Set: auto-pay approves it, within these; left out: the user has. */
  readonly autoPay?: Caps;
}

/** Ends the flight of a payment: its agent has it. */
export interface Settle {
  readonly type: 'settle';
  readonly id: string;
}

/** Commands on the account of a user. */
export type CreditCommand = GiveCredit | Debit | Settle;

export type CreditEvent =
  | { readonly type: 'credited'; readonly id: string; readonly credit: Credit }
  | { readonly type: 'debited'; readonly payment: InFlight; readonly by: Approver }
  | { readonly type: 'payment_refused'; readonly id: string; readonly by: Approver; readonly reason: PaymentRefusal }
  | { readonly type: 'settled'; readonly payment: InFlight };

export interface Earn {
  readonly type: 'earn';
  readonly id: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly amountMicro: bigint;
}

export interface PayOut {
  readonly type: 'pay_out';
  readonly id: string;
  readonly amountMicro: bigint;
  readonly txHash?: string;
}

/** Commands on the earnings of an agent. */
export type EarningsCommand = Earn | PayOut;

export type EarningsEvent =
  | { readonly type: 'earned'; readonly payment: Earn }
  | { readonly type: 'paid_out'; readonly id: string; readonly payout: Payout };
