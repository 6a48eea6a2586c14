import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ed25519 } from '@noble/curves/ed25519.js';
import nacl from 'tweetnacl';
import { verify } from '../../crypto/verify.ts';
import { signingKeys } from '../support/signing.ts';

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey: { readonly pk: string };
    readonly tests: readonly { tcId: number; comment: string; msg: string; sig: string; result: string }[];
  }[];
}

const { Point } = ed25519;
const L = Point.Fn.ORDER;
const P = Point.Fp.ORDER;
const hex = (text: string) => Buffer.from(text, 'hex');
const { publicKey, secretKey } = signingKeys('verify');
const message = Buffer.from('a message');

function bytesOf(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}
const numberOf = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);

describe('verify', () => {
  const { testGroups } = JSON.parse(readFileSync('spec/data/wycheproof-ed25519.json', 'utf8')) as Wycheproof;
  const vectors = testGroups.flatMap(({ publicKey: { pk }, tests }) => tests.map((test) => ({ ...test, pk })));

  it('has all vectors of Wycheproof', () => expect(vectors).toHaveLength(151));

  it.each(vectors)('$tcId, $comment: $result', ({ pk, msg, sig, result }) => {
    expect(verify(hex(msg), hex(sig), hex(pk).toString('base64'))).toBe(result === 'valid');
  });

  it('takes what a client signs, and no other message, key or bit', () => {
    const signature = nacl.sign.detached(message, secretKey);
    expect(verify(message, signature, publicKey)).toBe(true);
    expect(verify('a message', signature, publicKey)).toBe(true);
    expect(verify('another message', signature, publicKey)).toBe(false);
    expect(verify(message, signature, signingKeys('other').publicKey)).toBe(false);
    for (let bit = 0; bit < 512; bit += 7) {
      const flipped = Buffer.from(signature);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(verify(message, flipped, publicKey)).toBe(false);
    }
  });

  it.each([0, 32, 63, 65, 128])('refuses %d bytes', (length) => {
    expect(verify(message, Buffer.alloc(length, 1), publicKey)).toBe(false);
  });

  it('refuses S + L, the same signature in other words', () => {
    const signature = Buffer.from(nacl.sign.detached(message, secretKey));
    const malleated = Buffer.concat([signature.subarray(0, 32), bytesOf(numberOf(signature.subarray(32)) + L)]);
    expect(nacl.sign.detached.verify(message, malleated, Buffer.from(publicKey, 'base64'))).toBe(true);
    expect(verify(message, malleated, publicKey)).toBe(false);
  });

  /** A signature that the holder of the key can make with any R whose point has no part of prime order: S = h·a. */
  function withoutNonce(r: Uint8Array): Buffer {
    const digest = createHash('sha512').update(secretKey.subarray(0, 32)).digest();
    digest.writeUInt8(digest.readUInt8(0) & 248, 0);
    digest.writeUInt8((digest.readUInt8(31) & 127) | 64, 31);
    const scalar = numberOf(digest.subarray(0, 32));
    const hash = createHash('sha512').update(r).update(Buffer.from(publicKey, 'base64')).update(message).digest();
    return Buffer.concat([r, bytesOf((numberOf(hash) * scalar) % L)]);
  }

  it('refuses an R of small order, though the equation holds', () => {
    const identity = bytesOf(1n);
    expect(nacl.sign.detached.verify(message, withoutNonce(identity), Buffer.from(publicKey, 'base64'))).toBe(true);
    expect(verify(message, withoutNonce(identity), publicKey)).toBe(false);

    const torsion = Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05');
    for (let i = 0n, point = Point.ZERO; i < 8n; i++, point = point.add(torsion)) {
      expect(verify(message, withoutNonce(point.toBytes()), publicKey)).toBe(false);
    }
  });

  it('refuses an R that is not canonical', () => {
    for (let y = P; y < 2n ** 255n; y++) {
      for (const sign of [0n, 1n]) {
        const r = bytesOf(y | (sign << 255n));
        expect(verify(message, withoutNonce(r), publicKey)).toBe(false);
      }
    }
  });

  it('refuses an R with a part of small order, for which the equation holds with the cofactor only', () => {
    const scalar = 123_456_789_012_345_678_901n;
    const nonce = 987_654_321_098_765_432_109n;
    const key = Buffer.from(Point.BASE.multiply(scalar).toBytes());
    const torsion = Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05');
    for (const part of [Point.ZERO, torsion]) {
      const r = Point.BASE.multiply(nonce).add(part).toBytes();
      const hash = createHash('sha512').update(r).update(key).update(message).digest();
      const signature = Buffer.concat([r, bytesOf((nonce + numberOf(hash) * scalar) % L)]);
      expect(ed25519.verify(signature, message, key, { zip215: true })).toBe(true);
      expect(verify(message, signature, key.toString('base64'))).toBe(part === Point.ZERO);
    }
  });

  it('says so where what is given is no key', () => {
    expect(() => verify(message, Buffer.alloc(64), 'AAAA')).toThrow(RangeError);
  });
});
