import { createPresence } from '../../presence/index.ts';
import { presenceContract } from './contract.ts';
import { diffListeners } from './diff_listeners.ts';

presenceContract('on one node', async (diffIntervalMs) => {
  const { onDiff, broadcastLocal } = diffListeners();
  const presence = createPresence({ hub: { broadcastLocal }, diffIntervalMs });
  return { nodes: [{ presence, onDiff }], close: () => presence.close() };
});
