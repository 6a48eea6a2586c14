import { createHash } from 'node:crypto';
import nacl from 'tweetnacl';
import { verify } from '../../client/dist/signing_key.js';

// What tweetnacl takes and the server does not: evidence that passes here has to pass there.

const TEXT = 'aerie.v1:local\npayment.close';
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const bytes = Buffer.from(TEXT);

const number = (littleEndian: Uint8Array) => BigInt(`0x${Buffer.from(littleEndian).reverse().toString('hex')}`);
const scalarOf = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
const base64 = (...parts: Uint8Array[]) => Buffer.concat(parts).toString('base64');
const sha512 = (...parts: Uint8Array[]) => createHash('sha512').update(Buffer.concat(parts)).digest();

const seed = new Uint8Array(32).fill(7);
const { publicKey, secretKey } = nacl.sign.keyPair.fromSeed(seed);
/** The scalar of the key (RFC 8032, section 5.1.5). */
const secret = (() => {
  const half = sha512(seed).subarray(0, 32);
  half[0] = (half[0] ?? 0) & 248;
  half[31] = ((half[31] ?? 0) & 63) | 64;
  return number(half) % ORDER;
})();
const signature = nacl.sign.detached(bytes, secretKey);
const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];

/** The neutral point, also written with y above the prime. */
const NEUTRAL = scalarOf(1n);
const NEUTRAL_ABOVE = scalarOf(2n ** 255n - 19n + 1n);

it('takes a signature, and none of another text or key', () => {
  expect(verify(TEXT, base64(signature), base64(publicKey))).toBe(true);
  expect(verify(`${TEXT}!`, base64(signature), base64(publicKey))).toBe(false);
  expect(verify(TEXT, base64(signature), base64(nacl.sign.keyPair().publicKey))).toBe(false);
});

describe('of signatures that tweetnacl takes, it refuses', () => {
  const refused = (sig: Uint8Array, key: Uint8Array) => {
    expect(nacl.sign.detached.verify(bytes, sig, key)).toBe(true);
    expect(verify(TEXT, base64(sig), base64(key))).toBe(false);
  };

  it('one with an S that is not below the order', () =>
    refused(Buffer.concat([r, scalarOf(number(s) + ORDER)]), publicKey));

  it.each([NEUTRAL, NEUTRAL_ABOVE])('one of a key of small order, which fits every text', (key) =>
    // S times the base point is R, whatever the text.
    refused(Buffer.concat([publicKey, scalarOf(secret)]), key),
  );

  it('one with an R of small order', () => {
    const hash = number(sha512(NEUTRAL, publicKey, bytes));
    refused(Buffer.concat([NEUTRAL, scalarOf((hash * secret) % ORDER)]), publicKey);
  });
});

it.each([
  '00'.repeat(32),
  `ec${'ff'.repeat(30)}7f`,
  `ec${'ff'.repeat(31)}`,
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
])('refuses a text that fits the key %s, which is of small order', (hex) => {
  const key = Buffer.from(hex, 'hex');
  const sig = Buffer.concat([publicKey, scalarOf(secret)]);
  // The hash of one text in eight, or in four or two, takes such a key away.
  const texts = Array.from({ length: 200 }, (_, n) => `${TEXT}${n}`);
  const text = texts.find((some) => nacl.sign.detached.verify(Buffer.from(some), sig, key)) ?? '';
  expect(text).not.toBe('');
  expect(verify(text, base64(sig), base64(key))).toBe(false);
});
