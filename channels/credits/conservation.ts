import { type CreditAccount, type EarningsAccount, inFlightMicro } from './state.ts';

/**
 * Checks what no decision may break: all that was credited is there, in flight or with agents, and nothing is below 0.
 *
 * @throws Error a fault of ours: the decision must not be committed
 */
export function assertCreditsConserved(account: CreditAccount): void {
  const { creditedMicro, balanceMicro, paidMicro, inFlight } = account;
  if (creditedMicro !== balanceMicro + inFlightMicro(account) + paidMicro) {
    throw new Error('credits: they are not the balance, what is in flight and what was paid together');
  }
  if (balanceMicro < 0n || paidMicro < 0n || inFlight.some(({ amountMicro }) => amountMicro <= 0n)) {
    throw new Error('credits: an amount is below 0');
  }
  if (new Set(inFlight.map(({ id }) => id)).size !== inFlight.length) {
    throw new Error('credits: a payment is in flight twice');
  }
}

/** As `assertCreditsConserved`: all that was earned is there or paid out. */
export function assertEarningsConserved({ earnedMicro, paidOutMicro, balanceMicro }: EarningsAccount): void {
  if (earnedMicro !== paidOutMicro + balanceMicro) {
    throw new Error('earnings: they are not the balance and what was paid out together');
  }
  if (balanceMicro < 0n || paidOutMicro < 0n) throw new Error('earnings: an amount is below 0');
}
