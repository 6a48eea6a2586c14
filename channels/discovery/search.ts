import type { IndexHit, IndexQuery } from '../../server/store/index.ts';
import { type Agent, lowestPriceMicro, reputation } from '../principals/agent.ts';
import { AGENTS_INDEX, capabilityIndex, parseRankKey, rankKey } from '../principals/rank.ts';
import type { PresenceStatus } from './presence_status.ts';

export interface Search {
  readonly capability: string | undefined;
  readonly status: PresenceStatus | undefined;
  readonly minReputation: number | undefined;
  readonly maxPriceMicro: bigint | undefined;
  readonly limit: number;
  /** Goes on behind this one. */
  readonly after: IndexHit | undefined;
}

/** The data that a search reads. */
export interface Directory {
  lookup(index: string, query: IndexQuery): Promise<IndexHit[]>;
  readMany(ids: readonly string[]): Promise<(Agent | undefined)[]>;
  statusOf(id: string): PresenceStatus;
  /** The ids of all agents that are present. */
  present(): Iterable<string>;
}

export interface Found {
  readonly agent: Agent;
  readonly status: PresenceStatus;
  /** Of the capability asked for, else its lowest; `undefined` if it has none. */
  readonly priceMicro: bigint | undefined;
  /** Its place in the index, from which the next page goes on. */
  readonly hit: IndexHit;
}

/** So many agents of a status are read one by one; above that they are frequent enough in the index. */
const MAX_READ = 200;
/** Most places of an index that are looked up, and agents that are read, at a time. */
const MAX_LOOKUP = 200;

/**
 * Finds agents by best reputation, then lowest price, then id; at most `limit`, and one more if there are more. A
 * suspended agent stands in no index.
 */
export async function search(query: Search, directory: Directory): Promise<Found[]> {
  if (query.status === 'online' || query.status === 'busy') {
    const present = takeUpTo(withStatus(query.status, directory), MAX_READ);
    if (present) return searchPresent(present, query, directory);
  }
  return searchIndex(query, directory);
}

async function searchIndex(query: Search, directory: Directory): Promise<Found[]> {
  const index = query.capability === undefined ? AGENTS_INDEX : capabilityIndex(query.capability);
  const until = query.minReputation === undefined ? undefined : endOfReputation(query.minReputation);
  const found: Found[] = [];
  let { after } = query;
  let from: string | undefined;
  // No more than are wanted, which mostly do; where few of them match, twice as many each time.
  let size = query.limit + 1;
  for (;;) {
    const hits = await directory.lookup(index, {
      limit: size,
      ...(from && { from }),
      ...(until && { until }),
      ...(after && { after }),
    });
    const likely = hits.filter(({ key, id }) => {
      if (query.status !== undefined && directory.statusOf(id) !== query.status) return false;
      return isAffordable(parseRankKey(key).priceMicro, query);
    });
    const agents = await directory.readMany(likely.map(({ id }) => id));
    for (const [at, hit] of likely.entries()) {
      const match = matches(agents[at], query, directory);
      // A hit that no longer says where the agent stands is followed or preceded by one that does.
      if (match && match.hit.key === hit.key) found.push(match);
      if (found.length > query.limit) return found;
    }
    after = hits.at(-1);
    if (!after || hits.length < size) return found;
    // Behind one that asks too much all others of its reputation ask as much, or more.
    const { reputation, priceMicro } = parseRankKey(after.key);
    from = isAffordable(priceMicro, query) ? undefined : endOfReputation(reputation);
    size = from === undefined ? Math.min(2 * size, MAX_LOOKUP) : query.limit + 1;
    // An embedded store answers without waiting; others on this node have their turn between two pages.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function* withStatus(status: PresenceStatus, directory: Directory): Iterable<string> {
  for (const id of directory.present()) if (directory.statusOf(id) === status) yield id;
}

/** Reads those that have the status: where they are few, that is quicker than walking past all others. */
async function searchPresent(ids: readonly string[], query: Search, directory: Directory): Promise<Found[]> {
  const agents = await directory.readMany(ids);
  const { after } = query;
  return agents
    .map((agent) => matches(agent, query, directory))
    .filter((match) => match !== undefined)
    .filter(({ hit }) => !after || order(hit, after) > 0)
    .sort((one, other) => order(one.hit, other.hit))
    .slice(0, query.limit + 1);
}

/** The agent as a result, unless a condition leaves it out. */
function matches(agent: Agent | undefined, query: Search, directory: Directory): Found | undefined {
  if (!agent || agent.status === 'suspended') return undefined;
  const offered = agent.capabilities.find(({ name }) => name === query.capability);
  if (query.capability !== undefined && !offered) return undefined;
  const priceMicro = offered ? offered.priceMicro : lowestPriceMicro(agent);
  const status = directory.statusOf(agent.id);
  if (query.status !== undefined && query.status !== status) return undefined;
  if (query.minReputation !== undefined && reputation(agent) < query.minReputation) return undefined;
  if (!isAffordable(priceMicro, query)) return undefined;
  return { agent, status, priceMicro, hit: { key: rankKey(reputation(agent), priceMicro), id: agent.id } };
}

/** True if no highest price is given, or the price is within it. An agent without capabilities has no price. */
function isAffordable(priceMicro: bigint | undefined, { maxPriceMicro }: Search): boolean {
  return maxPriceMicro === undefined || (priceMicro !== undefined && priceMicro <= maxPriceMicro);
}

/** The first key behind all agents with at least this reputation. */
const endOfReputation = (minReputation: number) => rankKey(Math.ceil(minReputation * 100 - 1e-9) / 100 - 0.01, 0n);

function order(one: IndexHit, other: IndexHit): number {
  if (one.key !== other.key) return one.key < other.key ? -1 : 1;
  return one.id === other.id ? 0 : one.id < other.id ? -1 : 1;
}

/** All of them, or `undefined` if there are more than `most`. */
function takeUpTo(ids: Iterable<string>, most: number): string[] | undefined {
  const taken: string[] = [];
  for (const id of ids) {
    if (taken.length === most) return undefined;
    taken.push(id);
  }
  return taken;
}

/** A place in the order, as clients carry it from page to page. */
export const cursorOf = ({ key, id }: IndexHit) => Buffer.from(JSON.stringify([key, id])).toString('base64url');

/** @returns `undefined` for what `cursorOf` has not made */
export function readCursor(cursor: string): IndexHit | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(parts) || parts.length !== 2) return undefined;
    const [key, id] = parts as unknown[];
    if (typeof key !== 'string' || typeof id !== 'string' || !/^\d{3}:\d{16}$/.test(key)) return undefined;
    return { key, id };
  } catch {
    return undefined;
  }
}
