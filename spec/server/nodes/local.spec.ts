import { localNodes } from '../../../server/nodes/local.ts';
import { nodesContract } from './contract.ts';

nodesContract('local', async () => {
  const node = localNodes({ nodeId: 'n1' });
  return { nodes: [node], close: () => node.close() };
});
