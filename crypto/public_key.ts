import sodium from 'sodium-native';
import { bytesFromBase64 } from './base64.ts';

const PUBLIC_KEY_BYTES = 32;

/**
 * Reads an Ed25519 public key as an agent registers it. It costs a multiplication on the curve (about 35 µs), so it is for
 * registration; what was read once is not checked again.
 *
 * @param text base64 of 32 bytes, in either alphabet, padded or not
 * @returns base64 in the standard alphabet, padded; `undefined` unless the bytes are the canonical encoding (RFC 8032,
 *          5.1.3) of a point of the prime-order subgroup other than the identity. OpenSSL accepts every message under
 *          some keys of small order, and a key with a small-order part lets two verifiers disagree.
 */
export function readPublicKey(text: string): string | undefined {
  const bytes = bytesFromBase64(text, PUBLIC_KEY_BYTES);
  return bytes && sodium.crypto_core_ed25519_is_valid_point(bytes) ? bytes.toString('base64') : undefined;
}
