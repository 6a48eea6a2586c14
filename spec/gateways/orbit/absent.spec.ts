import { setTimeout as sleep } from 'node:timers/promises';
import { makeSession, readSession, registerUser } from '../../channels/session/people.ts';
import { registerAgent } from '../../support/aerie.ts';
import { come, heard, onEveryStore, Page, type Served } from './people.ts';

/** More than an agent may take to come. */
const LATE_MS = 13_000;

onEveryStore({ ORBIT_CAPABILITY: 'helper' }, 'ORBIT without an agent', (nodes) => {
  const pages: Page[] = [];
  const agents: Pick<Served, 'client'>[] = [];
  afterEach(async () => {
    await Promise.all(pages.splice(0).map(({ socket }) => socket.close()));
    await Promise.all(agents.splice(0).map(({ client }) => client.close()));
  });

  async function open(query = '') {
    const page = await Page.open(nodes().here, query);
    pages.push(page);
    return page;
  }

  const helper = () => registerAgent(nodes().there.aerie, { capabilities: [{ name: 'helper', price: '0.1' }] });

  async function arrive(agent: Awaited<ReturnType<typeof helper>>) {
    const served = await come(nodes().there.aerie, agent);
    agents.push(served);
    return served;
  }

  it('says so after 10 s, of a message too, which the agent gets when it comes', async () => {
    const { here } = nodes();
    const [user, agent] = [await registerUser(here.aerie), await helper()];
    const { token } = await makeSession(here.aerie, user, { agent_id: agent.id });
    const [page, talking, named] = [await open(), await open(), await open(`?token=${token}`)];
    talking.say('anybody?');
    const received = await talking.until('user_input');
    await sleep(8_500);
    for (const each of [page, talking, named]) expect(each.errors).toEqual([]);
    await Promise.all([page, named].map((each) => each.until('error', 1, LATE_MS)));
    await talking.until('error', 2, LATE_MS);
    const absent = 'Initialization failed: no agent with capability helper is online';
    expect(page.errors).toEqual([absent]);
    expect(named.errors).toEqual([`Initialization failed: agent ${agent.id} is not online`]);
    expect(talking.of(undefined).map(({ data }) => data.message)).toContain(absent);
    expect(talking.of(received.execution_id).map(({ type, data }) => [type, data.message])).toEqual([
      ['user_input', 'anybody?'],
      ['error', 'Agent processing failed: agent unavailable'],
    ]);

    const served = await arrive(agent);
    await Promise.all([page, talking, named].map((each) => each.until('agent_ready')));
    const topic = await served.session();
    const [message] = await heard(topic);
    expect(message).toMatchObject({ content: 'anybody?', execution_id: received.execution_id });
    await topic.push('agent_message', { content: 'me', execution_id: received.execution_id });
    talking.say('again');
    const [, again] = await heard(topic, 2);
    await topic.push('agent_message', { content: 'yes', execution_id: again?.execution_id });
    expect((await talking.until('agent_response')).execution_id).toBe(again?.execution_id);
    expect(talking.of(received.execution_id)).toHaveLength(2);
    const { entries } = await readSession(here.aerie, topic.channel.topic.slice('session:'.length));
    expect(entries).toHaveLength(4);
  }, 40_000);

  it('gives the message to one that comes within the time, and says nothing', async () => {
    const agent = await helper();
    const page = await open();
    page.say('anybody?');
    await page.until('user_input');
    const served = await arrive(agent);
    const topic = await served.session();
    await heard(topic);
    await page.until('agent_thinking');
    await topic.push('agent_message', { content: 'me' });
    await page.until('agent_response');
    expect([...page.types].sort()).toEqual(
      ['agent_start', 'agent_ready', 'user_input', 'agent_thinking', 'agent_response'].sort(),
    );
  });
});
