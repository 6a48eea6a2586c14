import nacl from 'tweetnacl';
import { fromBase64, toBase64, toHex, utf8 } from './bytes.ts';

/** A key that others hold: hardware, WebCrypto. */
export interface Signer {
  /** Base64 of the 32 bytes of an Ed25519 key. */
  readonly publicKey: string;
  /** @returns the 64 bytes of an Ed25519 signature over these bytes */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** The 32 bytes of an Ed25519 seed (RFC 8032's private key), or what signs with one. */
export type SigningKey = Uint8Array | Signer;

/** Makes a signing key. @returns its 32 bytes: keep them, they are the agent's money */
export const newSigningKey = (): Uint8Array => nacl.randomBytes(32);

/** The public key of a signing key. @returns base64 of 32 bytes, as `register` and the server take it */
export const publicKeyOf = (key: SigningKey): string => signerOf(key).publicKey;

/** @throws RangeError for a seed of another length */
export function signerOf(key: SigningKey): Signer {
  if (!(key instanceof Uint8Array)) return key;
  if (key.length !== 32) throw new RangeError(`Invalid signing key: expected 32 bytes, got ${key.length}`);
  const { publicKey, secretKey } = nacl.sign.keyPair.fromSeed(key);
  return { publicKey: toBase64(publicKey), sign: async (bytes) => nacl.sign.detached(bytes, secretKey) };
}

/** The prime of the field, and the order of the base point (RFC 8032, section 5.1). */
const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
/** The y coordinate of a point of order 8; that of the others is its opposite. */
const EIGHTH = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL_ORDER = [0n, 1n, P - 1n, EIGHTH, P - EIGHTH];

/** Little-endian. */
const integer = (bytes: Uint8Array) => BigInt(`0x${toHex(bytes.toReversed())}`);

/** By its y; the bit of the sign of x, which is the highest, does not matter here. */
const isOfSmallOrder = (point: Uint8Array) => SMALL_ORDER.includes((integer(point) % 2n ** 255n) % P);

/**
 * Verifies an Ed25519 signature as strictly as the server does: S < L, neither R nor the key of small order. What passes here has
 * to pass there, or evidence would be worth nothing.
 *
 * @param signature base64 of 64 bytes
 * @param publicKey base64 of 32 bytes
 */
export function verify(text: string, signature: string, publicKey: string): boolean {
  const [sig, key] = [fromBase64(signature, 64), fromBase64(publicKey, 32)];
  if (!sig || !key || isOfSmallOrder(sig.subarray(0, 32)) || isOfSmallOrder(key)) return false;
  if (integer(sig.subarray(32)) >= ORDER) return false;
  return nacl.sign.detached.verify(utf8(text), sig, key);
}
