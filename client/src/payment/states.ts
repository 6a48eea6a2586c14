import { canonical, micro, usdc } from '../amounts.ts';
import type { SignedFields } from '../signed_text.ts';
import type { ChannelState, CoSigned, Transfer } from '../wire.ts';

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

export function termsOf(said: Terms): Terms {
  const { id, agent_a, agent_b, deposit_a, deposit_b, challenge_period_ms } = said;
  return { id, agent_a, agent_b, deposit_a, deposit_b, challenge_period_ms };
}

export const openFields = (terms: Terms): SignedFields['payment.open'] => [
  terms.id,
  terms.agent_a,
  terms.agent_b,
  terms.deposit_a,
  terms.deposit_b,
  terms.challenge_period_ms,
];

export const stateFields = (id: string, of: Transfer): SignedFields['payment.state'] => [
  id,
  of.nonce,
  of.from,
  of.to,
  of.amount,
  of.balance_a,
  of.balance_b,
];

export const sameTransfer = (one: Transfer, other: Transfer): boolean =>
  stateFields('', one).join('\n') === stateFields('', other).join('\n');

export const sameTerms = (one: Terms, other: Terms): boolean =>
  openFields(one).join('\n') === openFields(other).join('\n');

export const transferOf = ({ nonce, from, to, amount, balance_a, balance_b }: Transfer): Transfer => ({
  ...{ nonce, from, to, amount, balance_a, balance_b },
});

/** As a state, where only the balances count. */
export const asState = ({ balance_a, balance_b }: Pick<Transfer, 'balance_a' | 'balance_b'>): Transfer => ({
  ...{ nonce: 0, from: '', to: '', amount: '0', balance_a, balance_b },
});

/** True if it is an amount in its canonical form. */
export function isAmount(text: string): boolean {
  try {
    return canonical(text) === text;
  } catch {
    return false;
  }
}

/** What the newest state says, or the deposits where there is none. */
export const balancesOf = (terms: Terms, newest: Transfer | null): Balances => ({
  a: micro(newest ? newest.balance_a : terms.deposit_a),
  b: micro(newest ? newest.balance_b : terms.deposit_b),
});

/** True if the balances are what the deposits were together, and neither is below 0. */
export function isKept(terms: Terms, balances: { readonly balance_a: string; readonly balance_b: string }): boolean {
  try {
    return micro(balances.balance_a) + micro(balances.balance_b) === micro(terms.deposit_a) + micro(terms.deposit_b);
  } catch {
    return false;
  }
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
