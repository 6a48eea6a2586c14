import { Chat, makeSession, readSession, registerUser } from '../channels/session/people.ts';
import { onRedis } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { request, upgradeHeaders } from '../support/frames.ts';
import { freePort } from '../support/free_port.ts';
import { RedisProcess } from '../support/redis_process.ts';
import { heard, type OrbitNode, Page, type Served, serve, startOrbit } from './orbit/people.ts';

describe('the wires of sessions while Redis is gone', () => {
  let redis: RedisProcess;
  let node: OrbitNode;
  let served: Served;
  beforeAll(async () => {
    redis = await RedisProcess.start(await freePort(), ['--appendonly', 'yes', '--appendfsync', 'always']);
    node = await startOrbit(onRedis(`redis://127.0.0.1:${redis.port}`));
    served = await serve(node.aerie);
  });
  afterAll(async () => {
    await served.client.close();
    await node.aerie.stop();
    await redis.stop();
  });

  it('say that the outcome is unknown, let nobody in, and go on with nothing lost', async () => {
    const user = await registerUser(node.aerie);
    const access = await makeSession(node.aerie, user, { agent_id: served.agent.id });
    const chat = await Chat.open(access, node.aerie);
    chat.say('before');
    const page = await Page.open(node);
    page.say('before');
    const topic = await served.session(2);
    await heard(topic, 1);
    await topic.push('agent_message', { content: 'answer' });
    await page.until('agent_response');
    await eventually(async () => expect((await readSession(node.aerie, access.session_id)).entries).toHaveLength(1));

    await redis.kill();
    chat.say('meanwhile');
    page.say('meanwhile');
    expect(await chat.until('ERROR')).toMatchObject({ error_type: 'internal_error' });
    await page.until('error');
    expect(page.errors).toEqual([expect.stringMatching(/^Server error: [0-9a-f-]{36}$/)]);
    for (const url of [
      `${node.aerie.url}/ws/user-agent/${access.session_id}?token=${access.token}`,
      `http://127.0.0.1:${node.port}/ws`,
    ]) {
      await eventually(async () => {
        const answer = await request('GET', url, { headers: upgradeHeaders });
        answer.socket?.destroy();
        expect(answer.status).toBe(503);
      });
    }
    expect((await request('GET', `http://127.0.0.1:${node.port}/health`)).status).toBe(200);

    await redis.start();
    await eventually(async () => expect((await node.aerie.call('GET', '/ready')).status).toBe(200), 30_000);
    // The client repeats what it does not know to be stored.
    const back = await eventually(async () => {
      const opened = await Chat.open(access, node.aerie);
      opened.say('meanwhile', { id: 'm-2' });
      return opened;
    }, 30_000);
    await eventually(async () => {
      const { entries } = await readSession(node.aerie, access.session_id);
      expect(entries.map(({ content }) => content)).toEqual(expect.arrayContaining(['before', 'meanwhile']));
      expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, at) => at + 1));
    }, 30_000);
    await back.socket.close();
    page.say('after');
    await eventually(
      () => expect(page.told.filter(({ type }) => type === 'user_input').at(-1)?.data).toEqual({ message: 'after' }),
      30_000,
    );
  }, 150_000);
});
