import { createHmac, createSecretKey, generateKeyPairSync } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { SessionTokens } from '../../crypto/session_tokens.ts';

const SECRET = 'a secret that is at least thirty-two bytes long';
const NOW_MS = 1_750_000_000_250;
const HOUR_SECONDS = 3_600;
const tokens = new SessionTokens(SECRET);
const subject = { kind: 'agent', id: 'a-1', keyId: 'k-1' } as const;

interface Forged {
  readonly header?: object;
  readonly payload?: object;
  readonly secret?: string;
}

/** A token put together by hand, signed with HMAC-SHA-256. */
function forge({ header = {}, payload = {}, secret = SECRET }: Forged = {}) {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.ceil(NOW_MS / 1_000) + HOUR_SECONDS;
  const signed = `${part({ alg: 'HS256', kid: 'k-1', ...header })}.${part({ sub: 'agent:a-1', exp, ...payload })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

const verify = (token: string, nowMs = NOW_MS) => tokens.verify(token, nowMs);

describe('a session token', () => {
  it('says for whom it speaks, which key made it and until when', async () => {
    for (const kind of ['agent', 'user', 'app'] as const) {
      const issued = await tokens.issue({ ...subject, kind }, { nowMs: NOW_MS, ttlSeconds: 60 });
      expect(await verify(issued.token)).toEqual({ ...subject, kind, expiresAtMs: issued.expiresAtMs });
    }
  });

  it('is a JWT with HS256, the key as `kid` and the principal as `sub`', async () => {
    const { token, expiresAtMs } = await tokens.issue(subject, { nowMs: NOW_MS, ttlSeconds: 60 });
    const [header, payload] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    expect(JSON.parse(header ?? '')).toEqual({ alg: 'HS256', typ: 'JWT', kid: 'k-1' });
    expect(JSON.parse(payload ?? '')).toEqual({ sub: 'agent:a-1', iat: 1_750_000_000, exp: expiresAtMs / 1_000 });
  });

  it('lives as long as asked for, and less than a second more', async () => {
    const { token, expiresAtMs } = await tokens.issue(subject, { nowMs: NOW_MS, ttlSeconds: 60 });
    expect(expiresAtMs).toBe(1_750_000_061_000);
    expect(await verify(token, expiresAtMs - 1)).toBeDefined();
    expect(await verify(token, expiresAtMs)).toBeUndefined();
  });

  it('is good when made by hand with the same secret, so that the refusals below have one cause each', async () => {
    expect(await verify(forge())).toMatchObject({ id: 'a-1', keyId: 'k-1' });
  });

  it('says for whom it spoke once it has expired, if the secret has signed it', async () => {
    const payload = { exp: 1_750_000_000 };
    const claims = { ...subject, expiresAtMs: 1_750_000_000_000 };
    expect(await tokens.claims(forge({ payload }))).toEqual(claims);
    expect(await verify(forge({ payload }))).toBeUndefined();
    const secret = 'another secret of at least thirty-two bytes';
    expect(await tokens.claims(forge({ payload, secret }))).toBeUndefined();
    for (const header of [{ kid: undefined }, { kid: 7 }]) {
      expect(await tokens.claims(forge({ payload, header }))).toBeUndefined();
    }
  });

  it.each<[string, Forged]>([
    ['another secret', { secret: 'another secret of at least thirty-two bytes' }],
    ['no kid', { header: { kid: undefined } }],
    ['an empty kid', { header: { kid: '' } }],
    ['a kid that is no text', { header: { kid: 7 } }],
    ['no sub', { payload: { sub: undefined } }],
    ['a sub of no kind', { payload: { sub: 'admin:a-1' } }],
    ['a sub without an id', { payload: { sub: 'agent:' } }],
    ['a sub that is no text', { payload: { sub: 7 } }],
    ['no exp', { payload: { exp: undefined } }],
    ['an exp that is no number', { payload: { exp: '9999999999' } }],
    ['an exp that has passed', { payload: { exp: 1_750_000_000 } }],
    ['alg none in the header', { header: { alg: 'none' } }],
    ['alg HS512 in the header', { header: { alg: 'HS512' } }],
    ['a critical header that is not understood', { header: { crit: ['x'], x: 1 } }],
  ])('is refused with %s', async (_what, forged) => {
    expect(await verify(forge(forged))).toBeUndefined();
  });

  it('is refused when signed truly with another algorithm, or not at all', async () => {
    const secret = createSecretKey(Buffer.from(SECRET.padEnd(64)));
    const claims = { sub: 'agent:a-1', exp: Math.ceil(NOW_MS / 1_000) + HOUR_SECONDS };
    const sign = (alg: string, key: Parameters<SignJWT['sign']>[0]) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid: 'k-1' }).sign(key);
    const padded = new SessionTokens(SECRET.padEnd(64));
    expect(await padded.verify(await sign('HS256', secret), NOW_MS)).toBeDefined();
    for (const alg of ['HS384', 'HS512']) expect(await padded.verify(await sign(alg, secret), NOW_MS)).toBeUndefined();
    expect(await verify(await sign('EdDSA', generateKeyPairSync('ed25519').privateKey))).toBeUndefined();
    expect(await verify(new UnsecuredJWT(claims).encode())).toBeUndefined();
  });

  it('is refused with any of its characters changed, and as another text', async () => {
    const good = forge();
    for (let at = 0; at < good.length - 1; at += 5) {
      const changed = `${good.slice(0, at)}${good[at] === 'x' ? 'y' : 'x'}${good.slice(at + 1)}`;
      expect(await verify(changed)).toBeUndefined();
    }
    for (const text of [
      '',
      '.',
      '..',
      '...',
      'a.b.c',
      good.slice(0, -1),
      `${good}A`,
      `${good}.`,
      ` ${good}`,
      'ä.ö.ü',
    ]) {
      expect(await verify(text)).toBeUndefined();
    }
  });
});
