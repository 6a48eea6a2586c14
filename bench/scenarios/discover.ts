import { atOnce } from '../generator/at_once.ts';
import { Latencies } from '../generator/latencies.ts';
import { PhoenixSocket } from '../generator/phoenix_socket.ts';
import { newKeys, PlatformClient } from '../generator/platform_client.ts';
import { measureUse } from '../generator/window.ts';
import type { Figures, Scenario, Subject } from '../scenario.ts';
import { embedded } from '../servers/platform.ts';

const TOPIC = 'agents:discovery';
const AT_ONCE = 32;
const AGENTS = 100_000;
const QUICK_AGENTS = 2_000;
const CAPABILITIES = 100;
const SEARCHES = 300;
const PAGES = 100;

type Query = (i: number) => object;
/** By the key of their figures. */
const QUERIES: Readonly<Record<string, Query>> = {
  one: (i) => ({ capability: `capability-${i % CAPABILITIES}` }),
  all: () => ({ capability: 'chat' }),
  price: () => ({ capability: 'chat', filters: { max_price: '0.012' } }),
  online: () => ({ capability: 'chat', filters: { status: 'online' } }),
};

async function search(socket: PhoenixSocket, query: Query, count: number): Promise<Latencies> {
  const latencies = new Latencies();
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    await socket.push(TOPIC, 'discover', query(i));
    latencies.add((performance.now() - startedAt) * 1_000);
  }
  return latencies;
}

/** One page after the other, far into what there is. */
async function turnPages(socket: PhoenixSocket): Promise<Latencies> {
  const latencies = new Latencies();
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page++) {
    const startedAt = performance.now();
    const query = { capability: 'chat', limit: 100, ...(cursor && { cursor }) };
    const found = await socket.push<{ readonly next_cursor?: string }>(TOPIC, 'discover', query);
    latencies.add((performance.now() - startedAt) * 1_000);
    cursor = found.next_cursor;
    if (cursor === undefined) break;
  }
  return latencies;
}

async function drive(subject: Subject, agents: number): Promise<Figures> {
  const client = new PlatformClient(subject, AT_ONCE);
  const keys = newKeys();
  let apiKey = '';
  const registering = await measureUse(subject, () =>
    atOnce(agents, AT_ONCE, async (i) => {
      const capabilities = [
        { name: 'chat', price: `0.${String(10 + (i % 900)).padStart(3, '0')}` },
        { name: `capability-${i % CAPABILITIES}`, price: '0.05' },
      ];
      ({ apiKey } = await client.register({ capabilities }, keys));
    }),
  );
  const socket = await PhoenixSocket.connect(client.port, apiKey);
  await socket.join(TOPIC);
  const figures: Record<string, number> = { agents, registeredPerSecond: agents / registering.seconds };
  for (const [name, query] of Object.entries(QUERIES)) {
    await search(socket, query, SEARCHES / 3);
    const latencies = await search(socket, query, SEARCHES);
    figures[`${name}P50Ms`] = latencies.quantileMs(0.5);
    figures[`${name}P99Ms`] = latencies.quantileMs(0.99);
  }
  const deep = await turnPages(socket);
  return { ...figures, deepP50Ms: deep.quantileMs(0.5), deepP99Ms: deep.quantileMs(0.99) };
}

const latencyFigures = (key: string, what: string) => [
  { key: `${key}P50Ms`, label: `${what}: p50`, unit: 'ms', better: 'less' } as const,
  { key: `${key}P99Ms`, label: `${what}: p99`, unit: 'ms', better: 'less' } as const,
];

export const discoverScenario: Scenario = {
  name: 'discover',
  asks: 'one search after the other among 100,000 agents (bound: p99 of 5 ms, deep pages too)',
  contestants: [embedded()],
  figures: [
    { key: 'agents', label: 'agents', unit: '', better: 'more', isRemark: true },
    { key: 'registeredPerSecond', label: 'registered a second (one key for all)', unit: '/s', better: 'more' },
    ...latencyFigures('one', 'one of 100 capabilities'),
    ...latencyFigures('all', 'a capability of all'),
    ...latencyFigures('price', 'of all, where few are that cheap'),
    ...latencyFigures('online', 'of all, where one is online'),
    ...latencyFigures('deep', 'pages of 100, one after the other'),
  ],
  maxRounds: 1,
  drive: (subject, { isQuick }) => drive(subject, isQuick ? QUICK_AGENTS : AGENTS),
};
