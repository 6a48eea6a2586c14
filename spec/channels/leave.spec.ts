import { ADMIN_TOKEN, type Aerie, registerAgent, startAerieInFolder, type TestAgent } from '../support/aerie.ts';
import { connect, request, type SocketClient } from '../support/frames.ts';

type Frame = [string | null, string | null, string, string, { status?: string; response?: { reason?: string } }];

// Only the leave was answered, though what was sent before it was done.
describe('an event and a leave in one write', () => {
  let aerie: Aerie;
  let agent: TestAgent;
  let other: TestAgent;
  let client: SocketClient;

  beforeAll(async () => {
    aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0' });
    [agent, other] = [await registerAgent(aerie), await registerAgent(aerie)];
    const roles = { client_agent_id: agent.id, provider_agent_id: other.id };
    await aerie.call('POST', '/api/tasks', ADMIN_TOKEN, { ...roles, id: 'in' });
    const swapped = { client_agent_id: other.id, provider_agent_id: agent.id };
    await aerie.call('POST', '/api/tasks', ADMIN_TOKEN, { ...swapped, id: 'out' });
  });
  afterAll(() => aerie.stop());
  beforeEach(async () => {
    client = await connect(`${aerie.url}/socket/websocket?vsn=2.0.0&api_key=${agent.apiKey}`);
  });
  afterEach(() => client.close());

  /** Takes frames of a topic until the channel is closed, and all that is no push of the server's own. */
  async function answered(topic: string): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (;;) {
      const frame = JSON.parse(String(await client.next())) as Frame;
      if (frame[2] === topic && frame[1] !== null) frames.push(frame);
      if (frame[3] === 'phx_close') return frames;
    }
  }

  const messageFrom = async () => {
    const { body } = await aerie.call<{ message: { id: string } }>('POST', '/api/messages', other.apiKey, {
      to_agent_id: agent.id,
      type: 'hello',
      payload: {},
    });
    return body.message.id;
  };
  const inbox = () => `messages:${agent.id}`;
  const cases: [string, () => string, () => object | Promise<object>][] = [
    ['send_message', inbox, () => ({ to_agent_id: other.id, type: 'hello', payload: {} })],
    ['acknowledge', inbox, async () => ({ message_id: await messageFrom() })],
    ['reject', inbox, async () => ({ message_id: await messageFrom(), reason: 'no' })],
    ['input_stream', () => 'task:in', () => ({ chunk: 'x', seq: 0 })],
    ['output_stream', () => 'task:out', () => ({ chunk: 'x', seq: 0 })],
  ];

  it.each(cases)('%s: its reply, the leave’s reply, phx_close', async (event, topicOf, payloadOf) => {
    const [topic, payload] = [topicOf(), await payloadOf()];
    await client.send(JSON.stringify(['1', '1', topic, 'phx_join', {}]));
    const ask = [
      ['1', '2', topic, event, payload],
      ['1', '3', topic, 'phx_leave', {}],
    ];
    await Promise.all(ask.map((frame) => client.send(JSON.stringify(frame))));
    const frames = await answered(topic);
    expect(frames.map(([, ref, , name, { status }]) => [ref, name, status])).toEqual([
      ['1', 'phx_reply', 'ok'],
      ['2', 'phx_reply', 'ok'],
      ['3', 'phx_reply', 'ok'],
      ['1', 'phx_close', undefined],
    ]);
  });

  it('so over long-poll, in one POST', async () => {
    const url = `${aerie.url}/socket/longpoll?vsn=2.0.0&api_key=${agent.apiKey}`;
    const { token } = JSON.parse((await request('GET', url)).body) as { token: string };
    const headers = { 'x-phoenix-longpoll-token': token, 'content-type': 'application/x-ndjson' };
    const batch = [
      ['1', '1', inbox(), 'phx_join', {}],
      ['1', '2', inbox(), 'send_message', { to_agent_id: other.id, type: 'hello', payload: {} }],
      ['1', '3', inbox(), 'phx_leave', {}],
    ];
    await request('POST', url, { headers, body: batch.map((frame) => JSON.stringify(frame)).join('\n') });
    const heard: string[] = [];
    while (!heard.some((frame) => frame.includes('phx_close'))) {
      const { messages = [] } = JSON.parse((await request('GET', url, { headers })).body) as { messages?: string[] };
      heard.push(...messages);
    }
    const answers = heard.map((frame) => JSON.parse(frame) as Frame).filter(([, ref]) => ref !== null);
    expect(answers.map(([, ref, , event]) => `${ref} ${event}`)).toEqual([
      '1 phx_reply',
      '2 phx_reply',
      '3 phx_reply',
      '1 phx_close',
    ]);
  });
});
