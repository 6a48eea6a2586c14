import {
  type Access,
  Chat,
  giveCredits,
  makeSession,
  readSession,
  registerUser,
} from '../../channels/session/people.ts';
import { eventually } from '../../support/eventually.ts';
import { heard, onEveryStore, Page, type Served, serve } from './people.ts';

onEveryStore({}, 'ORBIT with a session token', (nodes) => {
  const pages: Page[] = [];
  const agents: Served[] = [];
  afterEach(async () => {
    await Promise.all(pages.splice(0).map(({ socket }) => socket.close()));
    await Promise.all(agents.splice(0).map(({ client }) => client.close()));
  });

  /** A session of a user with a named agent, who has joined it. */
  async function talk(fields: object = {}) {
    const { here, there } = nodes();
    const [user, served] = await Promise.all([registerUser(here.aerie), serve(there.aerie)]);
    agents.push(served);
    const access = await makeSession(here.aerie, user, { agent_id: served.agent.id, ...fields });
    const topic = await served.client.join(`session:${access.session_id}`);
    return { user, served, access, topic, here };
  }

  async function open({ token }: Pick<Access, 'token'>) {
    const page = await Page.open(nodes().here, `?token=${token}`);
    pages.push(page);
    return page;
  }

  it('speaks in the session of the token, with seq', async () => {
    const { access, topic, here, user } = await talk();
    const page = await open(access);
    await page.until('agent_ready');
    page.say('hello');
    const [message] = await heard(topic);
    await topic.push('tool_call', { tool_name: 'look' });
    await topic.push('agent_message', { content: 'wait', final: false });
    await topic.push('agent_message', { content: 'hi' });
    await page.until('agent_response');
    expect(page.of(message?.execution_id).map(({ type, data }) => [type, data.seq])).toEqual([
      ['user_input', 1],
      ['agent_thinking', undefined],
      ['tool_called', undefined],
      ['tool_executing', undefined],
      ['agent_thinking', 2],
      ['agent_response', 3],
    ]);
    // It outlives its socket.
    await page.socket.close();
    const { session } = await readSession(here.aerie, access.session_id);
    expect(session).toMatchObject({ user_id: user.id, close_reason: null });
  });

  it('brings first what the user has not confirmed, in log order, then live', async () => {
    const { access, topic, here } = await talk();
    const chat = await Chat.open(access, here.aerie);
    // It answers no ping, by which the server would take it to have read its own words.
    chat.socket.ws.pause();
    chat.say('one');
    await heard(topic);
    chat.socket.ws.terminate();
    await topic.push('agent_message', { content: 'soon', final: false });
    await topic.push('agent_message', { content: 'answer one' });
    await topic.push('agent_message', { content: 'by the way' });
    const page = await open(access);
    await page.until('agent_ready');
    await topic.push('agent_message', { content: 'live' });
    await page.until('agent_response', 3);
    const { told } = page;
    const execution = told.find(({ type }) => type === 'user_input')?.execution_id;
    expect(told.map(({ type, data, execution_id }) => [type, data.message, execution_id, data.seq])).toEqual([
      ['agent_start', 'Initializing ORBIT Agent...', undefined, undefined],
      ['user_input', 'one', execution, 1],
      ['agent_thinking', 'soon', execution, 2],
      ['agent_response', 'answer one', execution, 3],
      ['agent_response', 'by the way', undefined, 4],
      ['agent_ready', 'Agent initialized successfully', undefined, undefined],
      ['agent_response', 'live', undefined, 5],
    ]);
    // The client has answered the pings behind these frames: what it has read does not come again.
    await eventually(async () => {
      const again = await open(access);
      await again.until('agent_ready');
      await again.socket.close();
      expect(again.types.filter((type) => type === 'agent_response')).toEqual([]);
    });
  });

  it('shows what other sockets of the session say and hear', async () => {
    const { access, topic } = await talk();
    const [one, other] = [await open(access), await open(access)];
    await Promise.all([one.until('agent_ready'), other.until('agent_ready')]);
    one.say('hello');
    const [message] = await heard(topic);
    await topic.push('thinking', { message: 'Hm' });
    await topic.push('agent_message', { content: 'hi' });
    await Promise.all([one.until('agent_response'), other.until('agent_response')]);
    expect(other.of(message?.execution_id).map(({ type, data }) => [type, data.message])).toEqual([
      ['user_input', 'hello'],
      ['agent_thinking', 'Hm'],
      ['agent_response', 'hi'],
    ]);
  });

  it('refuses a sixth socket with 1013', async () => {
    const { access } = await talk();
    const five = await Promise.all(Array.from({ length: 5 }, () => open(access)));
    await Promise.all(five.map((page) => page.until('agent_ready')));
    const sixth = await open(access);
    expect((await sixth.socket.ended()).code).toBe(1013);
  });

  it('brings the end, closes with 1000, and is not found once that is read', async () => {
    const { access, topic } = await talk();
    await topic.push('agent_message', { content: 'bye' });
    await topic.push('close_session', { reason: 'enough' });
    const page = await open(access);
    expect((await page.socket.ended()).code).toBe(1000);
    expect(page.told.slice(1).map(({ type, data }) => [type, data.message])).toEqual([
      ['agent_response', 'bye'],
      ['error', 'Session closed: enough'],
    ]);
    const again = await open(access);
    expect((await again.socket.ended()).code).toBe(4004);
    expect(again.told).toMatchObject([{ type: 'error', data: { message: 'Session not found' } }]);
  });

  it('pays as the session is set, unseen here, and leaves the question to another dialect', async () => {
    const { access, topic, here, user, served } = await talk({ auto_pay: { max_per_payment: '1' } });
    await giveCredits(here.aerie, user, '10');
    const page = await open(access);
    await page.until('agent_ready');
    page.say('buy');
    await heard(topic);
    const capability = { action: 'assistant', description: 'A thing' };
    expect(await topic.push('request_payment', { amount_usdc: '0.5', ...capability })).toMatchObject({
      status: 'approved',
    });
    expect(await topic.push('request_payment', { amount_usdc: '2', ...capability })).toMatchObject({
      status: 'pending',
    });
    const chat = await Chat.open(access, here.aerie);
    await chat.until('PAYMENT_REQUEST');
    chat.send('PAYMENT_RESPONSE', { approved: true });
    await eventually(() => expect(topic.events('payment_response').at(-1)).toMatchObject({ approved: true }));
    await topic.push('agent_message', { content: 'bought' });
    await page.until('agent_response');
    expect(page.types).toEqual(['agent_start', 'agent_ready', 'user_input', 'agent_thinking', 'agent_response']);
    expect(served.own.events('session_assigned').length).toBeLessThanOrEqual(1);
  });
});
