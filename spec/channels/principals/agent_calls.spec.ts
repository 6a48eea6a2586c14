import { anybody, expectRefused, newPrincipal, withApi } from './api.ts';
import { freshId, newPublicKey } from './fixtures.ts';

withApi((cast, call) => {
  describe('GET /api/agents/{id}', () => {
    it('is for anybody with a credential', async () => {
      for (const credential of [cast().api.admin, ...anybody(cast())]) {
        const { status, body } = await call('GET', `/api/agents/${cast().owned.id}`, credential);
        expect({ status, id: body.agent.id }).toEqual({ status: 200, id: cast().owned.id });
      }
      expectRefused(await call('GET', `/api/agents/${cast().owned.id}`), 401, 'unauthorized');
      expectRefused(await call('GET', `/api/agents/${cast().owned.id}`, 'bad'), 401, 'unauthorized');
    });

    it('answers 404 for what is not there or cannot be', async () => {
      for (const id of ['nobody', cast().user.id, 'a%00b', '%2e%2e', 'toString', '__proto__', 'x'.repeat(200), '%ff']) {
        expectRefused(await call('GET', `/api/agents/${id}`, cast().api.admin), 404, 'not_found');
      }
      expectRefused(await call('GET', '/api/agents/nobody'), 401, 'unauthorized');
    });
  });

  describe('PATCH /api/agents/{id}', () => {
    const patch = (credential: string | undefined, body: object, id = cast().owned.id) =>
      call('PATCH', `/api/agents/${id}`, credential, body);

    it('replaces each field whole, for the admin, the owner and the agent, and tells what changed', async () => {
      for (const credential of [cast().api.admin, cast().user.apiKey, cast().owned.apiKey]) {
        cast().api.told.length = 0;
        const name = freshId('name');
        const { status, body } = await patch(credential, { name, capabilities: [name], metadata: { [name]: null } });
        expect(status).toBe(200);
        expect(body.agent).toMatchObject({ name, capabilities: [{ name, price: '0' }], metadata: { [name]: null } });
        expect(Object.keys(body.agent.metadata)).toEqual([name]);
        expect(cast().api.told).toEqual([['agentChanged', cast().owned.id, 'name', 'capabilities', 'metadata']]);
        expect((await call('GET', `/api/agents/${cast().owned.id}`, cast().other.token)).body).toEqual(body);
      }
    });

    it('changes and tells nothing where nothing is new', async () => {
      const { body } = await patch(cast().owned.apiKey, { metadata: { x: 1 } });
      cast().api.told.length = 0;
      for (const same of [{}, { metadata: { x: 1 } }, { name: null, capabilities: null }]) {
        expect(await patch(cast().owned.apiKey, same)).toEqual({ status: 200, body });
      }
      expect(cast().api.told).toEqual([]);
    });

    it('lets the admin alone set status and reputation', async () => {
      expect((await patch(cast().api.admin, { reputation: 4.567 })).body.agent.reputation).toBe(4.57);
      expect((await patch(cast().api.admin, { name: 'x' })).body.agent.reputation).toBe(4.57);
      for (const field of [{ status: 'active' }, { reputation: 5 }, { reputation: null }]) {
        for (const credential of [cast().user.apiKey, cast().owned.apiKey]) {
          expectRefused(await patch(credential, { name: 'not taken', ...field }), 403, 'forbidden');
        }
      }
      expect((await patch(cast().api.admin, { reputation: null })).body.agent).toMatchObject({
        reputation: 2.5,
        name: 'x',
      });
    });

    // Such a field was left out in silence.
    it('refuses to change what nobody changes, and names it', async () => {
      const { owned, other, user, api } = cast();
      const { agent } = (await call('GET', `/api/agents/${owned.id}`, api.admin)).body;
      const others: Record<string, unknown[]> = {
        id: [other.id, 7],
        public_key: [newPublicKey(), '', 7, {}],
        inserted_at: ['2026-01-01T00:00:00.000Z', 0],
      };
      for (const credential of [api.admin, user.apiKey, owned.apiKey]) {
        const isAdmin = credential === api.admin;
        const fixed = isAdmin ? others : { ...others, user_id: ['somebody', null] };
        for (const [field, values] of Object.entries(fixed)) {
          for (const value of values) {
            const answer = await patch(credential, { name: 'not taken', [field]: value });
            expectRefused(answer, 403, 'forbidden');
            expect(answer.body).toMatchObject({ details: { field } });
          }
        }
        const { status: _, reputation: __, ...own } = agent;
        const publicKey = agent.public_key.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
        for (const same of [own, { ...own, public_key: publicKey }, { ...own, public_key: null, id: null, more: 1 }]) {
          expect((await patch(credential, same)).body.agent).toEqual(agent);
        }
      }
      expect((await patch(cast().stranger.apiKey, { id: 'x' })).body).not.toHaveProperty('details');
    });

    it('takes an agent without an owner at its word', async () => {
      const free = await newPrincipal(cast().api, 'agent');
      const body = { user_id: null };
      expect((await call('PATCH', `/api/agents/${free.id}`, free.apiKey, body)).status).toBe(200);
      expectRefused(await call('PATCH', `/api/agents/${free.id}`, free.apiKey, { user_id: 'x' }), 403, 'forbidden');
    });

    it('lets the admin alone give an agent to another owner, or to none', async () => {
      const { api, owned, user } = cast();
      const other = await newPrincipal(api, 'user');
      const owner = async () => (await call('GET', `/api/agents/${owned.id}`, api.admin)).body.agent.user_id;
      api.told.length = 0;
      expect((await patch(api.admin, { user_id: other.id })).body.agent.user_id).toBe(other.id);
      expect(api.told).toEqual([
        ['agentChanged', owned.id, 'userId'],
        ['ownerLost', user.id],
      ]);
      expectRefused(await patch(user.apiKey, { name: 'x' }), 403, 'forbidden');
      expect((await patch(other.apiKey, { name: 'y' })).status).toBe(200);
      expectRefused(await patch(api.admin, { user_id: 'nobody' }), 404, 'not_found');
      expectRefused(await patch(api.admin, { user_id: 7 }), 400, 'invalid_payload');
      expect(await owner()).toBe(other.id);
      expect((await patch(api.admin, { user_id: null })).body.agent.user_id).toBeNull();
      api.told.length = 0;
      expect((await patch(api.admin, { user_id: null })).status).toBe(200);
      expect((await patch(api.admin, { user_id: user.id })).body.agent.user_id).toBe(user.id);
      expect(api.told).toEqual([['agentChanged', owned.id, 'userId']]);
    });

    it('answers 404, then 400, then 403', async () => {
      expectRefused(await patch(undefined, {}), 401, 'unauthorized');
      expectRefused(await patch(cast().other.apiKey, { name: 7 }, 'nobody'), 404, 'not_found');
      expectRefused(await patch(cast().other.apiKey, { name: 7 }), 400, 'invalid_payload');
      for (const credential of [cast().other.apiKey, cast().app.apiKey, cast().stranger.apiKey, cast().other.token]) {
        expectRefused(await patch(credential, { name: 'x' }), 403, 'forbidden');
      }
    });

    it('wants an API key', async () => {
      for (const token of [cast().owned.token, cast().user.token])
        expectRefused(await patch(token, { name: 'x' }), 403, 'forbidden');
    });

    it.each([
      { name: '' },
      { capabilities: 'x' },
      { capabilities: ['x', 'x'] },
      { metadata: 'x' },
      { status: 'gone' },
      { reputation: 5.01 },
      { reputation: -1 },
      { reputation: '5' },
    ])('refuses %p', async (fields) => {
      expectRefused(await patch(cast().api.admin, fields), 400, 'invalid_payload');
    });

    it('refuses metadata over 8 KiB', async () => {
      expectRefused(await patch(cast().owned.apiKey, { metadata: { x: 'ä'.repeat(4_096) } }), 413, 'payload_too_large');
    });
  });

  it('answers nothing where the contract has nothing', async () => {
    for (const [method, path, status] of [
      ['GET', '/api/users', 405],
      ['GET', `/api/users/${cast().user.id}`, 404],
      ['DELETE', `/api/agents/${cast().owned.id}`, 405],
      ['GET', '/api', 404],
    ] as const) {
      expect((await call(method, path, cast().api.admin)).status).toBe(status);
    }
  });
});
