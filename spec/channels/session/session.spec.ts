import { randomUUID } from 'node:crypto';
import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import type { Client } from '../../support/official_client.ts';
import {
  agentClient,
  assistant,
  Chat,
  comeOnline,
  giveCredits,
  makeSession,
  readSession,
  registerUser,
} from './people.ts';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const EXECUTION = expect.stringMatching(/^exec_\d{8}_\d{6}_\d{6}$/);

onEveryDeployment('a session', (deployment) => {
  const clients: Client[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  /** A user and an agent with a session, the user here, the agent there. */
  async function talk(fields: object = {}) {
    const { here, there } = deployment();
    const [user, agent] = await Promise.all([registerUser(here), assistant(here)]);
    const access = await makeSession(here, user, { agent_id: agent.id, ...fields });
    const client = agentClient(there, agent);
    clients.push(client);
    const topic = await client.join(`session:${access.session_id}`);
    const chat = await Chat.open(access, here);
    return { user, agent, access, id: access.session_id, client, topic, chat };
  }

  it('brings words both ways, and keeps them in one log', async () => {
    const { here } = deployment();
    const { user, agent, id, topic, chat } = await talk();
    chat.say('What is new?', { id: 'm-1' });
    const [message] = await eventually(() => {
      const heard = topic.events('user_message');
      expect(heard).toHaveLength(1);
      return heard as { seq: number; execution_id: string }[];
    });
    expect(message).toEqual({ seq: 1, id: 'm-1', execution_id: EXECUTION, content: 'What is new?', at: TIME });
    expect(await topic.push('agent_message', { content: 'Looking', final: false })).toEqual({ seq: 2 });
    expect(await topic.push('agent_message', { content: 'Nothing', id: 'a-1' })).toEqual({ seq: 3 });
    expect(await topic.push('agent_message', { content: 'Nothing', id: 'a-1' })).toEqual({ seq: 3, duplicate: true });
    await expect(topic.push('agent_message', { content: 'Else', id: 'a-1' })).rejects.toMatchObject({
      reason: 'conflict',
    });
    expect(await chat.until('AGENT_MESSAGE', 2)).toEqual({
      content: 'Nothing',
      agent_id: agent.id,
      agent_name: 'Ada',
      seq: 3,
    });
    const { session, entries } = await readSession(here, id);
    expect(session).toEqual({
      id,
      user_id: user.id,
      agent_id: agent.id,
      agent_name: 'Ada',
      capability: null,
      phase: 'AGENT_CONNECTED',
      can_pay: true,
      next_seq: 4,
      pending_payment: null,
      inserted_at: TIME,
      closed_at: null,
      close_reason: null,
    });
    const execution = message?.execution_id;
    expect(entries).toEqual([
      {
        seq: 1,
        type: 'user_message',
        by: 'user',
        id: 'm-1',
        execution_id: execution,
        content: 'What is new?',
        at: TIME,
      },
      {
        seq: 2,
        type: 'agent_message',
        by: 'agent',
        execution_id: execution,
        content: 'Looking',
        final: false,
        at: TIME,
      },
      {
        seq: 3,
        type: 'agent_message',
        by: 'agent',
        id: 'a-1',
        execution_id: execution,
        content: 'Nothing',
        final: true,
        at: TIME,
      },
    ]);
  });

  it('goes through its phases', async () => {
    const { here } = deployment();
    const [user, agent] = await Promise.all([registerUser(here), assistant(here)]);
    await giveCredits(here, user, '1');
    const access = await makeSession(here, user, { agent_id: agent.id });
    const id = access.session_id;
    const phase = async () => (await readSession(here, id)).session.phase;
    expect(await phase()).toBe('STARTED');
    const chat = await Chat.connected(access, here);
    expect(await phase()).toBe('CONNECTED');
    const client = agentClient(here, agent);
    clients.push(client);
    const topic = await client.join(`session:${id}`);
    expect(await phase()).toBe('AGENT_CONNECTED');
    chat.say('Hello');
    await eventually(async () => expect(await phase()).toBe('WORKING'));
    await topic.push('request_payment', { amount_usdc: '0.5', action: agent.capability, description: 'Work' });
    expect(await phase()).toBe('AWAITING_PAYMENT');
    await chat.until('PAYMENT_REQUEST');
    chat.send('PAYMENT_RESPONSE', { approved: false });
    await eventually(async () => expect(await phase()).toBe('WORKING'));
    await topic.push('agent_message', { content: 'Bye' });
    expect(await phase()).toBe('AGENT_CONNECTED');
    await topic.push('close_session', { reason: 'done' });
    expect(await phase()).toBe('CLOSED');
  });

  it('pays from credits what the user approves', async () => {
    const { here } = deployment();
    const { user, agent, id, topic, chat } = await talk();
    await giveCredits(here, user, '1');
    const asked = await topic.push<{ request_id: string }>('request_payment', {
      id: 'r-1',
      amount_usdc: '0.40',
      action: agent.capability,
      description: 'A long look',
    });
    expect(asked).toEqual({ request_id: expect.any(String), expires_at: TIME, status: 'pending' });
    expect(await chat.until('PAYMENT_REQUEST')).toEqual({
      amount_usdc: '0.4',
      agent_name: 'Ada',
      action: agent.capability,
      description: 'A long look',
      request_id: asked.request_id,
      seq: 1,
    });
    await expect(
      topic.push('request_payment', { amount_usdc: '1', action: agent.capability, description: 'More' }),
    ).rejects.toMatchObject({ reason: 'payment_pending' });
    chat.send('PAYMENT_RESPONSE', { approved: true });
    expect(await chat.until('PAYMENT_SUCCESSFUL')).toEqual({
      amount_usdc: '0.4',
      request_id: asked.request_id,
      seq: 3,
    });
    const told = { seq: 3, request_id: asked.request_id, approved: true };
    await eventually(() => expect(topic.events('payment_response')).toEqual([told]));
    const balance = await here.call('GET', `/api/users/${user.id}/balance`, user.apiKey);
    expect(balance.body).toEqual({ balance: '0.6', in_flight: '0', spent_24h_auto: '0' });
    const earnings = await here.call('GET', `/api/agents/${agent.id}/earnings`, agent.apiKey);
    expect(earnings.body).toEqual({ earned: '0.4', paid_out: '0', balance: '0.4' });
    const { entries } = await readSession(here, id);
    expect(entries.map(({ type, by }) => `${type} ${by}`)).toEqual([
      'payment_request agent',
      'payment_response user',
      'payment_settled server',
    ]);
    const again = { id: 'r-1', amount_usdc: '0.4', action: agent.capability, description: 'A long look' };
    expect(await topic.push('request_payment', again)).toEqual({ ...asked, status: 'approved', duplicate: true });
  });

  it('tells both when the user declines, and when the credits do not suffice', async () => {
    const { agent, topic, chat } = await talk();
    const request = { amount_usdc: '0.4', action: agent.capability, description: 'A look' };
    const first = await topic.push<{ request_id: string }>('request_payment', request);
    await chat.until('PAYMENT_REQUEST');
    chat.send('PAYMENT_RESPONSE', { approved: false, request_id: first.request_id });
    expect(await chat.until('ERROR')).toMatchObject({ error_type: 'payment_declined', seq: 2 });
    const second = await topic.push<{ request_id: string }>('request_payment', request);
    await chat.until('PAYMENT_REQUEST', 2);
    chat.send('PAYMENT_RESPONSE', { approved: true });
    expect(await chat.until('ERROR', 2)).toMatchObject({ error_type: 'payment_declined', seq: 5 });
    await eventually(() =>
      expect(topic.events('payment_response')).toEqual([
        { seq: 2, request_id: first.request_id, approved: false, reason: 'declined' },
        { seq: 5, request_id: second.request_id, approved: false, reason: 'insufficient_credits' },
      ]),
    );
  });

  it('pays at once what auto-pay covers, and asks for the rest', async () => {
    const { here } = deployment();
    const { user, agent, topic, chat } = await talk({ auto_pay: { max_per_payment: '0.5', max_per_day: '0.8' } });
    await giveCredits(here, user, '10');
    const ask = (amount_usdc: string) =>
      topic.push<{ status: string }>('request_payment', { amount_usdc, action: agent.capability, description: 'x' });
    expect(await ask('0.5')).toMatchObject({ status: 'approved' });
    expect(await chat.until('PAYMENT_SUCCESSFUL')).toMatchObject({ amount_usdc: '0.5' });
    expect(await ask('0.4')).toMatchObject({ status: 'pending' });
    await chat.until('PAYMENT_REQUEST');
    chat.send('PAYMENT_RESPONSE', { approved: true });
    await chat.until('PAYMENT_SUCCESSFUL', 2);
    expect(await ask('0.3')).toMatchObject({ status: 'approved' });
    expect(chat.of('PAYMENT_REQUEST')).toHaveLength(1);
  });

  it('ends for both when one of them ends it', async () => {
    const { topic, chat, id } = await talk();
    chat.send('CANCEL_SESSION');
    expect(await chat.until('SESSION_CLOSED')).toEqual({ reason: 'cancelled by the user', phase: 'CLOSED', seq: 1 });
    expect(await chat.socket.ended()).toMatchObject({ code: 1000 });
    await eventually(() =>
      expect(topic.events('session_closed')).toEqual([{ seq: 1, reason: 'cancelled by the user', by: 'user' }]),
    );
    await expect(topic.push('agent_message', { content: 'x' })).rejects.toMatchObject({
      reason: 'session_closed',
      details: { reason: 'cancelled by the user' },
    });
    expect((await readSession(deployment().here, id)).session).toMatchObject({
      phase: 'CLOSED',
      close_reason: 'cancelled by the user',
    });
  });

  it('is given to an agent that is online, which finds it in its topic and its inbox', async () => {
    const { here, there } = deployment();
    const [user, agent] = await Promise.all([registerUser(here), assistant(here)]);
    const client = agentClient(there, agent);
    clients.push(client);
    const home = await comeOnline(client, agent);
    const inbox = await client.join(`messages:${agent.id}`);
    const access = await eventually(async () => {
      const made = await makeSession(here, user, { capability: agent.capability });
      expect((await readSession(here, made.session_id)).session.agent_id).toBe(agent.id);
      return made;
    });
    await eventually(() =>
      expect(home.events('session_assigned')).toContainEqual({
        session: expect.objectContaining({ id: access.session_id, agent_id: agent.id, agent_name: 'Ada' }),
      }),
    );
    await eventually(() =>
      expect(inbox.events('new_message')).toContainEqual(
        expect.objectContaining({ type: 'aerie.session', payload: { id: access.session_id } }),
      ),
    );
    const again = agentClient(here, agent);
    clients.push(again);
    const joined = (await (await again.join(`agent:${agent.id}`)).joined) as { sessions: { id: string }[] };
    expect(joined).toMatchObject({ agent_id: agent.id, sessions_more: false, configuration: null });
    expect(joined.sessions.map(({ id }) => id)).toContain(access.session_id);
  });

  it('tells the user once where no agent can be assigned, and brings the words to one that comes', async () => {
    const { here, there } = deployment();
    const [user, agent] = await Promise.all([registerUser(here), assistant(here)]);
    const access = await makeSession(here, user, { capability: agent.capability });
    const chat = await Chat.open(access, here);
    chat.say('Anybody?');
    expect(await chat.until('ERROR')).toMatchObject({ error_type: 'agent_unavailable' });
    const client = agentClient(there, agent);
    clients.push(client);
    const home = await comeOnline(client, agent);
    await eventually(async () => {
      chat.say('And now?');
      await eventually(() => expect(home.events('session_assigned')).toHaveLength(1), 500);
    });
    const topic = await client.join(`session:${access.session_id}`);
    await eventually(() =>
      expect(topic.events('user_message')).toContainEqual(expect.objectContaining({ seq: 1, content: 'Anybody?' })),
    );
  });

  it('brings each socket of the user everything, and what none has read to the next', async () => {
    const { here, there } = deployment();
    const { access, topic, chat } = await talk();
    const other = await Chat.open(access, there);
    await topic.push('agent_message', { content: 'one' });
    await Promise.all([chat.until('AGENT_MESSAGE'), other.until('AGENT_MESSAGE')]);
    await Promise.all([chat.socket.close(), other.socket.close()]);
    await topic.push('agent_message', { content: 'two' });
    const back = await eventually(async () => {
      const opened = await Chat.open(access, here);
      await opened.until('AGENT_MESSAGE');
      return opened;
    });
    await eventually(() => expect(back.of('AGENT_MESSAGE').at(-1)).toMatchObject({ content: 'two', seq: 2 }));
    await back.socket.close();
    const whole = await Chat.open(access, there, '&after=0');
    await whole.until('AGENT_MESSAGE', 2);
    expect(whole.of('AGENT_MESSAGE').map(({ content }) => content)).toEqual(['one', 'two']);
  });

  it('tells the agent whether the user is there', async () => {
    const { topic, chat } = await talk();
    // The agent joined before the user came.
    await eventually(() => expect(topic.events('user_presence')).toEqual([{ connected: true }]));
    await chat.socket.close();
    await eventually(() => expect(topic.events('user_presence')).toEqual([{ connected: true }, { connected: false }]));
  });

  it('shows its user, its agent and the admin what is theirs', async () => {
    const { here } = deployment();
    const { user, agent, id } = await talk();
    const stranger = await registerUser(here);
    const status = async (path: string, key: string) => (await here.call('GET', path, key)).status;
    expect(await status(`/api/sessions/${id}`, user.apiKey)).toBe(200);
    expect(await status(`/api/sessions/${id}`, agent.apiKey)).toBe(200);
    expect(await status(`/api/sessions/${id}`, stranger.apiKey)).toBe(403);
    expect(await status('/api/sessions/nothing', stranger.apiKey)).toBe(404);
    const listed = async (key: string, query = '') =>
      (await here.call<{ sessions: { id: string }[] }>('GET', `/api/sessions${query}`, key)).body.sessions.map(
        (session) => session.id,
      );
    expect(await listed(user.apiKey)).toEqual([id]);
    expect(await listed(agent.apiKey)).toEqual([id]);
    expect(await listed(user.apiKey, '?phase=CLOSED')).toEqual([]);
    expect(await listed(stranger.apiKey)).toEqual([]);
    expect(await listed(ADMIN_TOKEN)).toContain(id);
  });

  it('is made with a key in X-Api-Key too, with no body, and again with a new token', async () => {
    const { here } = deployment();
    const user = await registerUser(here);
    const post = (headers: Record<string, string>, body?: object) =>
      fetch(`${here.url}/api/sessions`, { method: 'POST', headers, ...(body && { body: JSON.stringify(body) }) });
    const made = await post({ 'x-api-key': user.apiKey });
    expect(made.status).toBe(201);
    const { session_id: id, token, ws_url: url } = (await made.json()) as Record<string, string>;
    expect(url).toBe(`${here.url.replace('http', 'ws')}/ws/user-agent/${id}?token=${token}`);
    expect((await readSession(here, id ?? '')).session).toMatchObject({ capability: 'assistant', agent_id: null });
    expect((await post({ 'x-api-key': 'ak_wrong' })).status).toBe(401);
    const { body } = await here.call<{ token: string }>('POST', '/api/session_tokens', user.apiKey, {});
    expect((await post({ 'x-api-key': body.token })).status).toBe(401);
    // Who made a token makes no other that may pay and outlives it.
    expect((await here.call('POST', '/api/sessions', body.token)).status).toBe(403);
    expect((await here.call('POST', `/api/sessions/${id}/tokens`, body.token)).status).toBe(403);
    const tokens = await Promise.all(
      [1, 2].map(() => here.call<{ token: string }>('POST', `/api/sessions/${id}/tokens`, user.apiKey)),
    );
    expect(new Set(tokens.map((made) => made.body.token)).size).toBe(2);
    const asked = { origin: here.url, 'access-control-request-method': 'POST' };
    const preflight = await fetch(`${here.url}/api/sessions`, { method: 'OPTIONS', headers: asked });
    expect(preflight.headers.get('access-control-allow-headers')).toContain('x-api-key');
    expect((await fetch(`${here.url}/api/me`, { headers: { 'x-api-key': user.apiKey } })).status).toBe(401);

    const named = { id: randomUUID(), capability: 'x' };
    const first = await here.call<{ token: string }>('POST', '/api/sessions', user.apiKey, named);
    const again = await here.call<{ token: string }>('POST', '/api/sessions', user.apiKey, named);
    expect([first.status, again.status]).toEqual([201, 200]);
    const other = await here.call('POST', '/api/sessions', user.apiKey, { ...named, capability: 'y' });
    expect(other.status).toBe(409);
  });

  it('lets a user have 20 open ones', async () => {
    const { here, there } = deployment();
    const user = await registerUser(here);
    const make = (at: number) =>
      (at % 2 ? here : there).call<{ session_id: string; reason: string; details: object }>(
        'POST',
        '/api/sessions',
        user.apiKey,
      );
    const made = await Promise.all(Array.from({ length: 23 }, (_, at) => make(at)));
    expect(made.filter(({ status }) => status === 201)).toHaveLength(20);
    const refused = made.find(({ status }) => status === 409);
    expect(refused?.body).toMatchObject({ reason: 'too_many_sessions', details: { scope: 'user' } });
  });
});
