import { setTimeout as sleep } from 'node:timers/promises';
import { atOnce } from '../generator/at_once.ts';
import { Latencies } from '../generator/latencies.ts';
import { PhoenixSocket } from '../generator/phoenix_socket.ts';
import { PlatformClient } from '../generator/platform_client.ts';
import { Tally } from '../generator/tally.ts';
import { loadOf, measureUse } from '../generator/window.ts';
import type { Scenario, Subject } from '../scenario.ts';
import { platform } from '../servers/platform.ts';
import { faultFigures, loadFigures } from './figures.ts';

const READERS = 10_000;
const QUICK_READERS = 1_000;
const TASKS = 100;
const AT_ONCE = 64;
/** Connects that are under way at most: more of them would wait in the kernel. */
const AT_ONCE_AFTER_DEATH = 256;
const BEFORE = 3;
const REST_MS = 1_000;
const DRAIN_MS = 5_000;
const GIVE_UP_MS = 60_000;

interface Stream {
  readonly topic: string;
  readonly readerKey: string;
  write(seq: number): Promise<unknown>;
}

/** A task whose provider is on a node that lives. */
async function openStream(client: PlatformClient, port: number): Promise<Stream> {
  const [consumer, provider] = [await client.register(), await client.register()];
  const sides = { client_agent_id: consumer.id, provider_agent_id: provider.id };
  const { task } = await client.post<{ readonly task: { readonly id: string } }>('/api/tasks', sides);
  const topic = `task:${task.id}`;
  const writer = await PhoenixSocket.connect(port, provider.apiKey);
  await writer.join(topic);
  return {
    topic,
    readerKey: consumer.apiKey,
    write: (seq) => writer.push(topic, 'output_stream', { chunk: `chunk ${seq}`, seq }),
  };
}

/** Resolves as each reader has lost its connection, so that they come back in that order. */
class Returning {
  readonly #lost: number[] = [];
  #waiting: ((reader: number) => void)[] = [];

  lost(reader: number): void {
    const next = this.#waiting.shift();
    if (next) next(reader);
    else this.#lost.push(reader);
  }

  next(): Promise<number> {
    const reader = this.#lost.shift();
    return reader === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(reader);
  }
}

async function drive(subject: Subject, readers: number) {
  const [dying, living] = subject.nodes;
  if (!dying || !living) throw new Error('two nodes are needed');
  const survivors = { ...subject, nodes: [living] };
  const client = new PlatformClient(survivors);
  const streams = await atOnce(TASKS, 8, () => openStream(client, living.port));
  for (let seq = 1; seq <= BEFORE; seq++) await Promise.all(streams.map((stream) => stream.write(seq)));

  const [tally, returning, resumed] = [new Tally(readers), new Returning(), new Latencies()];
  const missed = BEFORE + 1;
  let [killedAtMs, retries] = [0, 0];
  const read = async (reader: number, port: number): Promise<PhoenixSocket> => {
    const stream = streams[reader % TASKS];
    if (!stream) throw new Error('no stream');
    const socket = await PhoenixSocket.connect(port, stream.readerKey);
    const resume = { output: tally.latest(reader) };
    const joining = socket.join(stream.topic, { resume }, (event, { seq }: { readonly seq: number }) => {
      if (event !== 'output_stream' || !tally.came(reader, seq) || seq !== missed) return;
      resumed.add((performance.now() - killedAtMs) * 1_000);
    });
    await joining.catch((error: Error) => {
      socket.end();
      throw error;
    });
    return socket;
  };
  await atOnce(readers, AT_ONCE, async (reader) => {
    (await read(reader, dying.port)).onLost = () => returning.lost(reader);
  });
  await sleep(REST_MS);

  const used = await measureUse(survivors, async () => {
    killedAtMs = performance.now();
    process.kill(dying.pid, 'SIGKILL');
    // What is stored while they are away.
    const written = Promise.all(streams.map((stream) => stream.write(missed)));
    await atOnce(readers, AT_ONCE_AFTER_DEATH, async () => {
      const reader = await returning.next();
      const deadlineMs = killedAtMs + GIVE_UP_MS;
      // As a client does: one that was not let in, or waited too long, comes again.
      for (let isBack = false; !isBack && performance.now() < deadlineMs; ) {
        isBack = await read(reader, living.port).then(
          () => true,
          () => false,
        );
        if (!isBack) retries++;
      }
    });
    await written;
  });
  // And what comes live, now that they are back.
  await Promise.all(streams.map((stream) => stream.write(missed + 1)));
  const deadline = performance.now() + DRAIN_MS;
  const areBehind = () => Array.from({ length: readers }).some((_, reader) => tally.latest(reader) < missed + 1);
  while (performance.now() < deadline && areBehind()) await sleep(20);
  // Those who never came back count as if they had come when they gave up: without them the others' p99 would be too good.
  for (let i = resumed.count; i < readers; i++) resumed.add(GIVE_UP_MS * 1_000);
  return {
    readers,
    p50Ms: resumed.quantileMs(0.5),
    p99Ms: resumed.quantileMs(0.99),
    retries,
    cpuUsEach: (used.serverCpuSeconds * 1e6) / readers,
    redisCpuUsEach: (used.redisCpuSeconds * 1e6) / readers,
    ...loadOf(used),
    ...tally.losses(() => missed + 1),
  };
}

export const resumeScenario: Scenario = {
  name: 'resume',
  asks: '10,000 readers of 100 streams lose their node by SIGKILL, connect to the other one, and get what was stored meanwhile (aim: p99 of 2 s)',
  quick: `${QUICK_READERS.toLocaleString('en-US')} readers`,
  contestants: [platform('Aerie, 2 nodes on Redis', { nodes: 2, store: 'Redis' })],
  figures: [
    { key: 'readers', label: 'readers', unit: '', better: 'more', isRemark: true },
    { key: 'p50Ms', label: 'from the death until a reader has it all: p50', unit: 'ms', better: 'less' },
    { key: 'p99Ms', label: 'from the death until a reader has it all: p99', unit: 'ms', better: 'less' },
    { key: 'retries', label: 'connects that failed and were tried again', unit: '', better: 'less', isRemark: true },
    { key: 'cpuUsEach', label: 'CPU of the other node for a reader', unit: 'µs', better: 'less' },
    { key: 'redisCpuUsEach', label: 'CPU of Redis for a reader', unit: 'µs', better: 'less' },
    ...loadFigures,
    ...faultFigures,
  ],
  needs: { redis: true, openFiles: READERS + 1_000 },
  drive: (subject, { isQuick }) => drive(subject, isQuick ? QUICK_READERS : READERS),
};
