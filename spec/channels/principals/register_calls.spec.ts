import { anybody, expectRefused, withApi } from './api.ts';
import { freshId, newPublicKey } from './fixtures.ts';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

withApi((cast, call) => {
  describe.each(['user', 'app'] as const)('POST /api/%ss', (kind) => {
    const path = `/api/${kind}s`;

    it('registers one, for the admin, and shows its key once', async () => {
      const id = freshId(kind);
      const { status, body } = await call('POST', path, cast().api.admin, { id, name: 'Ä', more: 1 });
      expect(status).toBe(201);
      expect(body).toEqual({
        [kind]: { id, name: 'Ä', inserted_at: expect.stringMatching(ISO) },
        api_key: expect.stringMatching(/^aerie_sk_[A-Za-z0-9_-]{43}$/),
        key_id: expect.any(String),
      });
      expect((await call('POST', '/api/session_tokens', body.api_key)).status).toBe(201);

      const { api_key: _, ...shown } = body;
      expect(await call('POST', path, cast().api.admin, { name: 'Ä', id })).toEqual({ status: 200, body: shown });
      const conflict = await call('POST', path, cast().api.admin, { id, name: 'B' });
      expectRefused(conflict, 409, 'conflict');
      expect(JSON.stringify(conflict.body)).not.toContain(id);
    });

    it('makes an id where none is given', async () => {
      const { body } = await call('POST', path, cast().api.admin, { name: 'x', id: null });
      expect(body[kind].id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    });

    it('refuses what is not well-formed, then everybody but the admin', async () => {
      for (const body of [
        {},
        { name: '' },
        { name: 7 },
        { name: null },
        { name: 'x', id: '../x' },
        { name: 'x', id: 'toString' },
      ]) {
        expectRefused(await call('POST', path, cast().api.admin, body), 400, 'invalid_payload');
      }
      expectRefused(await call('POST', path, undefined, { name: 'x' }), 401, 'unauthorized');
      for (const credential of anybody(cast())) {
        expectRefused(await call('POST', path, credential, {}), 400, 'invalid_payload');
        expectRefused(await call('POST', path, credential, { name: 'x' }), 403, 'forbidden');
      }
    });
  });

  describe('POST /api/agents', () => {
    const register = (credential: string | undefined, body: object) => call('POST', '/api/agents', credential, body);

    it('registers one with defaults, canonical prices and its key in the standard alphabet', async () => {
      const publicKey = newPublicKey();
      const urlSafe = publicKey.replaceAll('+', '-').replaceAll('/', '_').replace('=', '');
      const { status, body } = await register(cast().api.admin, {
        name: 'Echo',
        public_key: urlSafe,
        capabilities: [
          'chat',
          { name: 'draw', price: 0.5, description: null },
          { name: 'sum', price: '1.50', description: 'Adds' },
        ],
      });
      expect(status).toBe(201);
      expect(body).toEqual({
        agent: {
          id: expect.stringMatching(/-7/),
          name: 'Echo',
          public_key: publicKey,
          user_id: null,
          capabilities: [
            { name: 'chat', price: '0' },
            { name: 'draw', price: '0.5' },
            { name: 'sum', price: '1.5', description: 'Adds' },
          ],
          metadata: {},
          reputation: 2.5,
          status: 'active',
          inserted_at: expect.stringMatching(ISO),
        },
        api_key: expect.any(String),
        key_id: expect.any(String),
      });
      expect(await call('GET', `/api/agents/${body.agent.id}`, cast().api.admin)).toEqual({
        status: 200,
        body: { agent: body.agent },
      });
    });

    it('gives a user its own, and answers its repeat with what there is by now', async () => {
      const request = {
        id: freshId('a'),
        name: 'Echo',
        public_key: newPublicKey(),
        capabilities: [{ name: 'chat', price: '1.50' }],
      };
      const { status, body } = await register(cast().user.apiKey, request);
      expect(status).toBe(201);
      expect(body.agent.user_id).toBe(cast().user.id);
      const patched = await call('PATCH', `/api/agents/${request.id}`, cast().user.apiKey, { name: 'Renamed' });
      const sameInOtherWords = {
        ...request,
        user_id: cast().user.id,
        metadata: {},
        capabilities: [{ price: 1.5, name: 'chat' }],
      };
      for (const again of [request, sameInOtherWords]) {
        expect(await register(cast().user.apiKey, again)).toEqual({
          status: 200,
          body: { ...patched.body, key_id: body.key_id },
        });
      }
      expectRefused(await register(cast().user.apiKey, { ...request, name: 'Other' }), 409, 'conflict');
      expectRefused(await register(cast().stranger.apiKey, request), 409, 'conflict');
      expectRefused(await register(cast().api.admin, { ...request, user_id: cast().user.id }), 409, 'conflict');
    });

    it('lets a user name itself and nobody else, and the admin any user there is', async () => {
      const request = () => ({ name: 'Echo', public_key: newPublicKey() });
      expect((await register(cast().user.apiKey, { ...request(), user_id: cast().user.id })).status).toBe(201);
      expectRefused(
        await register(cast().user.apiKey, { ...request(), user_id: cast().stranger.id }),
        403,
        'forbidden',
      );
      expectRefused(await register(cast().user.apiKey, { ...request(), user_id: 'nobody' }), 403, 'forbidden');
      expect((await register(cast().api.admin, { ...request(), user_id: cast().stranger.id })).body.agent.user_id).toBe(
        cast().stranger.id,
      );
      expectRefused(await register(cast().api.admin, { ...request(), user_id: 'nobody' }), 404, 'not_found');
      expectRefused(await register(cast().api.admin, { ...request(), user_id: cast().app.id }), 404, 'not_found');
    });

    it('is for the admin and users with an API key', async () => {
      const request = { name: 'Echo', public_key: newPublicKey() };
      expectRefused(await register(undefined, request), 401, 'unauthorized');
      const { app, owned, other } = cast();
      for (const { apiKey, token } of [app, owned, other]) {
        for (const credential of [apiKey, token]) expectRefused(await register(credential, request), 403, 'forbidden');
      }
      expectRefused(await register(cast().user.token, request), 403, 'forbidden');
    });

    const tooMany = Array.from({ length: 101 }, (_, at) => `c${at}`);
    it.each<[string, object]>([
      ['no name', { name: undefined }],
      ['no key', { public_key: undefined }],
      ['a key that is no base64', { public_key: 'x' }],
      ['a key of small order', { public_key: `AQ${'A'.repeat(41)}=` }],
      ['a malformed id', { id: 'a b' }],
      ['a malformed owner', { user_id: '__proto__' }],
      ['capabilities that are no list', { capabilities: { name: 'x' } }],
      ['too many capabilities', { capabilities: tooMany }],
      ['a capability twice', { capabilities: ['x', { name: 'x', price: '1' }] }],
      ['a capability without a name', { capabilities: [{ price: '1' }] }],
      ['an empty capability', { capabilities: [''] }],
      ['a capability on two lines', { capabilities: ['a\nb'] }],
      ['a long capability', { capabilities: ['x'.repeat(65)] }],
      ['a negative price', { capabilities: [{ name: 'x', price: -1 }] }],
      ['a price of 7 decimals', { capabilities: [{ name: 'x', price: '0.0000001' }] }],
      ['a long description', { capabilities: [{ name: 'x', description: 'x'.repeat(257) }] }],
      ['metadata that is a list', { metadata: [] }],
      ['metadata that is nested too deep', { metadata: { x: JSON.parse(`${'['.repeat(64)}${']'.repeat(64)}`) } }],
    ])('refuses %s', async (_what, fields) => {
      const reply = await register(cast().api.admin, { name: 'Echo', public_key: newPublicKey(), ...fields });
      expectRefused(reply, 400, 'invalid_payload');
      expect(reply.body.errors[0]).toEqual({ path: expect.any(String), message: expect.any(String) });
    });

    it('takes what is just within the bounds', async () => {
      const capabilities = [
        ...tooMany.slice(0, 98),
        '__proto__',
        { name: '🦅'.repeat(64), price: '999999999.999999', description: 'x'.repeat(256) },
      ];
      const metadata = { constructor: 'x'.repeat(8 * 1_024 - '{"constructor":""}'.length) };
      const request = {
        id: 'a'.repeat(120) + freshId(),
        name: 'x'.repeat(256),
        public_key: newPublicKey(),
        capabilities,
        metadata,
      };
      const { status, body } = await register(cast().api.admin, request);
      expect(status).toBe(201);
      expect(body.agent).toMatchObject({ metadata, id: request.id });
      expect(body.agent.capabilities).toHaveLength(100);
      const larger = { constructor: `${metadata.constructor}x` };
      expectRefused(
        await register(cast().api.admin, { ...request, id: freshId(), metadata: larger }),
        413,
        'payload_too_large',
      );
    });
  });
});
