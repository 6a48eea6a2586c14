import { type Aerie, startAerieInFolder } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import type { Client } from '../../support/official_client.ts';
import { agentClient, assistant, Chat, makeSession, readSession, registerUser } from './people.ts';

const clients: Client[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

async function talk(aerie: Aerie, there = aerie) {
  const [user, agent] = await Promise.all([registerUser(aerie), assistant(aerie)]);
  const access = await makeSession(aerie, user, { agent_id: agent.id });
  const join = async (params: object = {}, node = there) => {
    const client = agentClient(node, agent);
    clients.push(client);
    return client.join(`session:${access.session_id}`, params);
  };
  return { user, agent, access, id: access.session_id, join };
}

onEveryDeployment('both sides of a session', (deployment) => {
  it('miss nothing and get nothing twice, whoever joins while others speak', async () => {
    const { here, there } = deployment();
    const { access, join } = await talk(here, there);
    const chat = await Chat.open(access, here);
    const words = Array.from({ length: 150 }, (_, at) => `word ${at}`);
    for (const word of words.slice(0, 50)) chat.say(word);
    const first = await join();
    await eventually(() => expect(first.events('user_message').length).toBeGreaterThan(20));
    for (const word of words.slice(50, 100)) chat.say(word);
    const [second, third] = await Promise.all([join({ resume: 20 }, here), join({ resume: false })]);
    for (const word of words.slice(100)) chat.say(word);
    const heardBy = (topic: typeof first) =>
      (topic.events('user_message') as { content: string }[]).map((m) => m.content);
    await eventually(() => expect(heardBy(first)).toEqual(words), 15_000);
    await eventually(() => expect(heardBy(second)).toEqual(words.slice(20)), 15_000);
    const live = heardBy(third);
    await eventually(() => expect(heardBy(third).at(-1)).toBe('word 149'), 15_000);
    expect(heardBy(third)).toEqual(words.slice(150 - heardBy(third).length));
    expect(live.length).toBeLessThan(150);
  });

  it('get what an agent does beside the log before what it says afterwards', async () => {
    const { here, there } = deployment();
    const { access, join } = await talk(here, there);
    const chat = await Chat.open(access, here);
    const topic = await join();
    const replies = Array.from({ length: 20 }, (_, round) => [
      topic.push('thinking', { message: 'x' }),
      topic.push('tool_call', { tool_name: 'look', arguments: { round } }),
      topic.push('tool_result', { tool_name: 'look', result: round }),
      topic.push('agent_message', { content: `answer ${round}` }),
    ]);
    await Promise.all(replies.flat());
    await chat.until('AGENT_MESSAGE', 20);
    expect(chat.of('AGENT_MESSAGE').map(({ content }) => content)).toEqual(
      Array.from({ length: 20 }, (_, round) => `answer ${round}`),
    );
  });
});

describe('a server', () => {
  let aerie: Aerie;
  beforeAll(async () => {
    aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0', BYTE_RATE_LIMIT: '0' });
  });
  afterAll(() => aerie.stop());

  it('takes 10,000 entries of a session and no more, and replays them', async () => {
    const { access, id, join } = await talk(aerie);
    const topic = await join({ resume: false });
    const chat = await Chat.open(access, aerie);
    const said: { seq: number }[] = [];
    for (let at = 0; at < 10_000; at += 500) {
      const batch = Array.from({ length: 500 }, (_, more) =>
        topic.push<{ seq: number }>('agent_message', { content: `${at + more}` }),
      );
      said.push(...(await Promise.all(batch)));
    }
    expect(said.at(-1)).toEqual({ seq: 10_000 });
    await expect(topic.push('agent_message', { content: 'one more' })).rejects.toMatchObject({
      reason: 'session_full',
    });
    chat.say('one more');
    await chat.until('ERROR');
    await chat.until('AGENT_MESSAGE', 10_000);
    const again = await Chat.open(access, aerie, '&after=0');
    await again.until('AGENT_MESSAGE', 10_000);
    expect(again.of('AGENT_MESSAGE').map(({ seq }) => seq)).toEqual(Array.from({ length: 10_000 }, (_, at) => at + 1));
    const page = await readSession(aerie, id, '?after=9990');
    expect(page.entries).toHaveLength(10);
    const first = await readSession(aerie, id, '?limit=3');
    expect(first.next_cursor).toBe('3');
    await topic.push('close_session', { reason: 'full' });
    expect((await readSession(aerie, id, '?after=10000')).entries).toMatchObject([{ type: 'session_closed' }]);
  }, 60_000);

  it('closes a user who does not read, and brings everything when it is back', async () => {
    const { access, join } = await talk(aerie);
    const topic = await join();
    const chat = await Chat.open(access, aerie);
    chat.send('NOTHING');
    await chat.until('ERROR');
    chat.socket.ws.pause();
    const content = 'x'.repeat(60 * 1_024);
    for (let count = 0; count < 120; count++) await topic.push('agent_message', { content });
    chat.socket.ws.resume();
    expect(await chat.socket.ended(15_000)).toMatchObject({ code: expect.any(Number) });
    const { length } = chat.of('AGENT_MESSAGE');
    expect(length).toBeLessThan(120);
    const back = await Chat.open(access, aerie, `&after=${length}`);
    await back.until('AGENT_MESSAGE', 120 - length);
    expect(back.of('AGENT_MESSAGE')[0]).toMatchObject({ seq: length + 1 });
  }, 60_000);

  it('gives an agent 1,000 open sessions', async () => {
    const agent = await assistant(aerie);
    const users = await Promise.all(Array.from({ length: 51 }, () => registerUser(aerie)));
    let refused: unknown;
    for (const user of users) {
      const made = await Promise.all(
        Array.from({ length: 20 }, () => aerie.call('POST', '/api/sessions', user.apiKey, { agent_id: agent.id })),
      );
      refused = made.find(({ status }) => status !== 201)?.body ?? refused;
    }
    expect(refused).toMatchObject({ reason: 'too_many_sessions', details: { scope: 'agent' } });
    const client = agentClient(aerie, agent);
    clients.push(client);
    const { joined } = await client.join(`agent:${agent.id}`);
    expect(await joined).toMatchObject({ sessions_more: true, sessions: { length: 100 } });
    const [open] = ((await joined) as { sessions: { id: string }[] }).sessions;
    await (await client.join(`session:${open?.id}`)).push('close_session', { reason: 'room' });
    const last = users.at(-1);
    const again = await aerie.call('POST', '/api/sessions', last?.apiKey, { agent_id: agent.id });
    expect(again.status).toBe(201);
  }, 60_000);
});
