import { createPrivateKey, type KeyObject, sign as signBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { type Purpose, type SignedFields, signedLines, signedText } from '../../crypto/signed_text.ts';

export const NETWORK_ID = 'local';

export interface Keys {
  /** Base64 of 32 bytes. */
  readonly publicKey: string;
  readonly secretKey: Uint8Array;
}

/** @param seed makes the same keys every time; any text of at most 32 bytes */
export function signingKeys(seed?: string): Keys {
  const pair =
    seed === undefined ? nacl.sign.keyPair() : nacl.sign.keyPair.fromSeed(Buffer.alloc(32, seed) as Uint8Array);
  return { publicKey: base64(pair.publicKey), secretKey: pair.secretKey };
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

/** Of `node:crypto`, which signs a hundred times faster than tweetnacl; the vectors hold them to the same. */
function keyObject(secretKey: Uint8Array): KeyObject {
  const known = keyObjects.get(secretKey);
  if (known) return known;
  const der = Buffer.concat([DER_PREFIX, secretKey.subarray(0, 32)]);
  const made = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  keyObjects.set(secretKey, made);
  return made;
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
