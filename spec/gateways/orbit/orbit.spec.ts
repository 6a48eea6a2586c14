import { setTimeout as sleep } from 'node:timers/promises';
import { readSession } from '../../channels/session/people.ts';
import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { heard, onEveryStore, Page, type Served, serve } from './people.ts';

const EXECUTION = expect.stringMatching(/^exec_\d{8}_\d{6}_\d{6}$/);
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

onEveryStore({ ORBIT_TURN_MS: '2000', RATE_LIMIT: '20:40' }, 'ORBIT', (nodes) => {
  const pages: Page[] = [];
  const agents: Served[] = [];
  afterEach(async () => {
    await Promise.all(pages.splice(0).map(({ socket }) => socket.close()));
    await Promise.all(agents.splice(0).map(({ client }) => client.close()));
  });

  /** An agent there, and a page here that it is ready for. */
  async function talk() {
    const { here, there } = nodes();
    const served = await serve(there.aerie);
    agents.push(served);
    const page = await open();
    await page.until('agent_ready');
    return { page, served, here };
  }

  async function open(query = '') {
    const page = await Page.open(nodes().here, query);
    pages.push(page);
    return page;
  }

  it('answers one message, each step in its order and under one execution', async () => {
    const { page, served } = await talk();
    page.say('What is on my list?');
    const topic = await served.session();
    const [message] = await heard(topic);
    const execution_id = message?.execution_id ?? '';
    expect(execution_id).toEqual(EXECUTION);
    await topic.push('thinking', { message: 'Looking', execution_id });
    await topic.push('tool_call', { tool_name: 'list', arguments: { id: 'XYZ' }, call_id: '1' });
    await topic.push('tool_call', { tool_name: 'other', description: 'Reads' });
    await topic.push('tool_result', { tool_name: 'other', result: { a: 1 } });
    await topic.push('tool_result', { tool_name: 'list', result: 'x'.repeat(201), call_id: '1' });
    await topic.push('agent_message', { content: 'Soon', final: false });
    await topic.push('agent_message', { content: 'Milk' });
    await page.until('agent_response');
    const [start, ready, ...turn] = page.told;
    expect(start).toEqual({ type: 'agent_start', timestamp: TIME, data: { message: 'Initializing ORBIT Agent...' } });
    expect(ready).toEqual({
      type: 'agent_ready',
      timestamp: TIME,
      data: { message: 'Agent initialized successfully' },
    });
    const expected = [
      ['user_input', { message: 'What is on my list?' }],
      ['agent_thinking', { message: 'Processing your request...' }],
      ['agent_thinking', { message: 'Looking' }],
      ['tool_called', { tool_name: 'list', description: 'Executing list', arguments: { id: 'XYZ' } }],
      ['tool_executing', { tool_name: 'list', status: 'executing' }],
      ['tool_called', { tool_name: 'other', description: 'Reads', arguments: {} }],
      ['tool_executing', { tool_name: 'other', status: 'executing' }],
      ['tool_result', { tool_name: 'other', status: 'completed', result: '{"a":1}' }],
      ['tool_result', { tool_name: 'list', status: 'completed', result: `${'x'.repeat(200)}...` }],
      ['agent_thinking', { message: 'Soon' }],
      ['agent_response', { message: 'Milk', execution_completed: true }],
    ];
    expect(turn).toEqual(expected.map(([type, data]) => ({ type, timestamp: TIME, execution_id, data })));
  });

  it('keeps the messages of one socket in one session, one at a time', async () => {
    const { page, served } = await talk();
    page.say('one');
    page.say('two');
    const topic = await served.session();
    const [first] = await heard(topic);
    await sleep(200);
    expect(topic.events('user_message')).toHaveLength(1);
    expect(page.types.filter((type) => type === 'user_input')).toHaveLength(1);
    await topic.push('agent_message', { content: '1', execution_id: first?.execution_id });
    const [, second] = await heard(topic, 2);
    expect(second?.execution_id).not.toBe(first?.execution_id);
    await topic.push('agent_message', { content: '2' });
    await page.until('agent_response', 2);
    for (const each of [first, second]) {
      expect(page.of(each?.execution_id).map(({ type }) => type)).toEqual([
        'user_input',
        'agent_thinking',
        'agent_response',
      ]);
    }
    expect(served.own.events('session_assigned')).toHaveLength(1);
  });

  it('lets 16 messages wait and drops the 17th', async () => {
    const { page, served } = await talk();
    page.say('first');
    const topic = await served.session();
    await heard(topic);
    for (let at = 1; at <= 17; at++) page.say(`${at}`);
    const { execution_id, data } = await page.until('error');
    expect({ execution_id, data }).toEqual({ execution_id: undefined, data: { message: 'Too many messages waiting' } });
    for (let at = 1; at <= 17; at++) {
      await heard(topic, at);
      await topic.push('agent_message', { content: `answer ${at}` });
    }
    await page.until('agent_response', 17);
    const contents = (topic.events('user_message') as { content: string }[]).map(({ content }) => content);
    expect(contents).toEqual(['first', ...Array.from({ length: 16 }, (_, at) => `${at + 1}`)]);
  });

  it('ends a message that takes too long with one error, and says nothing of it afterwards', async () => {
    const { page, served, here } = await talk();
    page.say('slow');
    page.say('next');
    const topic = await served.session();
    const [slow] = await heard(topic);
    const error = await page.until('error', 1, 4_000);
    expect(error).toMatchObject({
      execution_id: slow?.execution_id,
      data: { message: 'Agent processing failed: timed out' },
    });
    const [, next] = await heard(topic, 2);
    await topic.push('thinking', { execution_id: slow?.execution_id });
    await topic.push('agent_message', { content: 'late', execution_id: slow?.execution_id });
    await topic.push('agent_message', { content: 'in time', execution_id: next?.execution_id });
    await topic.push('agent_message', { content: 'by the way' });
    await page.until('agent_response');
    page.send('{');
    await page.until('error', 2);
    expect(page.of(slow?.execution_id).map(({ type }) => type)).toEqual(['user_input', 'agent_thinking', 'error']);
    expect(page.told.filter(({ type }) => type === 'agent_response').map(({ data }) => data.message)).toEqual([
      'in time',
    ]);
    const { entries } = await readSession(here.aerie, topic.channel.topic.slice('session:'.length));
    expect(entries.map(({ content }) => content)).toEqual(['slow', 'next', 'late', 'in time', 'by the way']);
  });

  it('answers what is no message without ending', async () => {
    const page = await open();
    page.send('{');
    page.send('[]');
    await page.socket.sendBinary(Buffer.from('{}'));
    page.send({ type: 'user_message' });
    page.send({ type: 'user_message', content: '' });
    page.send({ type: 'user_message', content: 'x'.repeat(65_537) });
    page.send({ type: 'ping' });
    page.send({ type: 'user_message', content: 7 });
    await page.until('error', 7);
    expect(page.errors).toEqual([
      ...Array.from({ length: 3 }, () => 'Invalid JSON format in message'),
      'Invalid message: content is missing.',
      'Invalid message: content is empty.',
      'Invalid message: content is larger than 64 KiB.',
      'Invalid message: content must be a string.',
    ]);
    expect(page.of(undefined)).toHaveLength(page.told.length);
  });

  it('says when messages come too fast', async () => {
    const page = await open();
    for (let at = 0; at < 100; at++) page.send({ type: 'nothing' });
    await eventually(() => expect(page.errors).toContain('Rate limit exceeded'));
    expect(page.told.find(({ type }) => type === 'error')).not.toHaveProperty('execution_id');
  });

  it('tells the agent’s end of the session, and closes', async () => {
    const { page, served } = await talk();
    page.say('hello');
    const topic = await served.session();
    const [message] = await heard(topic);
    await topic.push('close_session', { reason: 'enough' });
    expect(await page.socket.ended()).toMatchObject({ code: 1000 });
    expect(page.told.at(-1)).toMatchObject({
      type: 'error',
      execution_id: message?.execution_id,
      data: { message: 'Session closed: enough' },
    });
  });

  it('makes no session before the first message, one without a user, and closes it with the socket', async () => {
    const { page, served, here } = await talk();
    const idle = await open();
    await idle.until('agent_ready');
    await idle.socket.close();
    page.say('hello');
    const topic = await served.session();
    const id = topic.channel.topic.slice('session:'.length);
    expect((await readSession(here.aerie, id)).session).toMatchObject({
      user_id: null,
      can_pay: false,
      capability: 'assistant',
      close_reason: null,
    });
    await expect(
      topic.push('request_payment', { amount_usdc: '1', action: 'assistant', description: 'x' }),
    ).rejects.toMatchObject({ reason: 'payment_unavailable' });
    await page.socket.close();
    await eventually(() =>
      expect(topic.events('session_closed')).toMatchObject([{ reason: 'disconnected', by: 'user' }]),
    );
    expect((await readSession(here.aerie, id)).session).toMatchObject({ close_reason: 'disconnected' });
    expect(served.own.events('session_assigned')).toHaveLength(1);
    const { body } = await here.aerie.call<{ sessions: { id: string }[] }>('GET', '/api/sessions', ADMIN_TOKEN);
    expect(body.sessions[0]?.id).toBe(id);
  });
});
