import { readSecrets } from '../../../channels/principals/secrets.ts';
import { sha256Hex } from '../../../crypto/secrets.ts';
import { embeddedStore, onEveryStore } from '../stores.ts';

describe('the deployment’s secrets', () => {
  onEveryStore((opened) => {
    it('are made once, whoever starts first, and the admin token is told only there', async () => {
      const { store, peer } = opened();
      const started = await Promise.all([store, peer, store, peer].map((node) => readSecrets(node, {})));
      const [{ adminTokenSha256, tokenSecret } = { adminTokenSha256: '', tokenSecret: '' }] = started;
      for (const secrets of started) expect(secrets).toMatchObject({ adminTokenSha256, tokenSecret });
      const made = started.flatMap(({ madeAdminToken }) => madeAdminToken ?? []);
      expect(made).toHaveLength(1);
      expect(sha256Hex(made[0] ?? '')).toBe(adminTokenSha256);
      expect(Math.min(made[0]?.length ?? 0, tokenSecret.length)).toBeGreaterThanOrEqual(32);

      expect(await readSecrets(peer, {})).toEqual({ adminTokenSha256, tokenSecret, madeAdminToken: undefined });
      for (const id of ['admin_token_sha256', 'token_secret']) {
        expect(JSON.stringify((await store.read({ kind: 'secret', id })).fields)).not.toContain(made[0]);
      }
    });

    it('that are configured count instead, and are not kept', async () => {
      const { store } = opened();
      const [adminToken, tokenSecret] = ['an admin token of enough characters', 'a token secret of enough characters'];
      const secrets = { adminTokenSha256: sha256Hex(adminToken), tokenSecret, madeAdminToken: undefined };
      expect(await readSecrets(store, { adminToken, tokenSecret })).toEqual(secrets);
      expect((await readSecrets(store, {})).tokenSecret).not.toBe(tokenSecret);
    });
  });

  it('are not made where both are configured', async () => {
    const { store, discard } = await embeddedStore();
    await readSecrets(store, { adminToken: 'x'.repeat(32), tokenSecret: 'y'.repeat(32) });
    expect((await store.read({ kind: 'secret', id: 'admin_token_sha256' })).version).toBe(0);
    expect((await store.read({ kind: 'secret', id: 'token_secret' })).version).toBe(0);
    await discard();
  });
});
