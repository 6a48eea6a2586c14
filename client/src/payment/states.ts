import { micro, usdc } from '../amounts.ts';
import type { SignedFields } from '../signed_text.ts';
import type { ChannelState, Closing, CoSigned, Transfer } from '../wire.ts';

/** What both have signed to open a payment channel. */
export type Terms = Pick<
  ChannelState,
  'id' | 'agent_a' | 'agent_b' | 'deposit_a' | 'deposit_b' | 'challenge_period_ms'
>;
/** In micro-USDC. */
export interface Balances {
  readonly a: bigint;
  readonly b: bigint;
}
export type Side = 'a' | 'b';

/** The fields of each, in the order in which they are signed. */
const TERMS = ['id', 'agent_a', 'agent_b', 'deposit_a', 'deposit_b', 'challenge_period_ms'] as const;
const TRANSFER = ['nonce', 'from', 'to', 'amount', 'balance_a', 'balance_b'] as const;
const CO_SIGNED = [...TRANSFER, 'signature_a', 'signature_b'] as const;

const pick = <T>(said: T, names: readonly (keyof T)[]) =>
  Object.fromEntries(names.map((name) => [name, said[name]])) as unknown;

export const termsOf = (said: Terms): Terms => pick(said, TERMS) as Terms;

export const transferOf = (said: Transfer): Transfer => pick(said, TRANSFER) as Transfer;

export const coSignedOf = (said: CoSigned): CoSigned => pick(said, CO_SIGNED) as CoSigned;

export const openFields = (terms: Terms): SignedFields['payment.open'] =>
  TERMS.map((name) => terms[name]) as SignedFields['payment.open'];

export const stateFields = (id: string, of: Transfer): SignedFields['payment.state'] =>
  [id, ...TRANSFER.map((name) => of[name])] as SignedFields['payment.state'];

export const sameTransfer = (one: Transfer, other: Transfer): boolean =>
  TRANSFER.every((name) => one[name] === other[name]);

export const sameTerms = (one: Terms, other: Terms): boolean => TERMS.every((name) => one[name] === other[name]);

/** Balances as they are written. */
export type Written = Pick<Transfer, 'balance_a' | 'balance_b'>;

/** What the newest state says, or the deposits where there is none. */
export const balancesOf = (terms: Terms, newest: Written | null): Balances => ({
  a: micro(newest ? newest.balance_a : terms.deposit_a),
  b: micro(newest ? newest.balance_b : terms.deposit_b),
});

/** True if the balances are what the deposits were together, and neither is below 0. */
export function isKept(terms: Terms, written: Written): boolean {
  try {
    const [now, before] = [balancesOf(terms, written), balancesOf(terms, null)];
    return now.a + now.b === before.a + before.b;
  } catch {
    return false;
  }
}

/** Balances with which a channel ends. */
export type Finals = Pick<Closing, 'final_balance_a' | 'final_balance_b'>;

export const finalsOf = ({ final_balance_a: balance_a, final_balance_b: balance_b }: Finals): Written => ({
  ...{ balance_a, balance_b },
});

/** True if both say the same; the deposits where one says nothing. */
export function sameBalances(terms: Terms, one: Written | null, other: Written | null): boolean {
  const [a, b] = [balancesOf(terms, one), balancesOf(terms, other)];
  return a.a === b.a && a.b === b.b;
}

/** The state that a transfer leaves. @returns nothing where its sender has less than that, or nothing is moved */
export function nextState(
  terms: Terms,
  newest: CoSigned | null,
  { nonce, from, amount }: Pick<Transfer, 'nonce' | 'from' | 'amount'>,
): Transfer | undefined {
  const { a, b } = balancesOf(terms, newest);
  const moved = micro(amount);
  const isFromA = from === terms.agent_a;
  if (moved <= 0n || moved > (isFromA ? a : b)) return undefined;
  const toB = isFromA ? moved : -moved;
  const [balance_a, balance_b] = [usdc(a - toB), usdc(b + toB)];
  return { nonce, from, to: isFromA ? terms.agent_b : terms.agent_a, amount: usdc(moved), balance_a, balance_b };
}
