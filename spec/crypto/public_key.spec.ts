import { generateKeyPairSync } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import nacl from 'tweetnacl';
import { readPublicKey } from '../../crypto/public_key.ts';

const { Point } = ed25519;
const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64');
/** RFC 8032, 7.1, TEST 1 and TEST 2. */
const RFC_1 = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
const RFC_2 = '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c';

/** The eight points of small order, as RFC 8032 encodes them. */
const SMALL_ORDER = {
  identity: '0100000000000000000000000000000000000000000000000000000000000000',
  'order 2': 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'order 4': '0000000000000000000000000000000000000000000000000000000000000000',
  'order 4, negative': '0000000000000000000000000000000000000000000000000000000000000080',
  'order 8': '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'order 8, negative': '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'order 8, other': 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'order 8, other, negative': 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
};

const NOT_CANONICAL = {
  'y = p, that is 0': 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'y = p, that is 0, negative': 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'y = p + 1, that is the identity': 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'y = 2^255 - 1, that is 18': 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'x = 0 with a sign': '0100000000000000000000000000000000000000000000000000000000000080',
  'y = -1, x = 0 with a sign': 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
};

describe('a public key', () => {
  it('is taken as every maker of keys writes it', () => {
    expect(readPublicKey(base64(RFC_1))).toBe(base64(RFC_1));
    expect(readPublicKey(base64(RFC_2))).toBe(base64(RFC_2));
    for (let made = 0; made < 20; made++) {
      const fromNacl = Buffer.from(nacl.sign.keyPair().publicKey).toString('base64');
      const fromNode = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '';
      expect(readPublicKey(fromNacl)).toBe(fromNacl);
      expect(readPublicKey(fromNode)).toBe(Buffer.from(fromNode, 'base64url').toString('base64'));
    }
  });

  it('comes out in the standard alphabet, padded, however it was written', () => {
    const bytes = Buffer.from(RFC_1, 'hex');
    for (const text of [bytes.toString('base64'), bytes.toString('base64url'), `${bytes.toString('base64url')}=`]) {
      expect(readPublicKey(text)).toBe(base64(RFC_1));
    }
    expect(readPublicKey(base64(RFC_1).slice(0, -1))).toBe(base64(RFC_1));
  });

  it.each(Object.entries(SMALL_ORDER))('is refused as a point of small order: %s', (_name, hex) => {
    expect(Point.fromHex(hex).isSmallOrder()).toBe(true);
    expect(readPublicKey(base64(hex))).toBeUndefined();
  });

  it.each(Object.entries(NOT_CANONICAL))('is refused in an encoding that is not canonical: %s', (_name, hex) => {
    expect(readPublicKey(base64(hex))).toBeUndefined();
  });

  it('is refused in a non-canonical encoding of a point that is no longer of small order', () => {
    // y from 0 to 18 is what can be written a second time, as y + p.
    for (let y = 2; y <= 18; y++) {
      const canonical = `${y.toString(16).padStart(2, '0')}${'00'.repeat(31)}`;
      const again = `${(0xed + y).toString(16).padStart(2, '0')}${'ff'.repeat(30)}7f`;
      expect(readPublicKey(base64(again))).toBeUndefined();
      if (readPublicKey(base64(canonical))) expect(() => Point.fromHex(again, true)).not.toThrow();
    }
  });

  it('is refused as a good key plus any point of small order', () => {
    const good = Point.fromHex(RFC_1);
    for (const [name, hex] of Object.entries(SMALL_ORDER)) {
      const mixed = Buffer.from(good.add(Point.fromHex(hex)).toBytes()).toString('base64');
      expect(readPublicKey(mixed)).toBe(name === 'identity' ? base64(RFC_1) : undefined);
    }
  });

  it('is refused where there is no point', () => {
    const notOnCurve = Array.from(
      { length: 64 },
      (_, y) => `${y.toString(16).padStart(2, '0')}${'00'.repeat(31)}`,
    ).filter((hex) => {
      try {
        return !Point.fromHex(hex);
      } catch {
        return true;
      }
    });
    expect(notOnCurve.length).toBeGreaterThan(10);
    for (const hex of notOnCurve) expect(readPublicKey(base64(hex))).toBeUndefined();
  });

  it('is refused with another length or as other text', () => {
    for (const hex of ['', 'd7', RFC_1.slice(2), `${RFC_1}00`]) expect(readPublicKey(base64(hex))).toBeUndefined();
    const text = base64(RFC_1);
    for (const other of [
      RFC_1,
      ` ${text}`,
      `${text}\n`,
      `${text}=`,
      text.replace('=', '=='),
      `${text.slice(0, -2)}!=`,
    ]) {
      expect(readPublicKey(other)).toBeUndefined();
    }
  });
});
