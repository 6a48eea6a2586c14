import { randomUUID } from 'node:crypto';
import { atOnce } from '../generator/at_once.ts';
import { closedLoop } from '../generator/closed_loop.ts';
import { PlatformClient, type RegisteredAgent } from '../generator/platform_client.ts';
import { RpcSocket } from '../generator/rpc_socket.ts';
import { loadOf } from '../generator/window.ts';
import { loadFigures, type Scenario } from '../scenario.ts';
import { embedded, onRedis } from '../servers/platform.ts';

const PARTICIPANTS = 32;
const SPEAKERS = 8;
const VERSIONS = { minProtocol: '2026.0.0', maxProtocol: '2026.9999.0' };

interface Received {
  readonly message: { readonly parts: readonly [{ readonly text: string }] };
}

/** Waits until all others have heard what one has said. */
class Hearing {
  readonly #lacking = new Map<string, { count: number; readonly all: () => void }>();

  until(text: string): Promise<void> {
    return new Promise((all) => this.#lacking.set(text, { count: PARTICIPANTS - 1, all }));
  }

  heard(text: string): void {
    const waiting = this.#lacking.get(text);
    if (!waiting) throw new Error('a message was heard that nobody waits for');
    waiting.count--;
    if (waiting.count > 0) return;
    this.#lacking.delete(text);
    waiting.all();
  }
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

export const conversationsScenario: Scenario = {
  name: 'conversations',
  asks: '8 of 32 agents talk in one conversation over JSON-RPC: from sending until all 31 others have heard it; durable before that',
  contestants: [embedded(), onRedis()],
  figures: [
    { key: 'perSecond', label: 'messages a second', unit: '/s', better: 'more', isPlotted: true },
    { key: 'cpuUsEach', label: 'CPU of the server for one', unit: 'µs', better: 'less' },
    { key: 'p50Ms', label: 'p50 until all have heard', unit: 'ms', better: 'less' },
    { key: 'p99Ms', label: 'p99 until all have heard', unit: 'ms', better: 'less' },
    ...loadFigures,
  ],
  needs: { redis: true },
  async drive(subject, scale) {
    const client = new PlatformClient(subject);
    const agents = await atOnce(PARTICIPANTS, 8, () => client.register());
    const ids = await openConversation(client, agents);
    const hearing = new Hearing();
    const sockets = await atOnce(PARTICIPANTS, 8, async (i) => {
      const socket = await RpcSocket.open(client.port, (method, params) => {
        if (method === 'agent/message/received') hearing.heard((params as Received).message.parts[0].text);
      });
      await socket.call('agent/network/connect', { agentKey: agents[i]?.apiKey, ...VERSIONS });
      return socket;
    });
    let number = 0;
    const loop = await closedLoop(subject, scale, SPEAKERS, async (speaker) => {
      const text = `message ${++number}`;
      const all = hearing.until(text);
      await sockets[speaker]?.call('agent/message/send', { ...ids, parts: [{ type: 'text', text }] });
      await all;
    });
    const { used, perSecond, cpuUsEach, p50Ms, p99Ms } = loop;
    return { perSecond, cpuUsEach, p50Ms, p99Ms, ...loadOf(used) };
  },
};
