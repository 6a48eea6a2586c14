import type { IndexEntry } from '../../server/store/index.ts';
import { placeKey } from '../kernel/lists/order.ts';
import { MAX_AMOUNT_MICRO } from '../kernel/money.ts';
import { type Agent, lowestPriceMicro, reputationHundredths } from './agent.ts';
import { accountsIndex, ownedIndex } from './indexes.ts';

/** The index of all agents that are not suspended, by their lowest price. */
export const AGENTS_INDEX = 'agents';

/** The index of the agents that have a capability, by its price. Text that the store takes: free of U+0000. */
export const capabilityIndex = (name: string) =>
  `capability:${name.replaceAll('%', '%25').replaceAll('\u0000', '%00')}`;

const MAX_REPUTATION_HUNDREDTHS = 500;
const REPUTATION_DIGITS = 3;
const PRICE_DIGITS = 16;
/** Sorts behind every price. */
const NO_PRICE = MAX_AMOUNT_MICRO + 1n;

export interface Rank {
  /** 0 to 5, two decimals. */
  readonly reputation: number;
  /** `undefined`: it asks none, having no capability. */
  readonly priceMicro: bigint | undefined;
}

/** Sorts by bytes as `discover` answers: best reputation first, then lowest price; agents without a price last. */
export function rankKey(reputation: number, priceMicro: bigint | undefined): string {
  const missing = MAX_REPUTATION_HUNDREDTHS - Math.round(reputation * 100);
  const price = priceMicro ?? NO_PRICE;
  return `${String(missing).padStart(REPUTATION_DIGITS, '0')}:${String(price).padStart(PRICE_DIGITS, '0')}`;
}

export function parseRankKey(key: string): Rank {
  const [missing = '', price = ''] = key.split(':');
  const priceMicro = BigInt(price);
  return {
    reputation: (MAX_REPUTATION_HUNDREDTHS - Number(missing)) / 100,
    priceMicro: priceMicro === NO_PRICE ? undefined : priceMicro,
  };
}

/** The index entries of an agent: those for lists always, those for `discover` unless it is suspended. */
export function placesOf(agent: Agent): IndexEntry[] {
  const { insertedAtMs, userId, status } = agent;
  const created = [
    { index: accountsIndex('agent'), key: placeKey(insertedAtMs) },
    ...(userId === null ? [] : [{ index: ownedIndex(userId), key: placeKey(insertedAtMs) }]),
  ];
  return status === 'suspended' ? created : [...created, ...rankedPlaces(agent)];
}

function rankedPlaces(agent: Agent): IndexEntry[] {
  const reputation = reputationHundredths(agent) / 100;
  return [
    { index: AGENTS_INDEX, key: rankKey(reputation, lowestPriceMicro(agent)) },
    ...agent.capabilities.map(({ name, priceMicro }) => ({
      index: capabilityIndex(name),
      key: rankKey(reputation, priceMicro),
    })),
  ];
}
