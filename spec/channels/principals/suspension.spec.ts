import { expectRefused, newPrincipal, type TestPrincipal, withApi } from './api.ts';

withApi((cast, call) => {
  describe('a suspended agent', () => {
    let suspended: TestPrincipal;
    beforeAll(async () => {
      suspended = await newPrincipal(cast().api, 'agent', { user_id: cast().user.id });
      const { body } = await call('PATCH', `/api/agents/${suspended.id}`, cast().api.admin, { status: 'suspended' });
      expect(body.agent.status).toBe('suspended');
    });

    it('is told of, again when suspended again', async () => {
      await call('PATCH', `/api/agents/${suspended.id}`, cast().api.admin, { status: 'active' });
      await call('PATCH', `/api/agents/${suspended.id}`, cast().api.admin, { status: 'suspended', name: 'x' });
      await call('PATCH', `/api/agents/${suspended.id}`, cast().api.admin, { status: 'suspended' });
      const { id } = suspended;
      expect(cast().api.told).toEqual([
        ['agentChanged', id, 'status'],
        ['agentChanged', id, 'name', 'status'],
        ['agentSuspended', id],
        ['agentSuspended', id],
      ]);
    });

    it('reads its own things and does nothing else', async () => {
      const own = `/api/agents/${suspended.id}`;
      for (const credential of [suspended.apiKey, suspended.token]) {
        expect((await call('GET', own, credential)).status).toBe(200);
        expect((await call('GET', `${own}/keys`, credential)).status).toBe(200);
        const refused: [string, string][] = [
          ['GET', `/api/agents/${cast().other.id}`],
          ['GET', '/api/agents/nobody'],
          ['GET', `/api/agents/${cast().other.id}/keys`],
          ['PATCH', own],
          ['POST', `${own}/keys`],
          ['DELETE', `${own}/keys/${suspended.keyId}`],
          ['POST', '/api/session_tokens'],
          ['POST', '/api/agents'],
          ['POST', '/api/users'],
        ];
        for (const [method, path] of refused) expectRefused(await call(method, path, credential, {}), 403, 'forbidden');
      }
    });

    it('is still managed by its owner and seen by others', async () => {
      const own = `/api/agents/${suspended.id}`;
      expect((await call('PATCH', own, cast().user.apiKey, { name: 'Renamed' })).status).toBe(200);
      expect((await call('GET', own, cast().other.token)).body.agent.status).toBe('suspended');
    });

    it('is as before once it is active again', async () => {
      const agent = await newPrincipal(cast().api, 'agent');
      await call('PATCH', `/api/agents/${agent.id}`, cast().api.admin, { status: 'suspended' });
      await call('PATCH', `/api/agents/${agent.id}`, cast().api.admin, { status: 'active' });
      expect((await call('PATCH', `/api/agents/${agent.id}`, agent.apiKey, { name: 'Back' })).status).toBe(200);
      expect((await call('GET', `/api/agents/${cast().other.id}`, agent.token)).status).toBe(200);
    });
  });
});
