/** Amounts are text on the wire and whole micro-USDC inside, never a float. */
export function micro(amount: string): bigint {
  const [whole = '', fraction = ''] = amount.split('.');
  return BigInt(whole + fraction.padEnd(6, '0'));
}

/** The canonical form, which is what everyone signs: no trailing zeros, no bare point. */
export function usdc(amountMicro: bigint): string {
  const digits = `${amountMicro}`.padStart(7, '0');
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/\.?0+$/, '');
}
