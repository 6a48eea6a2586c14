import { randomUUID } from 'node:crypto';
import { atOnce } from '../generator/at_once.ts';
import { Hearing } from '../generator/hearing.ts';
import { PlatformClient, type RegisteredAgent } from '../generator/platform_client.ts';
import { RpcSocket } from '../generator/rpc_socket.ts';
import { loopFigures } from './figures.ts';
import { onBothStores } from './on_both_stores.ts';

const PARTICIPANTS = 32;
const SPEAKERS = 8;
const VERSIONS = { minProtocol: '2026.0.0', maxProtocol: '2026.9999.0' };

interface Received {
  readonly message: { readonly parts: readonly [{ readonly text: string }] };
}

/** @returns the ids of a task and of a conversation in it */
async function openConversation(client: PlatformClient, agents: readonly RegisteredAgent[]) {
  const { api_key: appKey } = await client.post<{ readonly api_key: string }>('/api/apps', { name: 'desk' });
  const ids = { taskId: randomUUID(), conversationId: randomUUID() };
  const [consumer, provider] = agents;
  const sides = { client_agent_id: consumer?.id, provider_agent_id: provider?.id };
  await client.post('/api/tasks', { id: ids.taskId, ...sides }, appKey);
  const app = await RpcSocket.open(client.port);
  await app.call('app/network/connect', { appKey, ...VERSIONS });
  for (const { id: agentId } of agents) {
    await app.call('app/task/update', { action: 'add-participant', taskId: ids.taskId, agentId });
  }
  const participants = agents.map(({ id }) => id);
  await app.call('app/conversation/create', { taskId: ids.taskId, id: ids.conversationId, participants });
  return ids;
}

export const conversationsScenario = onBothStores({
  name: 'conversations',
  asks: '8 of 32 agents talk in one conversation over JSON-RPC: from sending until all 31 others have heard it; durable before that',
  figures: loopFigures('messages', 'until all have heard'),
  async prepare(subject) {
    const client = new PlatformClient(subject);
    const agents = await atOnce(PARTICIPANTS, 8, () => client.register());
    const ids = await openConversation(client, agents);
    const hearing = new Hearing(PARTICIPANTS);
    const sockets = await atOnce(PARTICIPANTS, 8, async (i) => {
      const socket = await RpcSocket.open(client.port, (method, params) => {
        if (method === 'agent/message/received') hearing.heard((params as Received).message.parts[0].text, i);
      });
      await socket.call('agent/network/connect', { agentKey: agents[i]?.apiKey, ...VERSIONS });
      return socket;
    });
    let number = 0;
    const work = async (speaker: number) => {
      const text = `message ${++number}`;
      const all = hearing.until(text, speaker);
      await sockets[speaker]?.call('agent/message/send', { ...ids, parts: [{ type: 'text', text }] });
      await all;
    };
    return { workers: SPEAKERS, work };
  },
});
