import { ADMIN_TOKEN, type Aerie, registerAgent, startAerieInFolder, type TestAgent } from '../support/aerie.ts';

describe('a suspended agent', () => {
  let aerie: Aerie;
  let agent: TestAgent;
  let token: string;

  beforeAll(async () => {
    aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0' });
    agent = await registerAgent(aerie);
    const [one, other] = [await registerAgent(aerie), await registerAgent(aerie, { id: 'other' })];
    const make = async (path: string, credential: string, body: object) => {
      const made = await aerie.call('POST', path, credential, body);
      if (made.status !== 201) throw new Error(JSON.stringify(made.body));
      return made.body as never;
    };
    for (const [id, a] of [
      ['own', agent.id],
      ['theirs', one.id],
    ] as const) {
      const roles = { id, client_agent_id: a, provider_agent_id: other.id };
      await make('/api/tasks', ADMIN_TOKEN, roles);
      await make('/api/negotiations', ADMIN_TOKEN, { ...roles, base_price: '1' });
      const deposits = { deposit_a: '1', deposit_b: '1' };
      await make('/api/payment_channels', ADMIN_TOKEN, { id, agent_a: a, agent_b: other.id, ...deposits });
      await make('/api/messages', other.apiKey, { id, to_agent_id: a, type: 'hello', payload: {} });
    }
    ({ token } = await make('/api/session_tokens', agent.apiKey, {}));
    await aerie.call('PATCH', `/api/agents/${agent.id}`, ADMIN_TOKEN, { status: 'suspended' });
  });
  afterAll(() => aerie.stop());

  const readable = ['/api/tasks/ID', '/api/negotiations/ID', '/api/payment_channels/ID', '/api/messages/ID'];
  const paths = [...readable, '/api/payment_channels/ID/history', '/api/agents/ID', '/api/agents/ID/keys'];

  it.each(paths)('GET %s: its own and no other, whether that is there or not', async (path) => {
    const own = path.includes('/agents/') ? agent.id : 'own';
    const others = path.includes('/agents/') ? ['other'] : ['theirs'];
    for (const credential of [agent.apiKey, token]) {
      expect((await aerie.call('GET', path.replace('ID', own), credential)).status).toBe(200);
      for (const id of [...others, 'nothing', 'a%20b', 'constructor']) {
        const { status, body } = await aerie.call('GET', path.replace('ID', id), credential);
        expect([id, status, body]).toEqual([id, 403, expect.objectContaining({ details: { status: 'suspended' } })]);
      }
    }
  });

  it.each(['users', 'apps'])('GET /api/%s/…/keys is refused', async (kind) => {
    for (const id of ['nothing', agent.id]) {
      expect((await aerie.call('GET', `/api/${kind}/${id}/keys`, agent.apiKey)).status).toBe(403);
    }
  });

  it.each([
    ['POST', '/api/tasks'],
    ['POST', '/api/negotiations'],
    ['POST', '/api/payment_channels'],
    ['POST', '/api/payment_channels/theirs/evidence'],
    ['POST', '/api/payment_channels/nothing/evidence'],
    ['POST', '/api/messages'],
    ['POST', '/api/session_tokens'],
    ['POST', '/api/users'],
    ['POST', '/api/apps'],
    ['POST', '/api/agents'],
    ['PATCH', '/api/agents/nothing'],
    ['POST', '/api/agents/nothing/keys'],
    ['DELETE', '/api/agents/nothing/keys/nothing'],
  ])('%s %s is refused before anything is looked at', async (method, path) => {
    const { status, body } = await aerie.call(method, path, agent.apiKey, '{"not": JSON');
    expect([status, body]).toEqual([403, expect.objectContaining({ details: { status: 'suspended' } })]);
  });

  it('lists its own tasks', async () => {
    const { status, body } = await aerie.call<{ tasks: { id: string }[] }>('GET', '/api/tasks', agent.apiKey);
    expect([status, body.tasks.map(({ id }) => id)]).toEqual([200, ['own']]);
  });
});
