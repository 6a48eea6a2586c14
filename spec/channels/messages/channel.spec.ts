import { ADMIN_TOKEN, type Aerie, registerAgent, type TestAgent } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { connect } from '../../support/frames.ts';
import type { Client, Topic } from '../../support/official_client.ts';
import { arrived, idsArrived, joinInbox, type MessageView, topicOf } from './inbox_client.ts';

let made = 0;
const freshId = () => `m-${++made}`;

onEveryDeployment('messages:{agent_id}', (deployment) => {
  let here: Aerie;
  let there: Aerie;
  let ada: TestAgent;
  let bob: TestAgent;
  let clients: Client[];

  beforeAll(() => {
    ({ here, there } = deployment());
  });
  beforeEach(async () => {
    clients = [];
    [ada, bob] = [await registerAgent(here), await registerAgent(there)];
  });
  afterEach(() => Promise.all(clients.map((client) => client.close())));

  async function enter(node: Aerie, agent: TestAgent, mount?: '/socket' | '/user_socket'): Promise<Topic> {
    const { client, topic } = await joinInbox(node, agent, mount);
    clients.push(client);
    return topic;
  }
  const send = (topic: Topic, fields: object = {}) =>
    topic.push<{ message: MessageView; duplicate?: boolean }>('send_message', {
      to_agent_id: bob.id,
      type: 'greeting',
      payload: { text: 'hello' },
      ...fields,
    });
  const post = (fields: object = {}, from = ada) =>
    here.call<{ message: MessageView; reason: string; details?: object }>('POST', '/api/messages', from.apiKey, {
      to_agent_id: bob.id,
      type: 'greeting',
      payload: 'hello',
      ...fields,
    });
  const get = async (id: string, as = ada.apiKey) =>
    there.call<{ message: MessageView; reason: string }>('GET', `/api/messages/${id}`, as);

  it('brings a message to whoever is joined, and word of its acknowledgement to the sender', async () => {
    const [adas, bobs] = [await enter(here, ada), await enter(there, bob)];
    expect(await bobs.joined).toEqual({ agent_id: bob.id, pending: 0 });
    const { message } = await send(adas);
    expect(message).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      from_agent_id: ada.id,
      to_agent_id: bob.id,
      type: 'greeting',
      payload: { text: 'hello' },
      protocol_version: '1.0',
      status: 'pending',
      reason: null,
      inserted_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    const { to_agent_id: _to, status: _status, reason: _reason, ...pushed } = message;
    await eventually(() => expect(arrived(bobs)).toEqual([pushed]));
    expect((await get(message.id)).body.message).toEqual(message);

    expect(await bobs.push('acknowledge', { message_id: message.id })).toEqual({});
    await eventually(() =>
      expect(adas.events('message_acknowledged')).toEqual([{ message_id: message.id, by: bob.id }]),
    );
    expect((await get(message.id)).body.message).toMatchObject({ status: 'acknowledged' });
    expect(await bobs.push('acknowledge', { message_id: message.id })).toEqual({ duplicate: true });
    await expect(bobs.push('reject', { message_id: message.id, reason: 'late' })).rejects.toMatchObject({
      reason: 'conflict',
      details: { status: 'acknowledged' },
    });
    const again = await enter(here, bob);
    expect(await again.joined).toEqual({ agent_id: bob.id, pending: 0 });
    expect(adas.events('message_acknowledged')).toHaveLength(1);
    expect(arrived(again)).toEqual([]);
  });

  it('tells a sender that its message was rejected, and why', async () => {
    const [adas, bobs] = [await enter(there, ada), await enter(here, bob)];
    const { message } = await send(adas);
    await expect(bobs.push('reject', { message_id: message.id })).rejects.toMatchObject({ reason: 'invalid_payload' });
    expect(await bobs.push('reject', { message_id: message.id, reason: 'spam' })).toEqual({});
    expect(await bobs.push('reject', { message_id: message.id, reason: 'spam' })).toEqual({ duplicate: true });
    await expect(bobs.push('reject', { message_id: message.id, reason: 'else' })).rejects.toMatchObject({
      reason: 'conflict',
    });
    await expect(bobs.push('acknowledge', { message_id: message.id })).rejects.toMatchObject({ reason: 'conflict' });
    await eventually(() =>
      expect(adas.events('message_rejected')).toEqual([{ message_id: message.id, by: bob.id, reason: 'spam' }]),
    );
    expect((await get(message.id)).body.message).toMatchObject({ status: 'rejected', reason: 'spam' });
  });

  it('keeps messages for whoever is away, and pushes them oldest first, then live ones', async () => {
    const adas = await enter(here, ada);
    const sent: string[] = [];
    for (let at = 0; at < 20; at++) sent.push((await send(adas)).message.id);
    const bobs = await enter(there, bob);
    expect(await bobs.joined).toEqual({ agent_id: bob.id, pending: 20 });
    for (let at = 0; at < 20; at++) sent.push((await send(adas)).message.id);
    await eventually(() => expect(idsArrived(bobs)).toEqual(sent));
  });

  it('keeps the order of one that does not wait for replies', async () => {
    const [adas, bobs] = [await enter(here, ada), await enter(there, bob)];
    const ids = Array.from({ length: 80 }, freshId).map((id) => `${ada.id}-${id}`);
    await Promise.all(ids.map((id) => send(adas, { id })));
    await eventually(() => expect(idsArrived(bobs)).toEqual(ids));
  });

  it('has at most 100 outstanding; the rest follow as those are settled', async () => {
    const adas = await enter(here, ada);
    const ids = Array.from({ length: 130 }, freshId).map((id) => `${ada.id}-${id}`);
    await Promise.all(ids.map((id) => send(adas, { id })));
    const bobs = await enter(there, bob);
    await eventually(() => expect(idsArrived(bobs)).toHaveLength(100));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(idsArrived(bobs)).toEqual(ids.slice(0, 100));
    await bobs.push('acknowledge', { message_id: ids[50] });
    await bobs.push('reject', { message_id: ids[3], reason: 'no' });
    await eventually(() => expect(idsArrived(bobs)).toEqual(ids.slice(0, 102)));
    await Promise.all(ids.slice(4, 50).map((id) => bobs.push('acknowledge', { message_id: id })));
    await eventually(() => expect(idsArrived(bobs)).toEqual(ids));
    // One more joins, and gets everything that is left.
    const others = await enter(here, bob);
    await eventually(() => expect(idsArrived(others)).toEqual([...ids.slice(0, 3), ...ids.slice(51)]));
    expect((await others.joined) as object).toMatchObject({ pending: 82 });
  });

  it('shows every message to both sockets; what one acknowledges makes room for the other', async () => {
    const adas = await enter(here, ada);
    const [agents, users] = [await enter(there, bob), await enter(here, bob, '/user_socket')];
    const ids = Array.from({ length: 101 }, freshId).map((id) => `${ada.id}-${id}`);
    await Promise.all(ids.map((id) => send(adas, { id })));
    for (const topic of [agents, users]) await eventually(() => expect(idsArrived(topic)).toEqual(ids.slice(0, 100)));
    expect(await users.push('acknowledge', { message_id: ids[0] })).toEqual({});
    for (const topic of [agents, users]) await eventually(() => expect(idsArrived(topic)).toEqual(ids));
    expect(await agents.push('acknowledge', { message_id: ids[0] })).toEqual({ duplicate: true });
  });

  it('makes an id idempotent for its sender and its content', async () => {
    const [adas, bobs] = [await enter(here, ada), await enter(there, bob)];
    const id = `${ada.id}-once`;
    const first = await send(adas, { id });
    expect(await send(adas, { id, protocol_version: '1.0', unknown: 'field' })).toEqual({ ...first, duplicate: true });
    expect(await post({ id, payload: { text: 'hello' } })).toMatchObject({
      status: 200,
      body: { message: first.message },
    });
    for (const other of [{ payload: 'else' }, { type: 'else' }, { protocol_version: '2.0' }, { to_agent_id: ada.id }]) {
      await expect(send(adas, { id, ...other })).rejects.toMatchObject({ reason: 'conflict' });
      expect(await post({ id, payload: { text: 'hello' }, ...other })).toMatchObject({
        status: 409,
        body: { reason: 'conflict' },
      });
    }
    expect(await post({ id, payload: { text: 'hello' } }, bob)).toMatchObject({ status: 409 });
    await bobs.push('acknowledge', { message_id: id });
    expect(await send(adas, { id })).toMatchObject({ duplicate: true, message: { status: 'acknowledged' } });
    await eventually(() => expect(idsArrived(bobs)).toEqual([id]));
  });

  it('takes a message to oneself', async () => {
    const adas = await enter(here, ada);
    const { message } = await send(adas, { to_agent_id: ada.id });
    await eventually(() => expect(idsArrived(adas)).toEqual([message.id]));
    await adas.push('acknowledge', { message_id: message.id });
    await eventually(() =>
      expect(adas.events('message_acknowledged')).toEqual([{ message_id: message.id, by: ada.id }]),
    );
  });

  it('takes any JSON as payload, keys of objects included, and gives it back as it was', async () => {
    const [adas, bobs] = [await enter(here, ada), await enter(there, bob)];
    const payloads: unknown[] = [
      0,
      false,
      '',
      [],
      'π☃',
      { a: null },
      JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}'),
    ];
    for (const payload of payloads) await send(adas, { payload });
    await eventually(() => expect(arrived(bobs)).toHaveLength(payloads.length));
    expect(JSON.stringify(arrived(bobs).map(({ payload }) => payload))).toBe(JSON.stringify(payloads));
  });

  it('refuses what may not be sent', async () => {
    const adas = await enter(here, ada);
    const large = 'x'.repeat(65_534);
    expect(await send(adas, { payload: large })).toMatchObject({ message: { status: 'pending' } });
    await expect(send(adas, { payload: `${large}x` })).rejects.toMatchObject({ reason: 'payload_too_large' });
    expect(await post({ payload: `${large}x` })).toMatchObject({ status: 413, body: { reason: 'payload_too_large' } });
    await expect(send(adas, { to_agent_id: 'nobody' })).rejects.toMatchObject({ reason: 'not_found' });
    expect((await post({ to_agent_id: 'nobody' })).status).toBe(404);
    for (const bad of [
      { id: '../x' },
      { payload: null },
      { type: '' },
      { type: 7 },
      { type: 'aerie.' },
      { type: 'aerie.task' },
      { to_agent_id: 'a b' },
      { payload: undefined },
    ]) {
      await expect(send(adas, bad)).rejects.toMatchObject({ reason: 'invalid_payload' });
      expect((await post(bad)).status).toBe(400);
    }
    for (const event of [
      'new_message',
      'message_acknowledged',
      'message_rejected',
      'message_placed',
      'message_settled',
    ]) {
      await expect(adas.push(event, {})).rejects.toMatchObject({ reason: 'unknown_event' });
    }
  });

  it('says that a type of the server’s own is not a client’s, and takes those that only look like one', async () => {
    const adas = await enter(here, ada);
    const fault = { path: '/type', message: 'type must not begin with "aerie.": only the server sends such messages' };
    await expect(send(adas, { type: 'aerie.anything' })).rejects.toMatchObject({ details: [fault] });
    expect((await post({ type: 'aerie.anything' })).body).toMatchObject({ errors: [fault] });
    for (const type of ['aerie', 'Aerie.task', 'x.aerie.task']) {
      expect(await send(adas, { type })).toMatchObject({ message: { type } });
    }
  });

  it('refuses a suspended recipient what is new, and tells a sender again what was accepted', async () => {
    const adas = await enter(here, ada);
    const id = `${ada.id}-before`;
    await send(adas, { id });
    await here.call('PATCH', `/api/agents/${bob.id}`, ADMIN_TOKEN, { status: 'suspended' });
    await expect(send(adas)).rejects.toMatchObject({ reason: 'forbidden' });
    expect(await post()).toMatchObject({ status: 403, body: { reason: 'forbidden' } });
    expect(await send(adas, { id })).toMatchObject({ duplicate: true });
    await expect(send(adas, { id, type: 'else' })).rejects.toMatchObject({ reason: 'conflict' });
    // It reads its own things, and sends nothing.
    expect((await get(id, bob.apiKey)).status).toBe(200);
    expect((await post({ to_agent_id: ada.id }, bob)).status).toBe(403);
  });

  it('lets a UserSocket read and settle, but not send', async () => {
    const [adas, bobs] = [await enter(here, ada), await enter(there, bob, '/user_socket')];
    const { message } = await send(adas);
    await eventually(() => expect(idsArrived(bobs)).toEqual([message.id]));
    await expect(send(bobs, { to_agent_id: ada.id })).rejects.toMatchObject({ reason: 'forbidden' });
    await expect(bobs.push('send_message', {})).rejects.toMatchObject({ reason: 'invalid_payload' });
    expect(await bobs.push('acknowledge', { message_id: message.id })).toEqual({});
  });

  it('lets nobody into another’s inbox, nor settle another’s message', async () => {
    const [adas, bobs] = [await enter(here, ada), await enter(there, bob)];
    const { client } = await joinInbox(here, ada);
    clients.push(client);
    await expect(client.join(topicOf(bob))).rejects.toMatchObject({ reason: 'unauthorized' });
    await expect(client.join('messages:nobody')).rejects.toMatchObject({ reason: 'not_found' });
    for (const id of ['', 'a b', 'constructor', '../x', 'x'.repeat(129)]) {
      await expect(client.join(`messages:${id}`)).rejects.toMatchObject({ reason: 'not_found' });
    }
    const { message } = await send(adas);
    for (const id of [message.id, 'unknown', '../x', '']) {
      await expect(adas.push('acknowledge', { message_id: id })).rejects.toMatchObject({ reason: 'not_found' });
      await expect(adas.push('reject', { message_id: id, reason: '' })).rejects.toMatchObject({ reason: 'not_found' });
    }
    await expect(bobs.push('acknowledge', { message_id: 7 })).rejects.toMatchObject({ reason: 'invalid_payload' });
    expect((await get(message.id)).body.message.status).toBe('pending');
  });

  it('shows a message to its sender, its recipient and the admin', async () => {
    const { status, body } = await post();
    expect(status).toBe(201);
    const { message } = body;
    for (const credential of [ada.apiKey, bob.apiKey, ADMIN_TOKEN]) {
      expect(await get(message.id, credential)).toMatchObject({ status: 200, body: { message } });
    }
    const eve = await registerAgent(here);
    expect(await get(message.id, eve.apiKey)).toMatchObject({ status: 403, body: { reason: 'forbidden' } });
    expect((await get(message.id, 'no credential')).status).toBe(401);
    expect((await get('unknown')).status).toBe(404);
    expect((await post({}, { ...ada, apiKey: ADMIN_TOKEN })).status).toBe(403);
  });

  it('refuses the 1,001st message of one sender, and takes another’s', async () => {
    const adas = await enter(here, ada);
    const ids = Array.from({ length: 1_000 }, (_, at) => `${ada.id}-${at}`);
    for (let at = 0; at < 1_000; at += 100) await Promise.all(ids.slice(at, at + 100).map((id) => send(adas, { id })));
    await expect(send(adas)).rejects.toMatchObject({ reason: 'inbox_full', details: { scope: 'sender' } });
    expect(await post()).toMatchObject({ status: 409, body: { reason: 'inbox_full', details: { scope: 'sender' } } });
    expect(await send(adas, { id: ids[999] })).toMatchObject({ duplicate: true });
    const eve = await registerAgent(here);
    expect((await post({}, eve)).status).toBe(201);
    const bobs = await enter(there, bob);
    await bobs.push('acknowledge', { message_id: ids[0] });
    expect(await send(adas)).toMatchObject({ message: { status: 'pending' } });
  }, 60_000);

  it('says it frame by frame', async () => {
    const socket = await connect(`${there.url}/socket/websocket?vsn=2.0.0&api_key=${bob.apiKey}`);
    const topic = topicOf(bob);
    await socket.send(JSON.stringify(['3', '7', topic, 'phx_join', {}]));
    expect(await socket.next()).toBe(
      `["3","7","${topic}","phx_reply",{"status":"ok","response":{"agent_id":"${bob.id}","pending":0}}]`,
    );
    const { message } = (await post({ id: `${ada.id}-frame`, payload: { b: 1, a: [] } })).body;
    expect(await socket.next()).toBe(
      `["3",null,"${topic}","new_message",{"id":"${message.id}","type":"greeting","payload":{"b":1,"a":[]},` +
        `"from_agent_id":"${ada.id}","protocol_version":"1.0","inserted_at":"${message.inserted_at}"}]`,
    );
    await socket.send(JSON.stringify(['3', '8', topic, 'acknowledge', { message_id: message.id }]));
    expect(await socket.next()).toBe(`["3","8","${topic}","phx_reply",{"status":"ok","response":{}}]`);
    await socket.send(JSON.stringify(['3', '9', topic, 'phx_leave', {}]));
    expect(await socket.next()).toBe(`["3","9","${topic}","phx_reply",{"status":"ok","response":{}}]`);
    expect(await socket.next()).toBe(`["3","3","${topic}","phx_close",{}]`);
    await post();
    await socket.nothingFor(100);
    await socket.close();
  });
});
