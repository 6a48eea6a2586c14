import { bytesFromBase64 } from './base64.ts';

export const SIGNATURE_BYTES = 64;

/**
 * Reads an Ed25519 signature from the wire: base64 of 64 bytes, standard or URL alphabet (not mixed), padded or not,
 * unused bits zero (PROTOCOL.md, section 6).
 *
 * @returns `undefined` for anything else
 */
export function signatureBytes(text: string): Buffer | undefined {
  return bytesFromBase64(text, SIGNATURE_BYTES);
}

/** The same signature in the one form that the server sends: standard alphabet, padded. */
export function canonicalSignature(text: string): string | undefined {
  return signatureBytes(text)?.toString('base64');
}
