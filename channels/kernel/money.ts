import Type from 'typebox';

const MICRO_PER_USDC = 1_000_000n;
const DECIMALS = 6;

const AMOUNT = '(0|[1-9][0-9]{0,8})(\\.[0-9]{1,6})?';
const pattern = new RegExp(`^${AMOUNT}$`);

/** The largest amount that can be written: `"999999999.999999"`. */
export const MAX_AMOUNT_MICRO = 999_999_999_999_999n;

/** An amount as it comes in. A number's shortest form has to fit too; that form has at most 15 significant digits. */
export const Amount = amount(`an amount of USDC that matches ${AMOUNT}`);

/** An amount that is offered or moved: above 0. */
export const PositiveAmount = Type.Refine(
  amount(`an amount of USDC above 0 that matches ${AMOUNT}`),
  (value) => !pattern.test(String(value)) || micro(value) > 0n,
  () => 'must be above 0',
);

function amount(description: string) {
  return Type.Union(
    [
      Type.String({ pattern: `^${AMOUNT}$` }),
      Type.Refine(Type.Number({ minimum: 0 }), (value) => pattern.test(String(value))),
    ],
    { description },
  );
}

/** An amount as the server writes it. */
export const Usdc = Type.String({ pattern: '^-?[0-9]+(\\.[0-9]{1,6})?$', description: 'an amount of USDC as text' });

const BALANCE = '(0|[1-9][0-9]{0,9})(\\.[0-9]{1,6})?';
const balancePattern = new RegExp(`^${BALANCE}$`);

/** A part of the sum of two amounts: a string may have one digit more. */
export const Balance = Type.Union([Type.String({ pattern: `^${BALANCE}$` }), Amount], {
  description: `an amount of USDC that matches ${BALANCE}`,
});

/** Reads a balance from the wire, as `micro` reads an amount. */
export function microBalance(wire: string | number): bigint {
  if (!balancePattern.test(String(wire)))
    throw new RangeError(`Invalid balance, expected up to 10 digits and 6 decimals: ${String(wire).slice(0, 32)}`);
  return microOf(String(wire));
}

/**
 * Reads an amount from the wire.
 *
 * @param wire USDC: at most 9 digits and 6 decimals, `"0.05"`, or a number whose shortest form fits that pattern
 *             (PROTOCOL.md, section 1)
 * @returns integer micro-USDC, 1 USDC = 1_000_000n; no float on the way
 * @throws RangeError for anything else (`"1e3"`, `"-1"`): the schema let it through
 * @example
 * micro('0.05') // 50_000n
 */
export function micro(wire: string | number): bigint {
  const text = String(wire);
  if (!pattern.test(text))
    throw new RangeError(`Invalid amount, expected up to 9 digits and 6 decimals: ${text.slice(0, 32)}`);
  return microOf(text);
}

function microOf(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole) * MICRO_PER_USDC + BigInt(fraction.padEnd(DECIMALS, '0'));
}

/**
 * Writes micro-USDC in the canonical form: no trailing zeros in the fraction, no bare point. Sums may be negative or
 * longer than what `micro` reads.
 *
 * @example
 * usdc(50_000n) // '0.05'
 */
export function usdc(amountMicro: bigint): string {
  const sign = amountMicro < 0n ? '-' : '';
  const positive = amountMicro < 0n ? -amountMicro : amountMicro;
  const fraction = String(positive % MICRO_PER_USDC)
    .padStart(DECIMALS, '0')
    .replace(/0+$/, '');
  return `${sign}${positive / MICRO_PER_USDC}${fraction && `.${fraction}`}`;
}
