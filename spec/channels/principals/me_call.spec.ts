import { SignJWT } from 'jose';
import { ADMIN_TOKEN, registerAgent, startAerieInFolder } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { register, suspend } from '../lists/people.ts';

onEveryDeployment('GET /api/me', (deployment) => {
  const me = (credential?: string) => deployment().there.call<Record<string, unknown>>('GET', '/api/me', credential);
  const tokenOf = async (apiKey: string) => {
    const { body } = await deployment().here.call<{ token: string; expires_at: string }>(
      'POST',
      '/api/session_tokens',
      apiKey,
    );
    return body;
  };

  it('says whose credential it is', async () => {
    const { here, networkId: network_id } = deployment();
    const agent = await registerAgent(here);
    const described = { kind: 'agent', id: agent.id, status: 'active', key_id: agent.keyId, network_id };
    expect(await me(agent.apiKey)).toMatchObject({ status: 200 });
    expect((await me(agent.apiKey)).body).toEqual(described);
    const { token, expires_at } = await tokenOf(agent.apiKey);
    expect((await me(token)).body).toEqual({ ...described, expires_at });
    expect((await me(ADMIN_TOKEN)).body).toEqual({ kind: 'admin', network_id });
    for (const kind of ['user', 'app'] as const) {
      const { id, apiKey } = await register(here, kind);
      expect((await me(apiKey)).body).toEqual({ kind, id, key_id: expect.any(String), network_id });
    }
  });

  it('tells a suspended agent that it is, and what is dead or was never alive nothing', async () => {
    const { here } = deployment();
    const agent = await registerAgent(here);
    const { token } = await tokenOf(agent.apiKey);
    await suspend(here, agent);
    for (const credential of [agent.apiKey, token]) {
      expect(await me(credential)).toMatchObject({ status: 200, body: { id: agent.id, status: 'suspended' } });
    }
    await here.call('DELETE', `/api/agents/${agent.id}/keys/${agent.keyId}`, ADMIN_TOKEN);
    for (const credential of [agent.apiKey, token, 'nothing', undefined]) {
      expect(await me(credential)).toMatchObject({ status: 401, body: { reason: 'unauthorized' } });
    }
  });
});

it('a token with a type is no credential', async () => {
  const secret = 'the-secret-by-which-tokens-are-signed';
  const aerie = await startAerieInFolder({ TOKEN_SECRET: secret });
  try {
    const { id, keyId } = await registerAgent(aerie);
    const sign = (claims: Record<string, string>) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid: keyId })
        .setSubject(`agent:${id}`)
        .setExpirationTime('1h')
        .sign(Buffer.from(secret));
    expect(await aerie.call('GET', '/api/me', await sign({}))).toMatchObject({ status: 200 });
    for (const type of ['session', '']) {
      expect(await aerie.call('GET', '/api/me', await sign({ type }))).toMatchObject({ status: 401 });
    }
  } finally {
    await aerie.stop();
  }
});
