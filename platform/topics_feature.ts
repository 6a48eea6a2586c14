import type { Domain } from '../channels/principals/domain.ts';
import { TopicBoard } from '../server/endpoint/index.ts';
import type { NodeContext } from './context.ts';
import { topicsRoute } from './topics_route.ts';

/** Shows the busiest topics over all nodes. */
export function topicsFeature({ hub, nodes }: Pick<NodeContext, 'hub' | 'nodes'>): Domain {
  const board = new TopicBoard({ pubsub: hub.pubsub, nodes, local: () => hub.topics() });
  return { name: 'topics', routes: [topicsRoute(board)], close: () => board.close() };
}
