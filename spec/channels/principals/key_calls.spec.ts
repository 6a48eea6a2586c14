import { expectRefused, withApi } from './api.ts';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

withApi((cast, call) => {
  describe('the keys of an account', () => {
    const account = { users: () => cast().user, apps: () => cast().app, agents: () => cast().owned };

    describe.each(Object.entries(account))('/api/%s/{id}/keys', (kind, whose) => {
      const path = () => `/api/${kind}/${whose().id}/keys`;

      it('are made, listed and revoked, once', async () => {
        const made = await call('POST', path(), whose().apiKey);
        expect(made).toEqual({
          status: 201,
          body: { key_id: expect.any(String), api_key: expect.stringMatching(/^aerie_sk_/) },
        });
        const { key_id: keyId, api_key: apiKey } = made.body;
        const listed = await call('GET', path(), whose().token);
        expect(listed.status).toBe(200);
        expect(listed.body.keys.at(-1)).toEqual({
          key_id: keyId,
          inserted_at: expect.stringMatching(ISO),
          last_used_at: null,
          revoked_at: null,
        });
        expect(JSON.stringify(listed.body)).not.toContain(apiKey);

        const { body } = await call('POST', '/api/session_tokens', apiKey);
        expect(await call('DELETE', `${path()}/${keyId}`, whose().apiKey)).toEqual({ status: 204, body: undefined });
        expect(cast().api.told).toEqual([['credentialRevoked', keyId]]);
        for (const dead of [apiKey, body.token]) expectRefused(await call('GET', path(), dead), 401, 'unauthorized');
        expectRefused(await call('DELETE', `${path()}/${keyId}`, whose().apiKey), 404, 'not_found');
        expect((await call('GET', path(), cast().api.admin)).body.keys.at(-1)).toMatchObject({
          key_id: keyId,
          last_used_at: expect.stringMatching(ISO),
          revoked_at: expect.stringMatching(ISO),
        });
      });

      it('may make or revoke with a body that says nothing', async () => {
        const { body } = await call('POST', path(), cast().api.admin, {});
        expect((await call('DELETE', `${path()}/${body.key_id}`, cast().api.admin, {})).status).toBe(204);
      });

      it('want an API key to change', async () => {
        expectRefused(await call('POST', path(), whose().token), 403, 'forbidden');
        expectRefused(await call('DELETE', `${path()}/${whose().keyId}`, whose().token), 403, 'forbidden');
      });

      it('are nobody else’s', async () => {
        const { stranger, app, other } = cast();
        const strangers = [stranger, app, other].filter(({ id }) => id !== whose().id);
        for (const { apiKey, token } of strangers) {
          expectRefused(await call('GET', path(), token), 403, 'forbidden');
          expectRefused(await call('POST', path(), apiKey), 403, 'forbidden');
          expectRefused(await call('DELETE', `${path()}/${whose().keyId}`, apiKey), 403, 'forbidden');
          expectRefused(await call('DELETE', `${path()}/nothing`, apiKey), 403, 'forbidden');
        }
        expectRefused(await call('GET', path()), 401, 'unauthorized');
        expect(cast().api.told).toEqual([]);
      });

      it('answer 404 for an account or a key that is not there', async () => {
        for (const method of ['GET', 'POST']) {
          expectRefused(await call(method, `/api/${kind}/nobody/keys`, cast().api.admin), 404, 'not_found');
        }
        for (const keyId of ['nothing', cast().other.keyId, 'a%00b', '__proto__']) {
          expectRefused(await call('DELETE', `${path()}/${keyId}`, cast().api.admin), 404, 'not_found');
        }
        expect(cast().api.told).toEqual([]);
      });
    });

    it('of an agent are its owner’s too', async () => {
      const path = `/api/agents/${cast().owned.id}/keys`;
      const { body } = await call('POST', path, cast().user.apiKey);
      expect((await call('GET', path, cast().user.token)).status).toBe(200);
      expect((await call('DELETE', `${path}/${body.key_id}`, cast().user.apiKey)).status).toBe(204);
    });

    it('are told again when they are revoked again, for the sake of sockets that did not hear', async () => {
      const path = `/api/agents/${cast().owned.id}/keys`;
      const { body } = await call('POST', path, cast().user.apiKey);
      await call('DELETE', `${path}/${body.key_id}`, cast().user.apiKey);
      await call('DELETE', `${path}/${body.key_id}`, cast().user.apiKey);
      expect(cast().api.told).toEqual([
        ['credentialRevoked', body.key_id],
        ['credentialRevoked', body.key_id],
      ]);
    });
  });
});
