import { createPrivateKey, type KeyObject, randomBytes, sign as signBytes } from 'node:crypto';
import { type Purpose, type SignedFields, signedLines, signedText } from '../../crypto/signed_text.ts';

export const NETWORK_ID = 'local';

export interface Keys {
  /** Base64 of 32 bytes. */
  readonly publicKey: string;
  /** As tweetnacl has it: the seed, and the bytes of the public key. */
  readonly secretKey: Uint8Array;
}

/** @param seed makes the same keys every time; any text of at most 32 bytes */
export function signingKeys(seed?: string): Keys {
  const made = privateKey(seed === undefined ? randomBytes(32) : Buffer.alloc(32, seed));
  const { d = '', x = '' } = made.export({ format: 'jwk' });
  const publicKey = Buffer.from(x, 'base64url');
  const secretKey = new Uint8Array(Buffer.concat([Buffer.from(d, 'base64url'), publicKey]));
  keyObjects.set(secretKey, made);
  return { publicKey: publicKey.toString('base64'), secretKey };
}

/** A signature over a text of the contract, as the server sends it. */
export function sign<P extends Purpose>(
  secretKey: Uint8Array,
  purpose: P,
  fields: SignedFields<P>,
  networkId = NETWORK_ID,
): string {
  return signLines(secretKey, signedLines(purpose, fields), networkId);
}

export function signLines(secretKey: Uint8Array, lines: string, networkId = NETWORK_ID): string {
  return signBytes(null, Buffer.from(signedText(networkId, lines)), keyObject(secretKey)).toString('base64');
}

/** The bytes before the 32 bytes of a seed in its DER form (RFC 8410, section 7). */
const DER_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const keyObjects = new WeakMap<Uint8Array, KeyObject>();

/** Of `node:crypto`, which signs and makes keys a hundred times faster than tweetnacl; the vectors hold them to the same. */
function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([DER_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}

function keyObject(secretKey: Uint8Array): KeyObject {
  const made = keyObjects.get(secretKey) ?? privateKey(secretKey.subarray(0, 32));
  keyObjects.set(secretKey, made);
  return made;
}
