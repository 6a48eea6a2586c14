import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { sharded } from '../../../server/pubsub/commands.ts';
import { Link } from '../../../server/pubsub/link.ts';
import { sharedRedisUrl } from '../../support/redis.ts';

// Sharded pub/sub works on a Redis of its own too: there all slots are its.

describe('a link', () => {
  let link: Link;
  let subscriber: Redis;
  let doubts: string[];

  beforeEach(async () => {
    const open = () => new Redis(sharedRedisUrl(), { lazyConnect: true });
    subscriber = open();
    doubts = [];
    link = new Link({
      commands: sharded,
      publisher: open(),
      subscriber,
      canaryChannel: randomUUID(),
      heardAt: performance.now(),
      missed: false,
      listener: {
        received() {},
        lost() {},
        heard() {},
        restored() {},
        suspect: (_link, what) => doubts.push(what),
        trouble() {},
      },
    });
    await once(subscriber, 'ready');
  });
  afterEach(() => link.close());

  /** Resolves when Redis has answered what was asked before. */
  async function counted() {
    link.countSubscriptions();
    await subscriber.ping();
  }

  it('finds as many subscriptions as it asked for, however they change meanwhile', async () => {
    const topics = Array.from({ length: 2_000 }, () => randomUUID());
    for (const [at, topic] of topics.entries()) {
      link.add(topic);
      if (at % 3 === 0) link.remove(topics[at >> 1] ?? '');
      if (at % 100 === 0) await counted();
    }
    await counted();
    expect(doubts).toEqual([]);
  });

  it('is in doubt when Redis counts other subscriptions', async () => {
    const topic = randomUUID();
    await link.add(topic);
    await counted();
    expect(doubts).toEqual([]);
    await subscriber.sunsubscribe(topic);
    await counted();
    expect(doubts).toEqual(['subscriptions']);
  });
});
