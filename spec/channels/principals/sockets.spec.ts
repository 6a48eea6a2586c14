import { LongPoll } from 'phoenix';
import { SessionTokens } from '../../../crypto/session_tokens.ts';
import { ADMIN_TOKEN, type Aerie, registerAgent, type TestAgent } from '../../support/aerie.ts';
import { onEveryDeploymentWith } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, request, type SocketClient, upgradeHeaders } from '../../support/frames.ts';
import { Client } from '../../support/official_client.ts';

let addresses = 0;
/** Connects that are refused again and again from one address are held; these come from one each. */
const fromAnotherAddress = () => ({ 'X-Forwarded-For': `10.0.${addresses++ >> 8}.${addresses & 255}` });

const TOKEN_SECRET = 'the-tokens-of-this-spec-are-signed-with-this';

const env = { HTTP_RATE_LIMIT: '0', MAX_SOCKETS_PER_AGENT: '3', TOKEN_SECRET, TRUST_PROXY: '127.0.0.1' };

interface RefusedLine {
  readonly msg: string;
  readonly mount: string;
  readonly reason: string;
  readonly id?: string;
}

const refusedLines = ({ stdout }: Aerie): RefusedLine[] =>
  stdout()
    .split('\n')
    .filter((line) => line.includes('"connect refused"'))
    .map((line) => JSON.parse(line) as RefusedLine);

