import { randomUUID } from 'node:crypto';
import type { Nodes } from './port.ts';
import { createTallies } from './tallies.ts';

/** The adapter for one node, which is always alive and alone. */
export function localNodes({ nodeId }: { readonly nodeId: string }): Nodes {
  const incarnation = randomUUID();
  const tallies = createTallies();
  let gauges: Readonly<Record<string, number>> = {};
  const self = () => ({ id: nodeId, incarnation, gauges });

  return {
    get self() {
      return self();
    },
    live: () => [self()],
    onChange() {},
    onReturn() {},
    tally: async (name, by) => tallies.add(name, by),
    sums: async (names) => names.map(tallies.get),
    report(numbers) {
      gauges = { ...gauges, ...numbers };
    },
    async close() {},
  };
}
