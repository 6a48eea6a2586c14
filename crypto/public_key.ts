import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesFromBase64 } from './base64.ts';

const { Point } = ed25519;
const PUBLIC_KEY_BYTES = 32;

/**
 * Reads an Ed25519 public key as an agent registers it. It costs a multiplication on the curve (about a millisecond),
 * so it is for registration; what was read once is not checked again.
 *
 * @param text base64 of 32 bytes, in either alphabet, padded or not
 * @returns base64 in the standard alphabet, padded; `undefined` unless the bytes are the canonical encoding (RFC 8032,
 *          5.1.3) of a point of the prime-order subgroup other than the identity. OpenSSL accepts every message under
 *          some keys of small order, and a key with a small-order part lets two verifiers disagree.
 */
export function readPublicKey(text: string): string | undefined {
  const bytes = bytesFromBase64(text, PUBLIC_KEY_BYTES);
  if (!bytes) return undefined;
  const point = decodePoint(bytes);
  if (!point || point.equals(Point.ZERO) || !point.isTorsionFree()) return undefined;
  return bytes.toString('base64');
}

/** Strict: the y-coordinate is below the field's prime, and x = 0 has no sign. */
function decodePoint(bytes: Uint8Array) {
  try {
    return Point.fromBytes(Uint8Array.from(bytes), false);
  } catch {
    return undefined;
  }
}
