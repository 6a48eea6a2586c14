import { Deadlines } from '../channels/kernel/deadlines.ts';
import type { Domain } from '../channels/principals/domain.ts';
import { deadlinesOf } from '../server/index.ts';
import type { NodeContext } from './context.ts';

/** The features that all others need: closed after them, in reverse. */
export function foundations(context: NodeContext, domains: readonly Domain[]): readonly Domain[] {
  const { store, hub, nodes, presence } = context;
  return [
    { name: 'store', close: () => store.close() },
    { name: 'pubsub', close: () => hub.pubsub.close() },
    { name: 'nodes', close: () => nodes.close() },
    { name: 'presence', close: () => presence.close() },
    deadlinesFeature(context, domains),
  ];
}

/** The deadlines of all domains, taken from the store in one place. */
function deadlinesFeature({ store, log, deadlineStats: stats }: NodeContext, domains: readonly Domain[]): Domain {
  const deadlines = new Deadlines({ store, log, stats });
  for (const [kind, wake] of deadlinesOf(domains)) deadlines.on(kind, wake);
  return {
    name: 'deadlines',
    start: () => deadlines.start(),
    handleDue: () => deadlines.handleDue(),
    close: () => deadlines.stop(),
  };
}
