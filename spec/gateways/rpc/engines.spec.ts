import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Cause, Effect, Exit, Layer, TestClock, TestContext } from 'effect';
import { JSONRPCClient, JSONRPCErrorException, JSONRPCServer, JSONRPCServerAndClient } from 'json-rpc-2.0';
import WebSocket from 'ws';
import { ADMIN_TOKEN, type Aerie, registerAgent, startAerieInFolder, type TestAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import {
  AgentNotFound,
  AlreadyConnected,
  ConversationNotFound,
  EffectClient,
  Forbidden,
  InvalidParamsError,
  ParticipantNotAdmitted,
  ProtocolMismatchError,
  TaskNotFound,
  Unauthorized,
} from './effect_client.ts';

/** A clock for an engine that a spec moves on. */
const stillClock = Layer.discard(TestContext.TestContext);

let aerie: Aerie;
let appKey: string;
let ada: TestAgent;
let bob: TestAgent;
let taskId: string;

const made = async <Body>(path: string, credential: string, body: object): Promise<Body> => {
  const answer = await aerie.call<Body>('POST', path, credential, body);
  if (answer.status !== 201) throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer.body;
};
const registerApp = async () => (await made<{ api_key: string }>('/api/apps', ADMIN_TOKEN, { name: 'App' })).api_key;
const text = (words: string) => [{ type: 'text' as const, text: words }];

beforeAll(async () => {
  aerie = await startAerieInFolder();
  appKey = await registerApp();
  [ada, bob] = [await registerAgent(aerie, { id: randomUUID() }), await registerAgent(aerie, { id: randomUUID() })];
  taskId = randomUUID();
  await made('/api/tasks', appKey, { id: taskId, client_agent_id: ada.id, provider_agent_id: bob.id });
});
afterAll(() => aerie.stop());

describe('@effect/rpc, the engine of the client that the system comes from', () => {
  const open: EffectClient[] = [];
  const kept = async (client: Promise<EffectClient>) => {
    open.push(await client);
    return client;
  };
  const agentClient = ({ apiKey }: TestAgent) => kept(EffectClient.connected(aerie, { agentKey: apiKey }));
  const appClient = () => kept(EffectClient.connected(aerie, { appKey }));
  const converse = async (participants = [ada.id, bob.id]) => {
    const app = await appClient();
    const { conversation } = await app.run(app.call('app/conversation/create', { taskId, participants }));
    return conversation;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map((client) => client.close()));
  });

  it('reads every result by the schemas of the page', async () => {
    const app = await appClient();
    const participants = [ada.id, bob.id];
    const { conversation } = await app.run(
      app.call('app/conversation/create', { taskId, name: 'Plans', participants }),
    );
    expect(conversation).toMatchObject({ name: 'Plans', createdBy: ada.id, createdAt: expect.any(Date) });

    const client = await agentClient(ada);
    const { message } = await client.run(
      client.call('agent/message/send', { taskId, conversationId: conversation.id, parts: text('Hello') }),
    );
    expect(message).toMatchObject({ conversationId: conversation.id, senderId: ada.id, parts: text('Hello') });
    const { items } = await client.run(client.call('agent/conversation/list', {}));
    expect(items).toContainEqual({
      taskId,
      conversation: { ...conversation, lastMessageTimestamp: message.createdAt },
      participants,
    });
  });

  it('pages through a list, and reads a cursor that is not the server’s as InvalidParamsError', async () => {
    const ids = [(await converse()).id, (await converse()).id];
    const client = await agentClient(bob);
    const first = await client.run(client.call('agent/conversation/list', { limit: 1 }));
    const cursor = first.nextCursor ?? '';
    const second = await client.run(client.call('agent/conversation/list', { limit: 1, cursor }));
    expect([...first.items, ...second.items].map(({ conversation }) => conversation.id).sort()).toEqual(ids.sort());
    const error = await client.failure(client.call('agent/conversation/list', { cursor: 'none' }));
    expect(error).toBeInstanceOf(InvalidParamsError);
    expect(error).toMatchObject({ data: { details: [{ path: '/cursor' }] } });
  });

  it('catches an error by its tag', async () => {
    const client = await agentClient(ada);
    const nowhere = { taskId, conversationId: randomUUID(), parts: text('Hello') };
    const caught = client.call('agent/message/send', nowhere).pipe(
      Effect.as('sent'),
      Effect.catchTags({
        ConversationNotFound: ({ _tag }) => Effect.succeed(_tag),
        Forbidden: () => Effect.die('wrong'),
      }),
    );
    expect(await client.run(caught)).toBe('ConversationNotFound');
  });

  it('reads the errors of the rows as typed ones, with what they carry', async () => {
    const stranger = await registerAgent(aerie, { id: randomUUID() });
    const { id: conversationId } = await converse([ada.id]);
    const app = await appClient();
    const create = (at: string, participants: string[]) =>
      app.call('app/conversation/create', { taskId: at, participants });
    const notAdmitted = await app.failure(create(taskId, [ada.id, stranger.id]));
    expect(notAdmitted).toBeInstanceOf(ParticipantNotAdmitted);
    expect(notAdmitted).toMatchObject({ data: { agentIds: [stranger.id] } });
    expect(await app.failure(create(randomUUID(), [ada.id]))).toBeInstanceOf(TaskNotFound);
    expect(await app.failure(create(taskId, [randomUUID()]))).toBeInstanceOf(AgentNotFound);

    const other = await kept(EffectClient.connected(aerie, { appKey: await registerApp() }));
    const another = other.call('app/conversation/create', { taskId, participants: [ada.id] });
    expect(await other.failure(another)).toBeInstanceOf(Forbidden);

    const client = await agentClient(bob);
    const said = (id: string) =>
      client.call('agent/message/send', { taskId, conversationId: id, parts: text('Hello') });
    expect(await client.failure(said(randomUUID()))).toBeInstanceOf(ConversationNotFound);
    const outside = await client.failure(said(conversationId));
    expect(outside).toBeInstanceOf(Forbidden);
    expect(outside).toMatchObject({ data: { reason: 'NotAParticipant' } });
    const ofApps = client.call('app/conversation/create', { taskId, participants: [ada.id] });
    expect(await client.failure(ofApps)).toBeInstanceOf(Forbidden);
  });

  it('reads the errors of connecting as typed ones', async () => {
    const client = await kept(EffectClient.open(aerie));
    const list = client.call('agent/conversation/list', {});
    const credential = { agentKey: ada.apiKey };
    expect(await client.failure(list)).toBeInstanceOf(Unauthorized);
    expect(await client.failure(client.connect({ agentKey: 'wrong' }))).toBeInstanceOf(Unauthorized);
    expect(await client.failure(client.connect(credential, 'v1'))).toBeInstanceOf(InvalidParamsError);
    const mismatch = await client.failure(client.connect(credential, '2025.12.1'));
    expect(mismatch).toBeInstanceOf(ProtocolMismatchError);
    expect(mismatch).toMatchObject({ data: { reason: 'server-above-client-max', clientMaxProtocol: '2025.12.1' } });
    expect(await client.run(client.connect(credential))).toEqual({});
    const again = await client.failure(client.connect(credential));
    expect(again).toBeInstanceOf(AlreadyConnected);
    expect(again).toMatchObject({ principal: 'agent' });
    expect(await client.run(list)).toMatchObject({ items: expect.any(Array) });
  });

  it('takes an error that no row lists for a defect of that one call', async () => {
    const client = await agentClient(ada);
    const [unknown, listed] = await client.run(
      Effect.all(
        [Effect.exit(client.call('agent/task/list', {})), Effect.exit(client.call('agent/conversation/list', {}))],
        { concurrency: 'unbounded' },
      ),
    );
    expect(Exit.isFailure(unknown) && [...Cause.defects(unknown.cause)]).toEqual([new Error('No such method.')]);
    expect(Exit.isSuccess(listed)).toBe(true);
  });

  it('goes on with its calls while it is notified, and the server while the engine answers notifications', async () => {
    const { id: conversationId } = await converse();
    const [from, to] = [await agentClient(ada), await agentClient(bob)];
    const says = (client: EffectClient, words: string) =>
      client.run(client.call('agent/message/send', { taskId, conversationId, parts: text(words) }));
    await Promise.all([
      ...Array.from({ length: 10 }, (_, at) => says(from, `a${at}`)),
      ...Array.from({ length: 10 }, (_, at) => says(to, `b${at}`)),
    ]);
    const received = ({ heard }: EffectClient) => heard.filter(({ method }) => method === 'agent/message/received');
    await eventually(() => {
      expect(received(from)).toHaveLength(10);
      expect(received(to)).toHaveLength(10);
    });
    // An engine that serves notifications answers them: so for one that it knows, and so for one that it does not.
    const [socket] = to.sockets;
    socket?.send(JSON.stringify({ jsonrpc: '2.0', id: 0 }));
    const defect = { _tag: 'Defect', code: 1, message: 'A defect occurred', data: 'Unknown request tag' };
    socket?.send(JSON.stringify({ jsonrpc: '2.0', id: -32603, error: defect }));
    const answers = to.heard.length;
    await says(to, 'and on');
    expect(to.heard).toHaveLength(answers + 1);
    expect(to.sockets).toHaveLength(1);
  });

  it('is answered its pings: without a pong it drops a socket at the next one', async () => {
    const client = await kept(EffectClient.connected(aerie, { agentKey: ada.apiKey }, stillClock));
    const pongs = () => client.heard.filter(({ method }) => method === '@effect/rpc/Pong');
    for (let pings = 1; pings <= 4; pings++) {
      await client.run(TestClock.adjust('10 seconds'));
      await eventually(() => expect(pongs()).toHaveLength(pings));
    }
    expect(await client.run(client.call('agent/conversation/list', {}))).toMatchObject({ items: expect.any(Array) });
    expect(client.sockets.map(({ readyState }) => readyState)).toEqual([WebSocket.OPEN]);
  });

  it('opens another socket when the server has closed one, is told that it has to connect, and connects', async () => {
    const { key_id, api_key: agentKey } = await made<{ key_id: string; api_key: string }>(
      `/api/agents/${bob.id}/keys`,
      bob.apiKey,
      {},
    );
    const client = await kept(EffectClient.connected(aerie, { agentKey }));
    const [socket] = client.sockets;
    if (!socket) throw new Error('no socket');
    const closed = once(socket, 'close');
    expect((await aerie.call('DELETE', `/api/agents/${bob.id}/keys/${key_id}`, bob.apiKey)).status).toBe(204);
    expect((await closed)[0]).toBe(1001);
    await eventually(() => expect(client.sockets.at(1)?.readyState).toBe(WebSocket.OPEN));

    const list = client.call('agent/conversation/list', {});
    expect(await eventually(() => client.failure(list))).toBeInstanceOf(Unauthorized);
    expect(await client.failure(client.connect({ agentKey }))).toBeInstanceOf(Unauthorized);
    const again = list.pipe(
      Effect.catchTag('Unauthorized', () => Effect.zipRight(client.connect({ agentKey: bob.apiKey }), list)),
    );
    expect(await client.run(again)).toMatchObject({ items: expect.any(Array) });
    expect(client.sockets).toHaveLength(2);
  });
});

