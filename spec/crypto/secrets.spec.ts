import { equalSecrets, looksLikeApiKey, newApiKey, newSecret, sha256Hex } from '../../crypto/secrets.ts';

describe('an API key', () => {
  it('is recognisable, of 256 bits, and of characters that need no quoting anywhere', () => {
    const key = newApiKey();
    expect(key).toMatch(/^aerie_sk_[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(key.slice('aerie_sk_'.length), 'base64url')).toHaveLength(32);
    expect(looksLikeApiKey(key)).toBe(true);
  });

  it('is never the same twice', () => {
    expect(new Set(Array.from({ length: 1_000 }, newApiKey)).size).toBe(1_000);
    expect(newSecret()).not.toBe(newSecret());
  });

  it('is told from other text', () => {
    const key = newApiKey();
    for (const text of ['', key.slice(1), `${key}A`, key.slice(0, -1), `${key}\n`, key.replace('_sk_', '_pk_')]) {
      expect(looksLikeApiKey(text)).toBe(false);
    }
  });
});

describe('secrets', () => {
  it('hash as SHA-256 does', () => {
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('are equal or not, whatever their lengths', () => {
    expect(equalSecrets('secret', 'secret')).toBe(true);
    for (const other of ['', 'secre', 'secrets', 'Secret', 'sécret']) expect(equalSecrets(other, 'secret')).toBe(false);
  });
});
