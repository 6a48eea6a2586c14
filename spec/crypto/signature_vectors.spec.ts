import { readFileSync } from 'node:fs';
import nacl from 'tweetnacl';
import { signatureBytes } from '../../crypto/signature.ts';
import { type Purpose, type SignedFields, signedFields, signedLines, signedText } from '../../crypto/signed_text.ts';
import { verify } from '../../crypto/verify.ts';
import { sign, signingKeys } from '../support/signing.ts';

interface Vector {
  readonly purpose: Purpose;
  readonly network_id: string;
  readonly signer: string;
  readonly fields: SignedFields<Purpose>;
  readonly text: string;
  readonly bytes_hex: string;
  readonly signature: string;
}

const { keys, vectors } = JSON.parse(readFileSync('docs/signature-vectors.json', 'utf8')) as {
  readonly keys: Record<string, { readonly seed_hex: string; readonly public_key: string }>;
  readonly vectors: readonly Vector[];
};

describe('docs/signature-vectors.json', () => {
  it('has every purpose', () => {
    expect(new Set(vectors.map(({ purpose }) => purpose))).toEqual(new Set(Object.keys(signedFields)));
  });

  it.each(vectors)('$purpose by $signer on $network_id', async (vector) => {
    const { purpose, network_id: networkId, signer, fields, text, bytes_hex: bytesHex, signature } = vector;
    const { seed_hex: seedHex, public_key: publicKey } = keys[signer] ?? { seed_hex: '', public_key: '' };
    const { secretKey, publicKey: made } = nacl.sign.keyPair.fromSeed(Buffer.from(seedHex, 'hex'));
    expect(Buffer.from(made).toString('base64')).toBe(publicKey);
    expect(signedText(networkId, signedLines(purpose, fields))).toBe(text);
    expect(Buffer.from(text).toString('hex')).toBe(bytesHex);
    expect(sign(secretKey, purpose, fields, networkId)).toBe(signature);
    expect(Buffer.from(nacl.sign.detached(Buffer.from(text), secretKey)).toString('base64')).toBe(signature);
    expect(await verify(text, signatureBytes(signature) ?? Buffer.alloc(0), publicKey)).toBe(true);
  });
});

it('specs have the keys that tweetnacl makes of the same seed', () => {
  for (const { publicKey, secretKey } of [signingKeys(), signingKeys('seed')]) {
    const made = nacl.sign.keyPair.fromSeed(secretKey.subarray(0, 32));
    expect(secretKey).toEqual(made.secretKey);
    expect(publicKey).toBe(Buffer.from(made.publicKey).toString('base64'));
  }
});
