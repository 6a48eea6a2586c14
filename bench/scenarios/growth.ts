import { atOnce } from '../generator/at_once.ts';
import { Latencies } from '../generator/latencies.ts';
import { PhoenixSocket } from '../generator/phoenix_socket.ts';
import { PlatformClient, type RegisteredAgent } from '../generator/platform_client.ts';
import { loadOf, measureUse } from '../generator/window.ts';
import { privateBytes } from '../machine/process_usage.ts';
import type { Figure, Scenario, Subject } from '../scenario.ts';
import { embedded, onRedis } from '../servers/platform.ts';
import { loadFigures } from './figures.ts';

/** Tasks, and chunks of one stream and of all, once and ten times as many. A stream holds 65,536 chunks. */
const TASKS = 1_000;
const CHUNKS_OF_ONE = 6_000;
const CHUNKS_OF_ALL = 10_000;
const TIMES = 10;
/** So many of the last ones are measured. */
const MEASURED = 3_000;
const JOINS = 300;
const LAST_CHUNKS = 10;
/** Each with as many tasks, so that no inbox is full of their notices. */
const PAIRS = 100;
const AT_ONCE = 32;
const IN_FLIGHT = 64;
const CHUNK = 'a chunk of sixty-four bytes, which is about a line of a stream..';

interface Pair {
  readonly consumer: RegisteredAgent;
  readonly provider: RegisteredAgent;
  readonly writer: PhoenixSocket;
}

interface OpenTask {
  readonly topic: string;
  readonly pair: Pair;
}

/** Does the works of `from` … `to` - 1. @returns CPU of the server for one of the last, in µs */
async function grown(
  subject: Subject,
  limit: number,
  [from, to]: [number, number],
  work: (at: number) => Promise<unknown>,
) {
  const measuredFrom = Math.max((from + to) / 2, to - MEASURED);
  await atOnce(measuredFrom - from, limit, (at) => work(from + at));
  const used = await measureUse(subject, () => atOnce(to - measuredFrom, limit, (at) => work(measuredFrom + at)));
  return (used.serverCpuSeconds * 1e6) / (to - measuredFrom);
}

async function drive(subject: Subject) {
  const client = new PlatformClient(subject);
  const [node] = subject.nodes;
  if (!node) throw new Error('no node');
  const pids = [node.pid];
  const pairs = await atOnce(PAIRS, AT_ONCE, async (): Promise<Pair> => {
    const [consumer, provider] = [await client.register(), await client.register()];
    return { consumer, provider, writer: await PhoenixSocket.connect(client.port, provider.apiKey) };
  });
  const tasks: OpenTask[] = [];
  const make = async (at: number) => {
    const pair = pairs[at % PAIRS] as Pair;
    const sides = { client_agent_id: pair.consumer.id, provider_agent_id: pair.provider.id };
    const { task } = await client.post<{ readonly task: { readonly id: string } }>('/api/tasks', sides);
    tasks.push({ topic: `task:${task.id}`, pair });
  };
  const open = (at: number) => {
    const { topic, pair } = tasks[at] as OpenTask;
    return pair.writer.join(topic);
  };
  const store = ({ topic, pair }: OpenTask, seq: number) =>
    pair.writer.push(topic, 'output_stream', { chunk: CHUNK, seq });

  const figures: Record<string, number> = {};
  const begun = { bytes: privateBytes(pids) };
  for (const [size, from, to] of [
    ['once', 0, TASKS],
    ['tenfold', TASKS, TASKS * TIMES],
  ] as const) {
    figures[`${size}TaskUs`] = await grown(subject, AT_ONCE, [from, to], make);
    const restingBytes = privateBytes(pids);
    figures[`${size}OpenUs`] = await grown(subject, AT_ONCE, [from, to], open);
    figures[`${size}OpenKb`] = (privateBytes(pids) - restingBytes) / (to - from) / 1_000;
  }
  figures.nodeMb = (privateBytes(pids) - begun.bytes) / 1e6;

  const all = tasks.slice(1, 1 + TASKS);
  for (const [size, from, to] of [
    ['once', 0, CHUNKS_OF_ALL],
    ['tenfold', CHUNKS_OF_ALL, CHUNKS_OF_ALL * TIMES],
  ] as const) {
    const storeNext = (at: number) => store(all[at % all.length] as OpenTask, Math.floor(at / all.length));
    figures[`${size}ChunkOfAllUs`] = await grown(subject, IN_FLIGHT, [from, to], storeNext);
  }

  const [one] = tasks as [OpenTask];
  const reader = await PhoenixSocket.connect(client.port, one.pair.consumer.apiKey);
  let used = await measureUse(subject, async () => undefined);
  for (const [size, from, to] of [
    ['once', 0, CHUNKS_OF_ONE],
    ['tenfold', CHUNKS_OF_ONE, CHUNKS_OF_ONE * TIMES],
  ] as const) {
    figures[`${size}ChunkUs`] = await grown(subject, IN_FLIGHT, [from, to], (seq) => store(one, seq));
    const times = new Latencies();
    used = await measureUse(subject, () =>
      atOnce(JOINS, 1, async () => {
        const startedAt = performance.now();
        await new Promise((resolve, reject) => {
          const resume = { output: to - 1 - LAST_CHUNKS };
          const onPush = (event: string, { seq }: { readonly seq: number }) =>
            event === 'output_stream' && seq === to - 1 && resolve(undefined);
          reader.join(one.topic, { resume }, onPush).catch(reject);
        });
        times.add((performance.now() - startedAt) * 1_000);
      }),
    );
    figures[`${size}JoinUs`] = (used.serverCpuSeconds * 1e6) / JOINS;
    figures[`${size}JoinMs`] = times.quantileMs(0.5);
  }
  return { ...figures, ...loadOf(used) };
}

const both = (key: string, label: string, unit: string, [once, tenfold]: [string, string]): Figure[] => [
  { key: `once${key}`, label: `${label}, ${once}`, unit, better: 'less' },
  { key: `tenfold${key}`, label: `${label}, ${tenfold}`, unit, better: 'less' },
];

const OF_TASKS: [string, string] = ['of 1,000', 'of 10,000'];
const OF_ONE: [string, string] = ['6,000 stored', '60,000 stored'];

export const growthScenario: Scenario = {
  name: 'growth',
  asks: 'what a task and a stored chunk cost when there are ten times as many',
  contestants: [embedded(), onRedis()],
  figures: [
    ...both('TaskUs', 'CPU to make a task', 'µs', OF_TASKS),
    ...both('OpenUs', 'CPU to join a task', 'µs', OF_TASKS),
    ...both('OpenKb', 'memory of a joined task', 'KB', OF_TASKS),
    { key: 'nodeMb', label: 'memory of the node, 10,000 tasks made and joined', unit: 'MB', better: 'less' },
    ...both('ChunkOfAllUs', 'CPU to store a chunk in one of 1,000 streams', 'µs', ['10,000 in all', '100,000 in all']),
    ...both('ChunkUs', 'CPU to store a chunk in one stream', 'µs', OF_ONE),
    ...both('JoinUs', 'CPU to join and get the last 10', 'µs', OF_ONE),
    ...both('JoinMs', 'time to join and get the last 10, p50', 'ms', OF_ONE),
    ...loadFigures,
  ],
  maxRounds: 1,
  needs: { redis: true },
  drive,
};
