import { type Aerie, onRedis, startAerie } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { Client, type Topic } from '../../support/official_client.ts';
import { proxyTo, type Proxy as TcpProxy } from '../../support/proxy.ts';
import { ownRedis, type RedisServer } from '../../support/redis.ts';
import { completionOf, makeTask, type Pair, type Pushed, sha256 } from './members.ts';

interface Consumer {
  readonly got: Pushed[];
  readonly have: Set<number>;
  readonly completed: Promise<unknown>;
}

/** A task on two nodes with a Redis of their own. */
interface Streams {
  readonly redis: RedisServer;
  readonly proxy: TcpProxy;
  /** Talks to Redis directly. */
  readonly a: Aerie;
  /** Talks to Redis through the proxy. */
  readonly b: Aerie;
  produce(node: Aerie): Promise<Topic>;
  /** Reads as a careful client does: it resumes above what it has, and keeps what comes in the order in which it comes. */
  consume(node: Aerie): Promise<Consumer>;
  /** The number of chunks that the store has, as a client of this node hears it. */
  stored(node: Aerie): Promise<number>;
}

/** A case on nodes of its own. They run beside each other: for the most part they wait. */
const withStreams = (run: (streams: Streams) => Promise<void>) => async () => {
  const redis = await ownRedis();
  const proxy = await proxyTo({ host: '127.0.0.1', port: redis.port });
  const nodes: Aerie[] = [];
  const clients: Client[] = [];
  const start = async (env: Record<string, string>) => {
    const node = await startAerie({ ...env, HTTP_RATE_LIMIT: '0', RATE_LIMIT: '0' });
    nodes.push(node);
    return node;
  };
  try {
    const { env } = onRedis(redis.url);
    const [a, b] = await Promise.all([start(env), start({ ...env, REDIS_URL: proxy.url })]);
    const task = await makeTask(a);
    const connect = (node: Aerie, apiKey: string) => {
      const client = new Client(node.url, { params: { api_key: apiKey } });
      clients.push(client);
      return client;
    };
    await run({
      ...{ redis, proxy, a, b },
      produce: (node) => connect(node, task.provider.apiKey).join(`task:${task.id}`),
      consume: (node) => consume(connect(node, task.client.apiKey), task),
      async stored(node) {
        const probe = await connect(node, task.client.apiKey).join(`task:${task.id}`);
        return ((await probe.joined) as { streams: { output: { next_seq: number } } }).streams.output.next_seq;
      },
    });
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(nodes.map((node) => node.stop()));
    await proxy.stop();
    await redis.stop();
  }
};

async function consume({ socket }: Client, task: Pair): Promise<Consumer> {
  const got: Pushed[] = [];
  const have = new Set<number>();
  const next = () => {
    let seq = 0;
    while (have.has(seq)) seq++;
    return seq;
  };
  const channel = socket.channel(`task:${task.id}`, () => (next() > 0 ? { resume: { output: next() - 1 } } : {}));
  channel.on('output_stream', (pushed: Pushed) => {
    if (!have.has(pushed.seq)) got.push(pushed);
    have.add(pushed.seq);
  });
  const completed = new Promise((resolve) => channel.on('output_complete', resolve));
  await new Promise((resolve, reject) => channel.join().receive('ok', resolve).receive('error', reject));
  return { got, have, completed };
}

const textOf = (seq: number) => `chunk ${seq} ${'.'.repeat(seq % 50)};`;

/** Pushes until it is acknowledged, as a producer has to. */
async function push(topic: Topic, seq: number) {
  await eventually(() => topic.push('output_stream', { chunk: textOf(seq), seq }), 20_000);
}
async function produceRange(topic: Topic, from: number, to: number) {
  for (let seq = from; seq < to; seq += 5) {
    await Promise.all([0, 1, 2, 3, 4].map((at) => push(topic, seq + at)));
  }
}

async function expectWhole(consumer: Consumer, count: number) {
  const texts = Array.from({ length: count }, (_, seq) => textOf(seq));
  await eventually(() => expect(consumer.have.size).toBe(count), 20_000);
  const bySeq = [...consumer.got].sort((one, other) => one.seq - other.seq).map(({ chunk }) => chunk);
  expect(sha256(bySeq)).toBe(sha256(texts));
}

it.concurrent(
  'only the subscriber connection cut: readers come again and miss nothing',
  withStreams(async ({ proxy, a, b, produce, consume }) => {
    const consumer = await consume(b);
    const producer = await produce(a);
    await produceRange(producer, 0, 50);
    for (const connection of proxy.connections()) if (/subscribe/i.test(connection.sent())) connection.end();
    await produceRange(producer, 50, 150);
    await expectWhole(consumer, 150);
    await producer.push('output_complete', completionOf(Array.from({ length: 150 }, (_, seq) => textOf(seq))));
    await consumer.completed;
  }),
  80_000,
);

it.concurrent(
  'the node that stores is killed in the middle of a stream: what it stored last reaches readers of another',
  withStreams(async ({ a, b, produce, consume, stored }) => {
    const consumer = await consume(a);
    const producer = await produce(b);
    await produceRange(producer, 0, 50);
    const sent = Array.from({ length: 50 }, (_, at) => push(producer, 50 + at).catch(() => undefined));
    await new Promise((resolve) => setTimeout(resolve, 3));
    b.signal('SIGKILL');
    await b.exit;
    // Whatever is in the store by now gets there without any producer.
    const count = await stored(a);
    await eventually(() => expect(consumer.have.size).toBeGreaterThanOrEqual(count), 15_000);
    await produceRange(await produce(a), 50, 150);
    await expectWhole(consumer, 150);
    await Promise.race([Promise.all(sent), new Promise((resolve) => setTimeout(resolve, 1))]);
  }),
  80_000,
);

it.concurrent(
  'Redis away for some seconds: pushes are refused as unavailable, and nothing is lost',
  withStreams(async ({ redis, a, b, produce, consume }) => {
    const consumer = await consume(b);
    const producer = await produce(a);
    await produceRange(producer, 0, 50);
    await redis.kill();
    await expect(producer.push('output_stream', { chunk: textOf(50), seq: 50 })).rejects.toMatchObject({
      reason: 'unavailable',
    });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await redis.start();
    // appendfsync everysec may have lost what was acknowledged in the last second: a producer sends it again.
    await eventually(() => expect(producer.channel.state).toBe('joined'), 20_000);
    await produceRange(producer, 0, 150);
    await expectWhole(consumer, 150);
  }),
  80_000,
);
