import { isNeverCollected } from '../channels/analytics/collector.ts';
import { LISTING_GAUGES, Upkeep } from '../channels/kernel/lists/upkeep.ts';
import type { Principal } from '../channels/principals/authenticate.ts';
import type { Domain } from '../channels/principals/domain.ts';
import type { Route } from '../server/http/index.ts';
import type { NodeContext } from './context.ts';

/** The lists of all domains, and the upkeep of what they are read from. */
export function listsFeature(context: NodeContext, domains: readonly Domain[]): Domain {
  const { store, nodes, log, cursors } = context;
  const placeables = domains.flatMap((domain) => domain.placeables ?? []);
  const upkeep = new Upkeep({ store, nodes, placeables, isNew: () => isNeverCollected(store), log });
  const shared = { store, cursors, isWhole: () => upkeep.isDone() };
  const lists = domains.flatMap((domain) => Object.entries(domain.lists ?? {}));

  return {
    name: 'lists',
    routes: lists.map(
      ([path, { answers, credentialHeader }]): Route<Principal> => ({
        method: 'GET',
        path,
        handle: answers(shared),
        ...(credentialHeader !== undefined && { credentialHeader }),
      }),
    ),
    async start() {
      nodes.report(LISTING_GAUGES);
      await upkeep.begin();
    },
    close: () => upkeep.stop(),
  };
}
