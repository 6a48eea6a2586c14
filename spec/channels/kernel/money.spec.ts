import fc from 'fast-check';
import Type from 'typebox';
import { Amount, MAX_AMOUNT_MICRO, micro, usdc } from '../../../channels/kernel/money.ts';
import { payloadCheck } from '../../../server/payload.ts';

const check = payloadCheck(Type.Object({ amount: Amount }));
const takes = (amount: unknown) => check({ amount }).ok;

const anyAmountMicro = fc.bigInt({ min: 0n, max: MAX_AMOUNT_MICRO });

describe('an amount', () => {
  it.each<[string | number, bigint]>([
    ['0', 0n],
    ['0.05', 50_000n],
    ['12', 12_000_000n],
    ['12.000000', 12_000_000n],
    ['0.000001', 1n],
    ['999999999.999999', MAX_AMOUNT_MICRO],
    [0, 0n],
    [-0, 0n],
    [0.1, 100_000n],
    [1e-6, 1n],
    [1e8, 100_000_000_000_000n],
    [123_456_789.123_456, 123_456_789_123_456n],
  ])('%p is %p micro-USDC', (wire, expected) => {
    expect(takes(wire)).toBe(true);
    expect(micro(wire)).toBe(expected);
  });

  it.each<string | number>([
    ...['', '.', '.5', '5.', '00', '01', '-1', '+1', '1e3', '1,5', ' 1', '1 ', '1\n', '0x1', '1_0', 'NaN', 'Infinity'],
    ...['1.0000000', '1000000000', '٣', '1.'],
    ...[-1, 1e-7, 0.1 + 0.2, 1.000_000_1, 1e9, 1e21, 123_456_789.123_456_7, Number.NaN, Number.POSITIVE_INFINITY],
  ])('%p is none', (wire) => {
    expect(takes(wire)).toBe(false);
    expect(() => micro(wire)).toThrow(RangeError);
  });

  it.each([[true], [null], [undefined], [['1']], [{}]])('is text or a number, not %p', (wire) => {
    expect(takes(wire)).toBe(false);
  });

  it('comes back as it was, in the canonical form', () => {
    fc.assert(
      fc.property(anyAmountMicro, (amount) => {
        const text = usdc(amount);
        expect(takes(text)).toBe(true);
        expect(micro(text)).toBe(amount);
        expect(text).toMatch(/^(0|[1-9][0-9]{0,8})(\.[0-9]{0,5}[1-9])?$/);
      }),
    );
  });

  it('means the same with zeros behind it', () => {
    const written = fc.tuple(fc.integer({ min: 0, max: 999_999_999 }), fc.stringMatching(/^[0-9]{1,6}$/));
    fc.assert(
      fc.property(written, ([whole, fraction]) => {
        const amount = micro(`${whole}.${fraction}`);
        expect(amount).toBe(BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0')));
        expect(micro(usdc(amount))).toBe(amount);
      }),
    );
  });

  it('as a number is taken exactly when its text would be, and means what the text means', () => {
    const number = fc.oneof(
      fc.double(),
      anyAmountMicro.map((amount) => Number(usdc(amount))),
    );
    fc.assert(
      fc.property(number, (amount) => {
        expect(takes(amount)).toBe(takes(String(amount)));
        if (takes(amount)) expect(micro(amount)).toBe(micro(String(amount)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('keeps every amount that it can write exact as a number too', () => {
    fc.assert(fc.property(anyAmountMicro, (amount) => expect(micro(Number(usdc(amount)))).toBe(amount)));
  });

  it('is written whole, however long or negative a sum is', () => {
    expect(usdc(MAX_AMOUNT_MICRO * 1_000_000n)).toBe('999999999999999');
    expect(usdc(1_234_567_890_123_456_789n)).toBe('1234567890123.456789');
    expect(usdc(-50_000n)).toBe('-0.05');
  });
});