describe('json-rpc-2.0, a client that knows the standard alone', () => {
  const open: WebSocket[] = [];
  const connect = async (path: '/rpc' | '/ws', method: string, key: object) => {
    const socket = new WebSocket(`${aerie.url.replace('http', 'ws')}${path}`);
    open.push(socket);
    await once(socket, 'open');
    const client = new JSONRPCServerAndClient(
      new JSONRPCServer(),
      new JSONRPCClient((request) => socket.send(JSON.stringify(request))),
    );
    socket.on('message', (data) => void client.receiveAndSend(JSON.parse(String(data))));
    const versions = { minProtocol: '2026.1', maxProtocol: '2026.9' };
    expect(await client.request(method, { ...key, ...versions })).toEqual({});
    return client;
  };
  const failure = (answer: PromiseLike<unknown>) =>
    Promise.resolve(answer).then(
      () => Promise.reject(new Error('it succeeded')),
      (error: unknown) => error,
    );
  afterEach(() => {
    for (const socket of open.splice(0)) socket.terminate();
  });

  it.each(['/rpc', '/ws'] as const)('calls, is notified, and reads errors by their codes, at %s', async (path) => {
    const app = await connect(path, 'app/network/connect', { appKey });
    const [one, two] = [
      await connect(path, 'agent/network/connect', { agentKey: ada.apiKey }),
      await connect(path, 'agent/network/connect', { agentKey: bob.apiKey }),
    ];
    const notified: { method: string; params: unknown }[] = [];
    for (const method of ['agent/conversation/created', 'agent/message/received']) {
      two.addMethod(method, (params: unknown) => void notified.push({ method, params }));
    }

    const participants = [ada.id, bob.id];
    const { conversation } = await app.request('app/conversation/create', { taskId, participants });
    const conversationId = conversation.id;
    const { message } = await one.request('agent/message/send', { taskId, conversationId, parts: text('Hello') });
    await eventually(() =>
      expect(notified).toEqual([
        { method: 'agent/conversation/created', params: { taskId, conversationId, participants } },
        { method: 'agent/message/received', params: { taskId, message } },
      ]),
    );
    const { items } = await two.request('agent/conversation/list', { limit: 1 });
    expect(items).toEqual([
      { taskId, conversation: { ...conversation, lastMessageTimestamp: message.createdAt }, participants },
    ]);

    const nowhere = { taskId, conversationId: randomUUID(), parts: text('Hello') };
    const unknown = await failure(one.request('agent/message/send', nowhere));
    expect(unknown).toBeInstanceOf(JSONRPCErrorException);
    expect(unknown).toMatchObject({ code: -32002, data: { _tag: 'Fail', error: { _tag: 'ConversationNotFound' } } });
    const invalid = await failure(app.request('app/conversation/create', { taskId: 'one', participants }));
    expect(invalid).toMatchObject({ code: -32602, data: { details: [{ path: '/taskId' }] } });
    expect(await failure(one.request('agent/none', {}))).toMatchObject({ code: -32601 });
    expect(await failure(one.request('app/conversation/create', {}))).toMatchObject({
      code: -32001,
      data: { error: { _tag: 'Forbidden' } },
    });
  });
});
