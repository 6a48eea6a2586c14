import { randomUUID } from 'node:crypto';
import { type Aerie, onRedis, startAerie } from '../../support/aerie.ts';
import { type RedisCluster, redisCluster } from '../../support/redis_cluster.ts';
import { makeTeam, newAgent, Rpc } from './people.ts';
import { SEED, talk } from './random_talk.ts';

let cluster: RedisCluster;
let nodes: Aerie[];
beforeAll(async () => {
  cluster = await redisCluster();
  const env = { ...onRedis(cluster.url).env, HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0' };
  nodes = await Promise.all([startAerie(env), startAerie(env)]);
}, 60_000);
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await cluster.stop();
});

it(`on a Redis Cluster the order of a conversation is its log too (ORDER_SEED=${SEED})`, async () => {
  const [here, there] = nodes as [Aerie, Aerie];
  await talk(here, there);
}, 120_000);

it('on a Redis Cluster the conversations of tasks in different slots are found in one list', async () => {
  const [here, there] = nodes as [Aerie, Aerie];
  const agent = await newAgent(here);
  const asAgent = await Rpc.as(there, agent, 'agent');
  const made: string[] = [];
  const apps: Rpc[] = [];
  for (let count = 0; count < 12; count++) {
    const { app, taskId } = await makeTeam(here);
    const byApp = await Rpc.as(count % 2 ? here : there, app, 'app');
    apps.push(byApp);
    const id = randomUUID();
    await byApp.call('app/task/update', { action: 'add-participant', taskId, agentId: agent.id });
    await byApp.call('app/conversation/create', { taskId, id, participants: [agent.id] });
    made.unshift(id);
  }
  const listed: string[] = [];
  for (let cursor: unknown, page = 0; page === 0 || cursor !== undefined; page++) {
    const { result } = await asAgent.call('agent/conversation/list', { limit: 5, cursor });
    const { items, nextCursor } = result as { items: { conversation: { id: string } }[]; nextCursor?: string };
    listed.push(...items.map(({ conversation }) => conversation.id));
    cursor = nextCursor;
  }
  expect(listed).toEqual(made);
  await Promise.all([asAgent, ...apps].map(({ socket }) => socket.close()));
});
