import type { Agent } from '../principals/agent.ts';
import { type Directory, search } from './search.ts';

const PAGE = 20;

/** Finds the agents with a capability that are online, in the order of `discover`: page by page, as far as they are taken. */
export type FindOnline = (capability: string) => AsyncIterable<Agent>;

export function findOnline(directory: Directory): FindOnline {
  const every = { status: 'online', minReputation: undefined, maxPriceMicro: undefined, limit: PAGE } as const;
  return async function* (capability) {
    for (let after: Parameters<typeof search>[0]['after']; ; ) {
      const found = await search({ ...every, capability, after }, directory);
      for (const { agent } of found.slice(0, PAGE)) yield agent;
      after = found.length > PAGE ? found[PAGE - 1]?.hit : undefined;
      if (!after) return;
    }
  };
}