onEveryDeploymentWith(env, 'sockets', (deployment) => {
  let here: Aerie;
  let there: Aerie;
  let agent: TestAgent;
  let token: string;
  let user: { apiKey: string; token: string };
  let open: SocketClient[];

  beforeAll(async () => {
    ({ here, there } = deployment());
    const { body } = await here.call<{ api_key: string }>('POST', '/api/users', ADMIN_TOKEN, { name: 'Grace' });
    user = { apiKey: body.api_key, token: await tokenFor(body.api_key, 3_600) };
  });
  beforeEach(async () => {
    open = [];
    agent = await registerAgent(here);
    token = await tokenFor(agent.apiKey);
  });
  afterEach(() => Promise.all(open.map((client) => client.close())));

  async function tokenFor(apiKey: string, ttlSeconds = 60): Promise<string> {
    const { body } = await here.call<{ token: string }>('POST', '/api/session_tokens', apiKey, {
      ttl_seconds: ttlSeconds,
    });
    return body.token;
  }

  const subprotocol = (authToken: string) =>
    `phoenix, base64url.bearer.phx.${Buffer.from(authToken).toString('base64').replace(/=+$/, '')}`;

  async function enter(
    node: Aerie,
    path: string,
    params: Record<string, string>,
    authToken?: string,
  ): Promise<SocketClient> {
    const query = new URLSearchParams({ vsn: '2.0.0', ...params });
    const client = await connect(`${node.url}${path}?${query}`, {
      headers: fromAnotherAddress(),
      ...(authToken && { subprotocol: subprotocol(authToken) }),
    });
    open.push(client);
    return client;
  }

  /** Tells the agents' socket from the others: only that one knows this topic. */
  async function knowsDiscovery(client: SocketClient): Promise<boolean> {
    await client.send('["1","1","agents:discovery","phx_join",{"presence":false}]');
    return !String(await client.next()).includes('unmatched topic');
  }

  it('an agent comes in with its key or a token, as parameter or as authToken, on every path of the mount', async () => {
    const ways: [Record<string, string>, string?][] = [
      [{ api_key: agent.apiKey }],
      [{ session_token: token }],
      [{}, agent.apiKey],
      [{}, token],
    ];
    for (const path of ['/socket/websocket', '/socket']) {
      for (const [params, authToken] of ways) {
        const client = await enter(there, path, params, authToken);
        expect(await knowsDiscovery(client)).toBe(true);
        await client.close();
      }
    }
  });

  it('a user comes in the same ways, to a socket without the agents’ topics', async () => {
    for (const [params, authToken] of [
      [{ api_key: user.apiKey }],
      [{ session_token: user.token }],
      [{}, user.apiKey],
    ] as const) {
      expect(
        await knowsDiscovery(await enter(here, '/socket/websocket', params as Record<string, string>, authToken)),
      ).toBe(false);
    }
  });

  it('an agent’s inbox is another socket, which wants a token of that agent', async () => {
    const params = { agent_id: agent.id, token };
    for (const path of ['/user_socket/websocket', '/user_socket', '/socket/websocket', '/socket']) {
      const client = await enter(here, path, params);
      expect(await knowsDiscovery(client)).toBe(false);
      await client.close();
    }
    await enter(here, '/user_socket/websocket', {}, token);
  });

  it('anything else is HTTP 403, and over long-poll a 403 in the body', async () => {
    const other = await registerAgent(here);
    const refused: [string, Record<string, string>][] = [
      ['/socket', {}],
      ['/socket', { api_key: 'garbage' }],
      ['/socket', { api_key: `${agent.apiKey}x` }],
      ['/socket', { api_key: ADMIN_TOKEN }],
      ['/socket', { session_token: `${token.slice(0, -2)}xx` }],
      ['/socket', { session_token: agent.apiKey }],
      ['/socket', { api_key: token }],
      ['/socket', { session_token: user.apiKey }],
      ['/socket', { api_key: user.token }],
      ['/socket', { api_key: token, session_token: token }],
      ['/socket', { agent_id: agent.id, token: agent.apiKey }],
      ['/socket', { agent_id: other.id, token }],
      ['/user_socket', { agent_id: other.id, token }],
      ['/user_socket', { agent_id: agent.id }],
      ['/user_socket', { agent_id: agent.id, token: user.token }],
      ['/user_socket', { api_key: agent.apiKey }],
      ['/socket', { api_key: agent.apiKey, vsn: '3.0.0' }],
    ];
    for (const [mount, params] of refused) {
      const query = new URLSearchParams({ vsn: '2.0.0', ...params });
      const headers = fromAnotherAddress();
      const answer = await request('GET', `${here.url}${mount}/websocket?${query}`, {
        headers: { ...upgradeHeaders, ...headers },
      });
      answer.socket?.destroy();
      expect([mount, params, answer.status]).toEqual([mount, params, 403]);
      const polled = await request('GET', `${here.url}${mount}/longpoll?${query}`, { headers });
      expect([polled.status, polled.body]).toEqual([200, '{"status":403}']);
    }
  });

  it('who was refused and why is in the log, where it is known, and no credential is', async () => {
    const { body: app } = await here.call<{ api_key: string }>('POST', '/api/apps', ADMIN_TOKEN, { name: 'App' });
    const suspended = await registerAgent(here);
    await here.call('PATCH', `/api/agents/${suspended.id}`, ADMIN_TOKEN, { status: 'suspended' });
    const key = await here.call<{ api_key: string; key_id: string }>(
      'POST',
      `/api/agents/${agent.id}/keys`,
      agent.apiKey,
    );
    const { api_key: revoked, key_id: keyId } = key.body;
    const revokedToken = await tokenFor(revoked);
    await here.call('DELETE', `/api/agents/${agent.id}/keys/${keyId}`, agent.apiKey);
    const expired = await new SessionTokens(TOKEN_SECRET).issue(
      { kind: 'agent', id: agent.id, keyId: agent.keyId },
      { nowMs: Date.now() - 600_000, ttlSeconds: 60 },
    );
    const crowd = await Promise.all([1, 2, 3].map(() => enter(here, '/socket', { api_key: agent.apiKey })));
    const [atSocket, atUserSocket] = [`agent_socket:${agent.id}`, `user_socket:${agent.id}`];
    const refusals: [string, Record<string, string>, string, string?][] = [
      ['/socket', {}, 'no_credential'],
      ['/user_socket', { agent_id: agent.id }, 'no_credential'],
      ['/socket', { api_key: `${agent.apiKey}x` }, 'unknown_credential'],
      ['/socket', { session_token: `${token}x` }, 'unknown_credential'],
      ['/socket', { api_key: ADMIN_TOKEN }, 'wrong_principal'],
      ['/socket', { api_key: app.api_key }, 'wrong_principal'],
      ['/user_socket', { token: user.token }, 'wrong_principal'],
      ['/socket', { session_token: agent.apiKey }, 'wrong_parameter', atSocket],
      ['/user_socket', { token: agent.apiKey }, 'wrong_parameter', atUserSocket],
      ['/user_socket', { agent_id: 'another', token }, 'wrong_agent', atUserSocket],
      ['/socket', { api_key: suspended.apiKey }, 'suspended', `agent_socket:${suspended.id}`],
      ['/socket', { api_key: revoked }, 'revoked', atSocket],
      ['/user_socket', { token: revokedToken }, 'revoked', atUserSocket],
      ['/socket', { session_token: expired.token }, 'expired', atSocket],
      ['/socket', { api_key: agent.apiKey }, 'too_many_sockets', atSocket],
    ];
    const before = refusedLines(here).length;
    for (const [path, params] of refusals) await expect(enter(here, path, params)).rejects.toThrow('403');
    await eventually(() => expect(refusedLines(here)).toHaveLength(before + refusals.length));
    const told = refusedLines(here).slice(before);
    expect(told.map(({ mount, reason, id }) => [mount, reason, id])).toEqual(
      refusals.map(([path, , reason, id]) => [path, reason, id]),
    );
    for (const secret of [agent.apiKey, token, revoked, revokedToken, expired.token, app.api_key, suspended.apiKey]) {
      expect(here.stdout()).not.toContain(secret);
    }
    await Promise.all(crowd.map((client) => client.close()));
  });

  it('the official client comes in over long-poll with an authToken', async () => {
    const client = new Client(here.url, { authToken: agent.apiKey, transport: LongPoll as never });
    const topic = await client.join('agents:discovery');
    expect(await topic.push('discover', {})).toHaveProperty('agents');
    await client.close();
  });

  it('so many sockets and no more, over all nodes', async () => {
    const params = { api_key: agent.apiKey };
    const [first] = [await enter(here, '/socket', params), await enter(there, '/socket', params)];
    await enter(there, '/user_socket', { agent_id: agent.id, token });
    await expect(enter(here, '/socket', params)).rejects.toThrow('403');
    await expect(enter(there, '/socket', params)).rejects.toThrow('403');
    await first?.close();
    await eventually(() => enter(there, '/socket', params));
  });

  it('so many of a user as well, who may have the id of an agent', async () => {
    const { body } = await here.call<{ api_key: string }>('POST', '/api/users', ADMIN_TOKEN, {
      id: agent.id,
      name: 'Grace',
    });
    const owner = { api_key: body.api_key };
    for (let at = 0; at < 2; at++) await enter(at ? here : there, '/socket', { api_key: agent.apiKey });
    const [first] = [await enter(here, '/socket', owner), await enter(there, '/socket/websocket', owner)];
    await enter(there, '/socket', { session_token: await tokenFor(body.api_key) });
    for (const node of [here, there]) {
      await expect(enter(node, '/socket', owner)).rejects.toThrow('403');
      const polled = await request(
        'GET',
        `${node.url}/socket/longpoll?${new URLSearchParams({ vsn: '2.0.0', ...owner })}`,
      );
      expect([polled.status, polled.body]).toEqual([200, '{"status":403}']);
    }
    await first?.close();
    await eventually(() => enter(there, '/socket', owner));
  });

  it('a revoked key closes its sockets and those of its tokens on every node, and no others', async () => {
    const { body: second } = await here.call<{ api_key: string; key_id: string }>(
      'POST',
      `/api/agents/${agent.id}/keys`,
      agent.apiKey,
    );
    const byKey = await enter(there, '/socket', { api_key: second.api_key });
    const byToken = await enter(here, '/user_socket', { agent_id: agent.id, token: await tokenFor(second.api_key) });
    const other = await enter(there, '/socket', { api_key: agent.apiKey });
    expect((await here.call('DELETE', `/api/agents/${agent.id}/keys/${second.key_id}`, agent.apiKey)).status).toBe(204);
    expect((await byKey.closed()).code).toBe(1001);
    expect((await byToken.closed()).code).toBe(1001);
    await expect(enter(here, '/socket', { api_key: second.api_key })).rejects.toThrow('403');
    expect(await knowsDiscovery(other)).toBe(true);
  });

  it('a suspended agent is closed out, and let in again when it is active', async () => {
    const [socket, inbox] = [
      await enter(there, '/socket', { api_key: agent.apiKey }),
      await enter(here, '/user_socket', { agent_id: agent.id, token }),
    ];
    await here.call('PATCH', `/api/agents/${agent.id}`, ADMIN_TOKEN, { status: 'suspended' });
    expect((await socket.closed()).code).toBe(1001);
    expect((await inbox.closed()).code).toBe(1001);
    await expect(enter(there, '/socket', { api_key: agent.apiKey })).rejects.toThrow('403');
    await here.call('PATCH', `/api/agents/${agent.id}`, ADMIN_TOKEN, { status: 'active' });
    await enter(there, '/socket', { api_key: agent.apiKey });
  });

  it('an address that is refused again and again is held, but not for a good credential, nor for too many sockets', async () => {
    const headers = { ...upgradeHeaders, 'X-Forwarded-For': '192.0.2.7' };
    const status = async (params: Record<string, string>) => {
      const query = new URLSearchParams({ vsn: '2.0.0', ...params });
      const answer = await request('GET', `${here.url}/socket/websocket?${query}`, { headers });
      answer.socket?.destroy();
      return answer.status;
    };
    for (let count = 0; count < 3; count++) await enter(here, '/socket', { api_key: agent.apiKey });
    for (let count = 0; count < 15; count++) expect(await status({ api_key: agent.apiKey })).toBe(403);
    for (let count = 0; count < 10; count++) expect(await status({ api_key: `${agent.apiKey}${count}` })).toBe(403);
    expect(await status({ api_key: `${agent.apiKey}x` })).toBe(429);
    expect(await status({ session_token: `${token}x` })).toBe(429);
    const others = await Promise.all([registerAgent(here), registerAgent(here)]);
    expect(await status({ api_key: others[0].apiKey })).toBe(101);
    expect(await status({ session_token: await tokenFor(others[1].apiKey) })).toBe(101);
    for (let count = 0; count < 20; count++) await status({ api_key: `${agent.apiKey}${count}` });
    // Seen good before: it needs no place among the look-ups.
    expect(await status({ api_key: others[0].apiKey })).toBe(101);
  });

  it('a topic of another socket, of nobody, and another’s are refused as such', async () => {
    const client = await enter(here, '/socket', { api_key: agent.apiKey });
    for (const topic of ['room:1', 'agents:discovery:1', 'agents:', 'constructor', '']) {
      await client.send(JSON.stringify(['1', '1', topic, 'phx_join', {}]));
      expect(JSON.parse(String(await client.next()))[4].response).toEqual({ reason: 'unmatched topic' });
    }
  });
});
