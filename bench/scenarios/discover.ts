import { atOnce } from '../generator/at_once.ts';
import { Latencies } from '../generator/latencies.ts';
import { PhoenixSocket } from '../generator/phoenix_socket.ts';
import { newKeys, PlatformClient } from '../generator/platform_client.ts';
import { loadOf, measureUse } from '../generator/window.ts';
import type { Scenario, Subject } from '../scenario.ts';
import { embedded } from '../servers/platform.ts';
import { loadFigures } from './figures.ts';

const TOPIC = 'agents:discovery';
const AT_ONCE = 32;
const AGENTS = 100_000;
const QUICK_AGENTS = 2_000;
const CAPABILITIES = 100;
const PRICES = 900;
const CHEAPEST_MILLI_USDC = 10;
const CHEAP_PRICES = 3;
/** Of each kind. */
const SEARCHES = 1_000;
const QUICK_SEARCHES = 300;
const WARM_UP_SEARCHES = 100;
const PAGE = 100;
/** Unless a search says another. */
const LIMIT = 20;

interface Found {
  readonly agents: readonly { readonly id: string }[];
  readonly next_cursor?: string;
}

/** Whatever takes a question, and answers. */
type Asking = Pick<PhoenixSocket, 'push'>;

interface Search {
  query(i: number): object;
  /** Counts the agents that fit, of so many. */
  fitting(agents: number): number;
}

/** By the key of their figures. */
const SEARCHED: Readonly<Record<string, Search>> = {
  one: {
    query: (i) => ({ capability: `capability-${i % CAPABILITIES}` }),
    fitting: (agents) => agents / CAPABILITIES,
  },
  all: { query: () => ({ capability: 'chat' }), fitting: (agents) => agents },
  price: {
    query: () => ({
      capability: 'chat',
      filters: { max_price: priceOf(CHEAP_PRICES - 1) },
    }),
    fitting: (agents) => Math.floor(agents / PRICES) * CHEAP_PRICES,
  },
  online: { query: () => ({ capability: 'chat', filters: { status: 'online' } }), fitting: () => 1 },
};

/** Price of an agent, by its number. */
function priceOf(index: number): string {
  return `0.${String(CHEAPEST_MILLI_USDC + (index % PRICES)).padStart(3, '0')}`;
}

/** @throws Error unless as many are found as fit: an answer without agents would be fast, and worth nothing */
export async function search(socket: Asking, { query, fitting }: Search, agents: number, count: number) {
  const latencies = new Latencies();
  const least = Math.min(LIMIT, fitting(agents));
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    const found = await socket.push<Found>(TOPIC, 'discover', query(i));
    latencies.add((performance.now() - startedAt) * 1_000);
    if (found.agents.length < least) throw new Error(`${JSON.stringify(query(i))} found ${found.agents.length} agents`);
  }
  return latencies;
}

/** One page after the other, to the last. @throws Error unless they have each agent once */
export async function turnPages(socket: Asking, agents: number): Promise<Latencies> {
  const latencies = new Latencies();
  const seen = new Set<string>();
  let cursor: string | undefined;
  do {
    const startedAt = performance.now();
    const query = { capability: 'chat', limit: PAGE, ...(cursor !== undefined && { cursor }) };
    const found = await socket.push<Found>(TOPIC, 'discover', query);
    latencies.add((performance.now() - startedAt) * 1_000);
    for (const { id } of found.agents) {
      if (seen.has(id)) throw new Error('two pages have the same agent');
      seen.add(id);
    }
    cursor = found.next_cursor;
  } while (cursor !== undefined);
  if (seen.size !== agents) throw new Error(`all pages together have ${seen.size} of ${agents} agents`);
  return latencies;
}

async function drive(subject: Subject, agents: number, searches: number) {
  const client = new PlatformClient(subject, AT_ONCE);
  const keys = newKeys();
  let apiKey = '';
  const registering = await measureUse(subject, () =>
    atOnce(agents, AT_ONCE, async (i) => {
      const capabilities = [
        { name: 'chat', price: priceOf(i) },
        { name: `capability-${i % CAPABILITIES}`, price: '0.05' },
      ];
      ({ apiKey } = await client.register({ capabilities }, keys));
    }),
  );
  const socket = await PhoenixSocket.connect(client.port, apiKey);
  await socket.join(TOPIC);
  const quantiles: Record<string, number> = {};
  const keep = (name: string, latencies: Latencies) => {
    quantiles[`${name}P50Ms`] = latencies.quantileMs(0.5);
    quantiles[`${name}P99Ms`] = latencies.quantileMs(0.99);
  };
  const used = await measureUse(subject, async () => {
    for (const [name, kind] of Object.entries(SEARCHED)) {
      await search(socket, kind, agents, WARM_UP_SEARCHES);
      keep(name, await search(socket, kind, agents, searches));
    }
    keep('deep', await turnPages(socket, agents));
  });
  return { agents, registeredPerSecond: agents / registering.seconds, ...quantiles, ...loadOf(used) };
}

const latencyFigures = (key: string, what: string) => [
  { key: `${key}P50Ms`, label: `${what}: p50`, unit: 'ms', better: 'less' } as const,
  { key: `${key}P99Ms`, label: `${what}: p99`, unit: 'ms', better: 'less' } as const,
];

export const discoverScenario: Scenario = {
  name: 'discover',
  asks: 'one search after the other among 100,000 agents, then all of them page by page (aim: p99 of 5 ms, deep pages too)',
  quick: `${QUICK_AGENTS.toLocaleString('en-US')} agents`,
  contestants: [embedded()],
  figures: [
    { key: 'agents', label: 'agents', unit: '', better: 'more', isRemark: true },
    ...latencyFigures('one', 'one of 100 capabilities'),
    ...latencyFigures('all', 'a capability of all'),
    ...latencyFigures('price', 'of all, where few are that cheap'),
    ...latencyFigures('online', 'of all, where one is online'),
    ...latencyFigures('deep', `pages of ${PAGE}, to the last one`),
    { key: 'registeredPerSecond', label: 'before: registered a second (one key for all)', unit: '/s', better: 'more' },
    ...loadFigures,
  ],
  maxRounds: 1,
  drive: (subject, { isQuick }) =>
    isQuick ? drive(subject, QUICK_AGENTS, QUICK_SEARCHES) : drive(subject, AGENTS, SEARCHES),
};
