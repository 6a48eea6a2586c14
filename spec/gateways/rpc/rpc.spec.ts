import { randomUUID } from 'node:crypto';
import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { Client } from '../../support/official_client.ts';
import { makeTeam, newAgent, Rpc, registerApp } from './people.ts';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const UUID = expect.stringMatching(/^[0-9a-f-]{36}$/);
const text = (of: string) => [{ type: 'text', text: of }];

onEveryDeployment('conversations over JSON-RPC', (deployment) => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
  });
  async function as(who: { readonly apiKey: string }, kind: 'agent' | 'app', node = deployment().here) {
    const rpc = await Rpc.as(node, who, kind);
    open.push(rpc.socket);
    return rpc;
  }

  /** A task whose two parties talk, the client here and the provider there. */
  async function talk() {
    const { here, there } = deployment();
    const team = await makeTeam(here);
    const [byApp, asClient, asProvider] = [
      await as(team.app, 'app', there),
      await as(team.client, 'agent', here),
      await as(team.provider, 'agent', there),
    ];
    const participants = [team.client.id, team.provider.id];
    const made = await byApp.call('app/conversation/create', { taskId: team.taskId, name: 'Plan', participants });
    const { id } = (made.result as { conversation: { id: string } }).conversation;
    const about = { taskId: team.taskId, conversationId: id };
    return { ...team, byApp, asClient, asProvider, id, about, made };
  }

  const update = (byApp: Rpc, about: object, action: string, agentId?: string) =>
    byApp.call('app/conversation/update', { ...about, action, ...(agentId !== undefined && { agentId }) });

  describe('connecting', () => {
    it('comes first, with a key of the right kind', async () => {
      const { here } = deployment();
      const { app, client } = await makeTeam(here);
      const rpc = await Rpc.open(here, '/ws');
      open.push(rpc.socket);
      expect(await rpc.failure('agent/conversation/list', {})).toEqual({ tag: 'Unauthorized', data: undefined });
      expect((await rpc.call('no/such', {})).error?.code).toBe(-32601);
      expect((await rpc.connect('agent', app.apiKey)).error?.data?.error?._tag).toBe('Unauthorized');
      expect((await rpc.connect('agent', client.apiKey)).result).toEqual({});
      const again = await rpc.connect('app', app.apiKey);
      expect(again.error?.data?.error).toMatchObject({ _tag: 'AlreadyConnected', principal: 'agent' });
      expect(await rpc.failure('app/conversation/create', {})).toMatchObject({ tag: 'Forbidden' });
    });

    it('ends the socket after three that fail', async () => {
      const rpc = await Rpc.open(deployment().here);
      for (let count = 0; count < 3; count++) {
        expect((await rpc.connect('agent', 'wrong')).error?.data?.error?._tag).toBe('Unauthorized');
      }
      expect(await rpc.socket.ended()).toMatchObject({ code: 4001 });
    });

    it('needs a version in common', async () => {
      const { here } = deployment();
      const agent = await newAgent(here);
      const rpc = await Rpc.open(here);
      open.push(rpc.socket);
      const low = await rpc.connect('agent', agent.apiKey, '1', '2');
      expect(low.error?.data?.error).toMatchObject({
        _tag: 'ProtocolMismatchError',
        data: {
          reason: 'server-above-client-max',
          serverVersion: '2026.0.0',
          clientMinProtocol: '1',
          clientMaxProtocol: '2',
        },
      });
      expect((await rpc.connect('agent', agent.apiKey, '2', '1')).error?.data?.error?._tag).toBe('InvalidParamsError');
    });

    it('is taken back when the key is revoked or the agent suspended', async () => {
      const { here, there } = deployment();
      const [one, other] = [await newAgent(here), await newAgent(here)];
      const [revoked, suspended] = [await as(one, 'agent', there), await as(other, 'agent', there)];
      await here.call('DELETE', `/api/agents/${one.id}/keys/${one.keyId}`, ADMIN_TOKEN);
      await here.call('PATCH', `/api/agents/${other.id}`, ADMIN_TOKEN, { status: 'suspended' });
      expect(await revoked.socket.ended()).toMatchObject({ code: 1001 });
      expect(await suspended.socket.ended()).toMatchObject({ code: 1001 });
      const rpc = await Rpc.open(here);
      open.push(rpc.socket);
      const refused = await rpc.connect('agent', other.apiKey);
      expect(refused.error?.data?.error).toMatchObject({ _tag: 'Unauthorized', data: { reason: 'suspended' } });
    });

    it('takes a key in the spelling of its own clients', async () => {
      const { here } = deployment();
      const agent = await newAgent(here);
      const made = await here.call<{ api_key: string }>('POST', `/api/agents/${agent.id}/keys`, agent.apiKey, {
        style: 'moltzap',
      });
      expect(made.body.api_key).toMatch(/^moltzap_agent_[0-9a-f]{16}_[0-9a-f]{48}$/);
      await as({ apiKey: made.body.api_key }, 'agent');
      expect((await here.call('GET', '/api/me', made.body.api_key)).status).toBe(200);
    });
  });

  it('are made once, and told to those in them', async () => {
    const { byApp, asClient, asProvider, id, about, made, client, provider, taskId } = await talk();
    const conversation = { id, name: 'Plan', createdBy: client.id, createdAt: TIME, updatedAt: TIME };
    expect(made.result).toEqual({ conversation });
    const participants = [client.id, provider.id];
    const told = { method: 'agent/conversation/created', params: { ...about, name: 'Plan', participants } };
    for (const each of [asClient, asProvider]) {
      await eventually(() => expect(each.heard()).toEqual([{ jsonrpc: '2.0', ...told }]));
    }
    expect(byApp.heard()).toEqual([]);
    const named = randomUUID();
    const fields = { taskId, participants: [client.id, client.id], id: named };
    const first = await byApp.call('app/conversation/create', fields);
    expect((await byApp.call('app/conversation/create', fields)).result).toEqual(first.result);
    expect(await byApp.failure('app/conversation/create', { ...fields, name: 'x' })).toEqual({
      tag: 'Forbidden',
      data: { reason: 'conflict' },
    });
    await eventually(() => expect(asClient.heard('agent/conversation/created')).toHaveLength(2));
    const listed = await asClient.call('agent/conversation/list', {});
    expect(
      (listed.result as { items: { conversation: { id: string } }[] }).items.map((item) => item.conversation.id),
    ).toEqual([named, id]);
  });

  it('refuse what their app may not', async () => {
    const { here } = deployment();
    const { byApp, taskId, client, about } = await talk();
    const stranger = await newAgent(here);
    const other = await as(await registerApp(here), 'app');
    const create = (rpc: Rpc, more: object) =>
      rpc.failure('app/conversation/create', { taskId, participants: [client.id], ...more });
    expect(await create(byApp, { taskId: randomUUID() })).toMatchObject({ tag: 'TaskNotFound' });
    expect(await create(other, {})).toMatchObject({ tag: 'Forbidden' });
    expect(await create(byApp, { participants: [randomUUID()] })).toMatchObject({ tag: 'AgentNotFound' });
    expect(await create(byApp, { participants: [stranger.id] })).toEqual({
      tag: 'ParticipantNotAdmitted',
      data: { agentIds: [stranger.id] },
    });
    // An id of which nothing came is free again, for another task too.
    const id = randomUUID();
    expect(await create(byApp, { id, participants: [randomUUID()] })).toMatchObject({ tag: 'AgentNotFound' });
    const elsewhere = await makeTeam(here);
    const again = await (await as(elsewhere.app, 'app')).call('app/conversation/create', {
      taskId: elsewhere.taskId,
      participants: [elsewhere.client.id],
      id,
    });
    expect(again.result).toMatchObject({ conversation: { id } });
    expect(await create(byApp, { id })).toEqual({ tag: 'Forbidden', data: { reason: 'conflict' } });
    const wrong = await byApp.call('app/conversation/create', { taskId, participants: [] });
    expect(wrong.error).toMatchObject({
      code: -32602,
      data: { details: [{ path: '/participants', message: expect.any(String) }] },
    });
    expect(wrong.error?._tag).toBeUndefined();
    const unknown = { ...about, conversationId: randomUUID() };
    expect((await update(byApp, unknown, 'archive')).error?.data?.error?._tag).toBe('ConversationNotFound');
    expect((await update(byApp, about, 'add-participant', stranger.id)).error?.data?.error?._tag).toBe(
      'ParticipantNotAdmitted',
    );
  });

  it('carry messages to everybody but their sender, in one order, and keep them', async () => {
    const { asClient, asProvider, id, about, client } = await talk();
    const sent = await asClient.call('agent/message/send', { ...about, parts: text('one') });
    const message = {
      id: UUID,
      conversationId: id,
      senderId: client.id,
      parts: text('one'),
      createdAt: TIME,
      seq: '2',
    };
    expect(sent.result).toEqual({ message });
    const first = (sent.result as { message: { id: string } }).message;
    await eventually(() =>
      expect(asProvider.heard('agent/message/received')).toEqual([
        { jsonrpc: '2.0', method: 'agent/message/received', params: { taskId: about.taskId, message: first } },
      ]),
    );
    const own = randomUUID();
    const reply = { ...about, parts: text('two'), replyToId: first.id, id: own };
    const second = await asProvider.call('agent/message/send', reply);
    expect(second.result).toMatchObject({ message: { id: own, replyToId: first.id, seq: '3' } });
    expect((await asProvider.call('agent/message/send', reply)).result).toEqual(second.result);
    expect(await asProvider.failure('agent/message/send', { ...reply, parts: text('else') })).toMatchObject({
      data: { reason: 'conflict' },
    });
    expect(
      await asClient.failure('agent/message/send', { ...about, parts: text('x'), replyToId: randomUUID() }),
    ).toMatchObject({ tag: 'MessageNotFound' });
    expect(asClient.heard('agent/message/received')).toHaveLength(1);
    const list = async (params: object) =>
      (await asClient.call('agent/message/list', { ...about, ...params })).result as {
        messages: { seq: string }[];
        hasMore: boolean;
      };
    expect((await list({})).messages.map(({ seq }) => seq)).toEqual(['2', '3']);
    expect(await list({ limit: 1 })).toMatchObject({ messages: [{ seq: '3' }], hasMore: true });
    expect(await list({ sinceSeq: '0', limit: 1 })).toMatchObject({ messages: [{ seq: '2' }], hasMore: true });
    expect(await list({ sinceSeq: '2' })).toMatchObject({ messages: [{ seq: '3' }], hasMore: false });
  });

  it('tell of members that come and go, and nothing to those who are gone', async () => {
    const { here } = deployment();
    const { byApp, asClient, about, taskId, provider, asProvider } = await talk();
    const third = await newAgent(here);
    const asThird = await as(third, 'agent');
    const admit = (action: string, agentId: string) => byApp.call('app/task/update', { taskId, action, agentId });
    const admitted = await admit('add-participant', third.id);
    expect(admitted.result).toEqual({
      action: 'participant-added',
      participant: { taskId, agentId: third.id, admittedAt: TIME },
    });
    expect((await admit('add-participant', third.id)).result).toEqual(admitted.result);
    expect((await admit('remove-participant', provider.id)).error?.data?.error).toMatchObject({
      _tag: 'Forbidden',
      data: { reason: 'party' },
    });
    expect((await update(byApp, about, 'add-participant', third.id)).result).toEqual({});
    expect((await update(byApp, about, 'add-participant', third.id)).result).toEqual({});
    await eventually(() => expect(asThird.heard('agent/conversation/participants-added')).toHaveLength(1));
    await asClient.call('agent/message/send', { ...about, parts: text('hello') });
    await eventually(() => expect(asThird.heard('agent/message/received')).toHaveLength(1));
    expect((await admit('remove-participant', third.id)).result).toEqual({ action: 'participant-removed' });
    await eventually(() =>
      expect(asThird.heard('agent/conversation/participants-removed')).toMatchObject([
        { params: { removedAgentId: third.id, reason: 'app_remove' } },
      ]),
    );
    expect((await update(byApp, about, 'add-participant', third.id)).error?.data?.error?._tag).toBe(
      'ParticipantNotAdmitted',
    );
    await asClient.call('agent/message/send', { ...about, parts: text('alone') });
    await eventually(() => expect(asProvider.heard('agent/message/received')).toHaveLength(2));
    expect(asThird.heard('agent/message/received')).toHaveLength(1);
    expect(await asThird.failure('agent/message/send', { ...about, parts: text('x') })).toEqual({
      tag: 'Forbidden',
      data: { reason: 'NotAParticipant' },
    });
    expect((await asThird.call('agent/conversation/list', {})).result).toEqual({ items: [] });
    expect((await asClient.call('agent/task/leave', { taskId })).result).toEqual({});
    await eventually(() =>
      expect(asProvider.heard('agent/conversation/participants-removed').at(-1)).toMatchObject({
        params: { reason: 'task_leave' },
      }),
    );
    expect(await asThird.failure('agent/task/leave', { taskId })).toMatchObject({ tag: 'TaskNotFound' });
  });

  it('are archived by their app, and for good by the end of their task', async () => {
    const { here } = deployment();
    const { byApp, asClient, asProvider, about, provider, taskId } = await talk();
    expect((await update(byApp, about, 'archive')).result).toEqual({});
    expect((await update(byApp, about, 'archive')).result).toEqual({});
    expect(await asClient.failure('agent/message/send', { ...about, parts: text('x') })).toMatchObject({
      tag: 'ConversationArchived',
    });
    expect((await update(byApp, about, 'unarchive')).result).toEqual({});
    await asClient.call('agent/message/send', { ...about, parts: text('again') });
    const client = new Client(here.url, { params: { api_key: provider.apiKey } });
    open.push(client);
    const topic = await client.join(`task:${taskId}`);
    await topic.push('complete', { result: 'done' });
    await eventually(() => expect(asProvider.heard('agent/conversation/archived')).toHaveLength(2));
    expect(asClient.heard('agent/conversation/unarchived')).toHaveLength(1);
    expect(await asClient.failure('agent/message/send', { ...about, parts: text('x') })).toMatchObject({
      tag: 'TaskClosed',
    });
    expect((await update(byApp, about, 'unarchive')).error?.data?.error?._tag).toBe('TaskNotFound');
    const { items } = (await asClient.call('agent/conversation/list', {})).result as {
      items: { conversation: { archivedAt?: string } }[];
    };
    expect(items[0]?.conversation.archivedAt).toEqual(TIME);
  });

  it('are read over HTTP, with what is unread', async () => {
    const { here } = deployment();
    const { asClient, asProvider, about, id, client, provider, app, taskId } = await talk();
    const sent = await asClient.call('agent/message/send', { ...about, parts: text('one') });
    const { message } = sent.result as { message: { id: string } };
    await asProvider.call('agent/message/send', { ...about, parts: text('two') });
    await asClient.call('agent/message/send', { ...about, parts: text('three') });
    const mine = async (key: string) =>
      (await here.call<{ items: { unreadCount: number }[] }>('GET', '/api/conversations', key)).body.items;
    expect(await mine(provider.apiKey)).toEqual([
      {
        id,
        name: 'Plan',
        lastMessagePreview: 'three',
        lastMessageTimestamp: TIME,
        unreadCount: 2,
        participants: [client, provider].map((agent) => ({ type: 'agent', id: agent.id })),
      },
    ]);
    expect((await asProvider.call('agent/message/read', { ...about, messageId: message.id })).result).toEqual({});
    expect((await mine(provider.apiKey))[0]?.unreadCount).toBe(1);
    expect((await mine(client.apiKey))[0]?.unreadCount).toBe(1);
    const read = (key: string) => here.call<{ participants: object[] }>('GET', `/api/conversations/${id}`, key);
    for (const key of [client.apiKey, app.apiKey, ADMIN_TOKEN]) {
      expect(await read(key)).toMatchObject({ status: 200, body: { task_id: taskId } });
    }
    expect((await read(provider.apiKey)).body.participants).toContainEqual({
      conversationId: id,
      participant: { type: 'agent', id: provider.id },
      joinedAt: TIME,
      lastReadMessageId: message.id,
      agentName: 'Ada',
    });
    expect((await read((await newAgent(here)).apiKey)).status).toBe(403);
  });

  it('are the same over Phoenix', async () => {
    const { there } = deployment();
    const { asClient, about, provider } = await talk();
    const client = new Client(there.url, { params: { api_key: provider.apiKey } });
    open.push(client);
    const topic = await client.join(`agent:${provider.id}`);
    const sent = await asClient.call('agent/message/send', { ...about, parts: text('one') });
    await eventually(() =>
      expect(topic.events('agent/message/received')).toEqual([{ taskId: about.taskId, ...sent.result }]),
    );
    const answer = await topic.push('agent/message/send', { ...about, parts: text('two') });
    expect(answer).toMatchObject({ message: { senderId: provider.id, seq: '3' } });
    expect(await topic.push('agent/conversation/list', {})).toMatchObject({ items: [{ taskId: about.taskId }] });
    const nowhere = { ...about, conversationId: randomUUID(), parts: text('x') };
    await expect(topic.push('agent/message/send', nowhere)).rejects.toMatchObject({ reason: 'conversation_not_found' });
    await expect(topic.push('agent/message/send', about)).rejects.toMatchObject({ reason: 'invalid_payload' });
  });

  it('answer requests of one socket in the order in which they came, and ignore what is none', async () => {
    const { asClient, about } = await talk();
    const before = asClient.frames.length;
    asClient.send('{"jsonrpc":"2.0","id":0}');
    asClient.send('{"jsonrpc":"2.0","method":"agent/message/list","params":{}}');
    for (let at = 0; at < 50; at++) {
      asClient.send({
        jsonrpc: '2.0',
        id: at,
        method: 'agent/message/send',
        params: { ...about, parts: text(`${at}`) },
      });
    }
    asClient.send('{"jsonrpc":"2.0","method":"@effect/rpc/Ping"}');
    asClient.send('{');
    await asClient.answer(49);
    const ids = asClient.frames.slice(before).flatMap(({ id, result }) => (result ? [id] : []));
    expect(ids).toEqual(Array.from({ length: 50 }, (_, at) => at));
    expect(asClient.heard('@effect/rpc/Pong')).toHaveLength(1);
    await eventually(() =>
      expect(asClient.frames.at(-1)?.error?.code ?? asClient.frames.find(({ error }) => error)?.error?.code).toBe(
        -32700,
      ),
    );
  });

  it('publish their methods', async () => {
    const { body } = await deployment().here.call<{ methods: { name: string }[]; notifications: object[] }>(
      'GET',
      '/rpc/schema',
    );
    expect(body.methods.map(({ name }) => name)).toContain('app/conversation/create');
    expect(body.notifications).toHaveLength(6);
  });
});
