import {
  type Access,
  agentClient,
  assistant,
  Chat,
  giveCredits,
  makeSession,
  readSession,
  registerUser,
} from '../../channels/session/people.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { connect, request, upgradeHeaders } from '../../support/frames.ts';
import type { Client } from '../../support/official_client.ts';

onEveryDeployment('the wire of the orchestrator', (deployment) => {
  const clients: Client[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  async function talk() {
    const { here, there } = deployment();
    const [user, agent] = await Promise.all([registerUser(here), assistant(here)]);
    const access = await makeSession(here, user, { agent_id: agent.id });
    const client = agentClient(there, agent);
    clients.push(client);
    const topic = await client.join(`session:${access.session_id}`);
    const chat = await Chat.open(access, here);
    const ask = (amount_usdc: string) =>
      topic.push<{ request_id: string }>('request_payment', {
        amount_usdc,
        action: agent.capability,
        description: 'Work',
      });
    return { user, agent, access, id: access.session_id, topic, chat, ask };
  }

  /** The frames and the close code of a socket that is not let in. */
  async function refusal(access: Pick<Access, 'session_id' | 'token'>) {
    const chat = await Chat.open(access as Access, deployment().here);
    const { code } = await chat.socket.ended();
    return { code, told: chat.told };
  }

  const refusedAs = (error_type: string, code: number) => ({
    code,
    told: [{ type: 'ERROR', data: { error_type, message: expect.any(String) } }],
  });

  describe('lets in', () => {
    it('nobody without a token of this session, and says so after the upgrade', async () => {
      const { here } = deployment();
      const user = await registerUser(here);
      const [one, other] = [await makeSession(here, user, {}), await makeSession(here, user, {})];
      const { session_id } = one;
      for (const token of ['', 'x', other.token, user.apiKey, `${one.token}x`]) {
        expect(await refusal({ session_id, token })).toEqual(refusedAs('auth_failed', 4001));
      }
      const unknown = { session_id: 'nothing', token: one.token };
      expect(await refusal(unknown)).toEqual(refusedAs('auth_failed', 4001));
    });

    it('no token whose key was revoked, and closes who came in by it', async () => {
      const { here } = deployment();
      const { user, access, chat } = await talk();
      expect((await here.call('DELETE', `/api/users/${user.id}/keys/${user.keyId}`, user.apiKey)).status).toBe(204);
      expect(await chat.socket.ended()).toMatchObject({ code: 1001 });
      expect(await refusal(access)).toEqual(refusedAs('auth_failed', 4001));
    });

    it('no token for anything else', async () => {
      const { here } = deployment();
      const { token } = await makeSession(here, await registerUser(here), {});
      expect((await here.call('GET', '/api/me', token)).status).toBe(401);
      expect((await here.call('GET', '/api/sessions', token)).status).toBe(401);
    });

    it('no other origin', async () => {
      const { here } = deployment();
      const access = await makeSession(here, await registerUser(here), {});
      const url = `${here.url}/ws/user-agent/${access.session_id}?token=${access.token}`;
      const headers = { ...upgradeHeaders, Origin: 'https://elsewhere.example' };
      expect((await request('GET', url, { headers })).status).toBe(403);
    });

    it('five sockets of a session, over all nodes', async () => {
      const { here, there } = deployment();
      const { access } = await talk();
      const more = await Promise.all([here, there, here, there].map((node) => Chat.open(access, node)));
      // Being let in shows in what comes back.
      for (const chat of more) {
        chat.send('NOTHING');
        await chat.until('ERROR');
      }
      const sixth = await Chat.open(access, there);
      expect(await sixth.socket.ended()).toMatchObject({ code: 1013 });
      await more[0]?.socket.close();
      await eventually(async () => {
        const chat = await Chat.open(access, there);
        chat.send('NOTHING');
        await chat.until('ERROR');
      }, 15_000);
    });

    it('nobody to a session that is over and read to its end', async () => {
      const { access, topic, chat } = await talk();
      await topic.push('close_session', { reason: 'done' });
      expect(await chat.until('SESSION_CLOSED')).toEqual({ reason: 'done', phase: 'CLOSED', seq: 1 });
      expect(await chat.socket.ended()).toMatchObject({ code: 1000 });
      expect(await refusal(access)).toEqual(refusedAs('session_not_found', 4004));
    });

    it('a user who was away when the session ended: to the rest, and the end', async () => {
      const { here } = deployment();
      const { user, access, topic, chat, id } = await talk();
      await chat.socket.close();
      await topic.push('agent_message', { content: 'bye' });
      await topic.push('close_session', { reason: 'done' });
      const token = await here.call<{ token: string }>('POST', `/api/sessions/${id}/tokens`, user.apiKey);
      expect(token.status).toBe(201);
      const back = await Chat.open({ ...access, token: token.body.token }, here);
      expect(await back.socket.ended()).toMatchObject({ code: 1000 });
      expect(back.told.map(({ type }) => type)).toEqual(['AGENT_MESSAGE', 'SESSION_CLOSED']);
      const over = await here.call<{ reason: string }>('POST', `/api/sessions/${id}/tokens`, user.apiKey);
      expect([over.status, over.body.reason]).toEqual([409, 'session_closed']);
    });
  });

  describe('answers internal_error and lives', () => {
    it.each([
      ['{'],
      ['[]'],
      ['{"type":"MODAL_RESPONSE","data":{}}'],
      ['{"type":"USER_MESSAGE","data":{"content":""}}'],
      [`{"type":"USER_MESSAGE","data":{"content":"${'x'.repeat(64 * 1_024 + 1)}"}}`],
      ['{"type":"PAYMENT_RESPONSE","data":{"approved":true}}'],
      ['{"type":"PAYMENT_RESPONSE","data":{"approved":true,"request_id":"unknown"}}'],
      [Buffer.from('binary')],
    ])('to %.60s', async (frame) => {
      const { chat, id } = await talk();
      if (typeof frame === 'string') await chat.socket.send(frame);
      else await chat.socket.sendBinary(frame);
      expect(await chat.until('ERROR')).toEqual({ error_type: 'internal_error', message: expect.any(String) });
      chat.say('still here');
      await eventually(async () =>
        expect((await readSession(deployment().here, id)).entries).toMatchObject([{ seq: 1, content: 'still here' }]),
      );
      expect(chat.told).toHaveLength(1);
    });

    it('to other words under an id that the log has, and drops the same ones', async () => {
      const { chat, id } = await talk();
      chat.say('one', { id: 'm-1' });
      chat.say('one', { id: 'm-1' });
      chat.say('two', { id: 'm-1' });
      await chat.until('ERROR');
      expect((await readSession(deployment().here, id)).entries).toHaveLength(1);
      expect(chat.told).toHaveLength(1);
    });
  });

  it('takes 64 KiB of text, and text as message', async () => {
    const { chat, id } = await talk();
    const content = 'é'.repeat(32 * 1_024);
    chat.say(content);
    chat.send('USER_MESSAGE', { message: 'as message' });
    await eventually(async () => {
      const { entries } = await readSession(deployment().here, id);
      expect(entries.map((entry) => entry.content)).toEqual([content, 'as message']);
    });
  });

  it('stores what one socket sends in that order', async () => {
    const { chat, id } = await talk();
    const words = Array.from({ length: 100 }, (_, at) => `word ${at}`);
    for (const word of words) chat.say(word);
    await eventually(async () => {
      const { entries } = await readSession(deployment().here, id);
      expect(entries.map((entry) => entry.content)).toEqual(words);
    });
  });

  describe('a request', () => {
    it('is answered by the first of two tabs; both see what became of it', async () => {
      const { here, there } = deployment();
      const { user, access, chat, ask } = await talk();
      await giveCredits(here, user, '5');
      const other = await Chat.open(access, there);
      await other.socket.ping();
      const { request_id } = await ask('1');
      await Promise.all([chat.until('PAYMENT_REQUEST'), other.until('PAYMENT_REQUEST')]);
      chat.send('PAYMENT_RESPONSE', { approved: true });
      other.send('PAYMENT_RESPONSE', { approved: true });
      expect(await chat.until('PAYMENT_SUCCESSFUL')).toMatchObject({ request_id });
      expect(await other.until('PAYMENT_SUCCESSFUL')).toMatchObject({ request_id });
      await eventually(() => expect([...chat.of('ERROR'), ...other.of('ERROR')]).toHaveLength(1));
      const { body } = await here.call<{ balance: string }>('GET', `/api/users/${user.id}/balance`, user.apiKey);
      expect(body.balance).toBe('4');
    });

    it('is not approved by the second click on the one before', async () => {
      const { here } = deployment();
      const { user, chat, ask, topic, id } = await talk();
      await giveCredits(here, user, '5');
      await ask('1');
      await chat.until('PAYMENT_REQUEST');
      // The agent asks again as soon as it is paid.
      topic.channel.on('payment_response', () => void ask('4'));
      chat.send('PAYMENT_RESPONSE', { approved: true });
      chat.send('PAYMENT_RESPONSE', { approved: true });
      expect(await chat.until('ERROR')).toMatchObject({ error_type: 'internal_error' });
      await chat.until('PAYMENT_REQUEST', 2);
      const { session, entries } = await readSession(here, id);
      expect(session.pending_payment).toMatchObject({ amount_usdc: '4' });
      expect(entries.filter(({ type }) => type === 'payment_settled')).toMatchObject([{ amount_usdc: '1' }]);
    });

    it('comes again on every connect while it is open', async () => {
      const { here } = deployment();
      const { access, chat, ask } = await talk();
      const { request_id } = await ask('1');
      await chat.until('PAYMENT_REQUEST');
      await chat.socket.close();
      for (const round of [1, 2]) {
        const back = await Chat.open(access, here);
        expect(await back.until('PAYMENT_REQUEST')).toMatchObject({ request_id, seq: 1 });
        if (round === 2) back.send('PAYMENT_RESPONSE', { approved: false });
        if (round === 2) await back.until('ERROR');
        await back.socket.close();
      }
      const last = await Chat.open(access, here);
      last.send('NOTHING');
      await last.until('ERROR');
      expect(last.of('PAYMENT_REQUEST')).toEqual([]);
    });
  });
});

onEveryDeployment('addresses that are refused again and again', (deployment) => {
  it('get 429 before the upgrade; a token that holds is let in all the same', async () => {
    const { here } = deployment();
    const access = await makeSession(here, await registerUser(here), {});
    const wrong = `${here.url}/ws/user-agent/${access.session_id}?token=wrong`;
    await eventually(async () => {
      const answer = await request('GET', wrong, { headers: upgradeHeaders });
      answer.socket?.destroy();
      expect(answer.status).toBe(429);
    });
    const good = await connect(`${here.url}/ws/user-agent/${access.session_id}?token=${access.token}`);
    await good.close();
  });
});
