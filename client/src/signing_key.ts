import nacl from 'tweetnacl';
import { fromBase64, toBase64 } from './base64.ts';

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

/** The order of the base point in hex (RFC 8032, section 5.1). */
const ORDER = `1${'0'.repeat(31)}14def9dea2f79cd65812631a5cf5d3ed`;
/** The y coordinates of the points of small order, little-endian. */
const SMALL_ORDER = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
];

const hexOf = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Sign of x left out: it does not matter here. */
function isOfSmallOrder(point: Uint8Array): boolean {
  const y = point.slice();
  y[31] = (y[31] ?? 0) & 0x7f;
  return SMALL_ORDER.includes(hexOf(y));
}

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
  if (hexOf(sig.slice(32).reverse()) >= ORDER) return false;
  return nacl.sign.detached.verify(new TextEncoder().encode(text), sig, key);
}
