const PATTERN = /^(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?$/;
const MICRO_PER_USDC = 1_000_000n;

/**
 * Reads an amount of USDC.
 *
 * @param amount as on the wire: `"0.05"`, at most 10 digits and 6 decimals (a balance may have a digit more than an amount)
 * @returns integer micro-USDC, 1 USDC = 1_000_000n
 * @throws RangeError for anything else: `"1e3"`, `"-1"`, `".5"`
 * @example micro('0.05') // 50_000n
 */
export function micro(amount: string): bigint {
  if (!PATTERN.test(amount))
    throw new RangeError(`Invalid amount, expected USDC like "0.05": ${String(amount).slice(0, 32)}`);
  const [whole = '', fraction = ''] = amount.split('.');
  return BigInt(whole) * MICRO_PER_USDC + BigInt(fraction.padEnd(6, '0'));
}

/**
 * Writes micro-USDC in the canonical form, which is what everyone signs: no trailing zeros, no bare point.
 *
 * @example usdc(50_000n) // '0.05'
 */
export function usdc(amountMicro: bigint): string {
  const sign = amountMicro < 0n ? '-' : '';
  const digits = `${amountMicro < 0n ? -amountMicro : amountMicro}`.padStart(7, '0');
  const fraction = digits.slice(-6).replace(/0+$/, '');
  return `${sign}${digits.slice(0, -6)}${fraction && `.${fraction}`}`;
}

/** The canonical form of an amount. @throws RangeError as `micro` */
export const canonical = (amount: string): string => usdc(micro(amount));
