import sodium from 'sodium-native';
import { SIGNATURE_BYTES } from './signature.ts';

const KEY_BYTES = 32;

/**
 * Verifies an Ed25519 signature (RFC 8032, 5.1.7), strictly and without the cofactor: S < L, R canonical and not of small
 * order. It runs on the event loop, for about 36 µs.
 *
 * @param message   the signed bytes
 * @param signature 64 bytes; any other length is no good
 * @param publicKey base64 of 32 bytes as `readPublicKey` gives it: what that refuses must not come here
 */
export function verify(message: string | Uint8Array, signature: Uint8Array, publicKey: string): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  const key = Buffer.from(publicKey, 'base64');
  if (key.length !== KEY_BYTES) throw new RangeError('Not a public key');
  return sodium.crypto_sign_verify_detached(asBuffer(signature), asBuffer(message), key);
}

const asBuffer = (bytes: string | Uint8Array) =>
  typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
