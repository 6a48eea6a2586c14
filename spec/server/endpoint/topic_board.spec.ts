import { randomUUID } from 'node:crypto';
import { MAX_TOPICS, TopicBoard } from '../../../server/endpoint/topic_board.ts';
import type { LocalTopic } from '../../../server/hub.ts';
import type { NodeInfo } from '../../../server/nodes/port.ts';
import type { PubSub } from '../../../server/pubsub/port.ts';
import { redisPubSub } from '../../../server/pubsub/redis.ts';
import { Traffic } from '../../../server/runtime/traffic.ts';
import { sharedRedisUrl } from '../../support/redis.ts';

describe('the traffic of a topic', () => {
  it('is what came within the last 10 s, a second', () => {
    const traffic = new Traffic();
    const startMs = 1_700_000_000_000;
    for (let at = 0; at < 100; at++) traffic.received(startMs + at);
    traffic.broadcast(startMs + 5_000);
    expect(traffic.perSecond(startMs + 9_999)).toEqual({ received: 10, broadcasts: 0.1 });
    expect(traffic.perSecond(startMs + 15_000)).toEqual({ received: 5, broadcasts: 0.05 });
    expect(traffic.perSecond(startMs + 20_000)).toEqual({ received: 0, broadcasts: 0 });
    traffic.received(startMs + 45_000);
    expect(traffic.perSecond(startMs + 45_000)).toEqual({ received: 0.1, broadcasts: 0 });
  });
});

describe('the topics of a deployment', () => {
  let pubsubs: PubSub[] = [];
  let boards: TopicBoard[] = [];
  afterEach(async () => {
    for (const board of boards) board.close();
    await Promise.all(pubsubs.map((pubsub) => pubsub.close()));
  });

  const topic = (name: string, members: number, receivedPerSecond = 0, broadcastsPerSecond = 0): LocalTopic => ({
    name,
    members,
    receivedPerSecond,
    broadcastsPerSecond,
  });

  /** A board on each node; `dead` ones are live for the others and never answer. */
  async function boardsOf(locals: readonly (readonly LocalTopic[])[], dead: readonly string[] = []) {
    const networkId = `spec-${randomUUID()}`;
    const live = [...locals.map((_, at) => `n${at + 1}`), ...dead].map(
      (id): NodeInfo => ({ id, incarnation: `i-${id}`, gauges: {} }),
    );
    pubsubs = await Promise.all(
      locals.map(async (_, at) => {
        const pubsub = redisPubSub({ url: sharedRedisUrl(), networkId, nodeId: `n${at + 1}` });
        await pubsub.ready(5_000);
        return pubsub;
      }),
    );
    boards = locals.map((local, at) => {
      const [pubsub, self] = [pubsubs[at], live[at]];
      if (!pubsub || !self) throw new Error('one for each node');
      return new TopicBoard({ pubsub, nodes: { self, live: () => live }, local: () => local, answerWithinMs: 10_000 });
    });
    // Their subscriptions stand once each has heard itself behind them.
    await Promise.all(pubsubs.map((pubsub) => (pubsub as ReturnType<typeof redisPubSub>).ready(5_000)));
    return boards as [TopicBoard, ...TopicBoard[]];
  }

  it('are summed over all nodes, busiest first; a broadcast is one event wherever it is heard', async () => {
    const [here] = await boardsOf([
      [topic('a', 2, 1, 5), topic('b', 1), topic('\0internal', 9, 9), topic('joining', 0)],
      [topic('a', 3, 2, 4.5), topic('c', 1, 100)],
    ]);
    expect(await here.busiest('')).toEqual({
      topics: [
        { topic: 'c', members: 1, eventsPerSecond: 100, nodes: ['n2'] },
        { topic: 'a', members: 5, eventsPerSecond: 8, nodes: ['n1', 'n2'] },
        { topic: 'b', members: 1, eventsPerSecond: 0, nodes: ['n1'] },
      ],
      missing: [],
    });
    expect((await here.busiest('c')).topics.map(({ topic: name }) => name)).toEqual(['c']);
  });

  it('have every node’s part also where nodes have more than they send', async () => {
    const quiet = Array.from({ length: 3 * MAX_TOPICS }, (_, at) => topic(`quiet:${at}`, 1, 1));
    const [here] = await boardsOf([
      [...quiet, topic('shared', 7, 50)],
      // On this node it is none of the busiest.
      [...quiet, topic('shared', 5, 0.5)],
    ]);
    const { topics } = await here.busiest('');
    expect(topics).toHaveLength(MAX_TOPICS);
    expect(topics[0]).toEqual({ topic: 'shared', members: 12, eventsPerSecond: 50.5, nodes: ['n1', 'n2'] });
    expect(topics[1]).toMatchObject({ members: 2, eventsPerSecond: 2 });
  });

  it('name the node that did not answer, after a while', async () => {
    const [board] = await boardsOf([[topic('a', 1)]], ['paused']);
    const impatient = new TopicBoard({
      pubsub: pubsubs[0] as PubSub,
      nodes: {
        self: { id: 'n1', incarnation: 'i-n1', gauges: {} },
        live: () => [
          { id: 'n1', incarnation: 'i-n1', gauges: {} },
          { id: 'paused', incarnation: 'i-paused', gauges: {} },
        ],
      },
      local: () => [topic('a', 1)],
      answerWithinMs: 200,
    });
    boards.push(impatient);
    board.close();
    expect(await impatient.busiest('')).toMatchObject({ topics: [{ topic: 'a', members: 1 }], missing: ['paused'] });
  });
});
