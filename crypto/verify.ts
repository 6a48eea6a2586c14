import { createPublicKey, type KeyObject, verify as verifyBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { bytesFromBase64 } from './base64.ts';
import { SIGNATURE_BYTES } from './signature.ts';

const KEY_BYTES = 32;
/** The bytes before the 32 bytes of a key in its DER form (RFC 8410, section 4). */
const DER_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
/** Of about 1 KiB each. */
const MAX_CACHED_KEYS = 10_000;

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
/** The y-coordinates of the eight points of small order (RFC 8032, section 5.1; the cofactor is 8). */
const SMALL_ORDER_Y = new Set([
  0n,
  1n,
  P - 1n,
  0x5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]);
const SIGN_BIT = 1n << 255n;

/** Parsed keys by their text. */
const keys = new LRUCache<string, KeyObject>({ max: MAX_CACHED_KEYS });

/**
 * Verifies an Ed25519 signature (RFC 8032, 5.1.7), strictly: S < L, R canonical and not of small order. It runs in
 * libuv's thread pool, not on the event loop.
 *
 * @param message   the signed bytes
 * @param signature 64 bytes; any other length is no good
 * @param publicKey base64 of 32 bytes as `readPublicKey` gives it: what that refuses must not come here
 */
export function verify(message: string | Uint8Array, signature: Uint8Array, publicKey: string): Promise<boolean> {
  if (!isStrict(signature)) return Promise.resolve(false);
  const key = keyObject(publicKey);
  const bytes = typeof message === 'string' ? Buffer.from(message) : message;
  return new Promise((resolve, reject) => {
    verifyBytes(null, bytes, key, signature, (error, isGood) => (error ? reject(error) : resolve(isGood)));
  });
}

/** Checks the ranges of S and R, which OpenSSL does not check, or is not documented to check. */
function isStrict(signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  if (littleEndian(signature.subarray(KEY_BYTES)) >= L) return false;
  const y = littleEndian(signature.subarray(0, KEY_BYTES)) & ~SIGN_BIT;
  return y < P && !SMALL_ORDER_Y.has(y);
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function keyObject(publicKey: string): KeyObject {
  const known = keys.get(publicKey);
  if (known) return known;
  const bytes = bytesFromBase64(publicKey, KEY_BYTES);
  if (!bytes) throw new RangeError('Not a public key');
  const key = createPublicKey({ key: Buffer.concat([DER_PREFIX, bytes]), format: 'der', type: 'spki' });
  keys.set(publicKey, key);
  return key;
}
