import { localPubSub } from '../../../server/pubsub/local.ts';
import { pubSubContract } from './contract.ts';

pubSubContract('local', async () => {
  const node = localPubSub({ nodeId: 'n1' });
  return { nodes: [node], close: () => node.close() };
});
