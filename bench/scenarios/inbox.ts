import { atOnce } from '../generator/at_once.ts';
import { closedLoop } from '../generator/closed_loop.ts';
import { PhoenixSocket } from '../generator/phoenix_socket.ts';
import { PlatformClient } from '../generator/platform_client.ts';
import { loadOf } from '../generator/window.ts';
import { loadFigures, type Scenario } from '../scenario.ts';
import { embedded, onRedis } from '../servers/platform.ts';

const PAIRS = 32;

export const inboxScenario: Scenario = {
  name: 'inbox',
  asks: '32 agents send messages to 32 others, which acknowledge each: from sending to the news that it was acknowledged',
  contestants: [embedded(), onRedis()],
  figures: [
    { key: 'perSecond', label: 'messages a second', unit: '/s', better: 'more', isPlotted: true },
    { key: 'cpuUsEach', label: 'CPU of the server for one', unit: 'µs', better: 'less' },
    { key: 'p50Ms', label: 'p50', unit: 'ms', better: 'less' },
    { key: 'p99Ms', label: 'p99', unit: 'ms', better: 'less' },
    ...loadFigures,
  ],
  needs: { redis: true },
  async drive(subject, scale) {
    const client = new PlatformClient(subject);
    const pairs = await atOnce(PAIRS, PAIRS, async () => {
      const [sender, recipient] = [await client.register(), await client.register()];
      const [from, to] = [`messages:${sender.id}`, `messages:${recipient.id}`];
      const waiting = new Map<string, () => void>();
      const known = new Set<string>();
      const sending = await PhoenixSocket.connect(client.port, sender.apiKey);
      await sending.join(from, {}, (event, { message_id: id }: { readonly message_id: string }) => {
        if (event !== 'message_acknowledged') return;
        const waits = waiting.get(id);
        if (waits) waits();
        else known.add(id);
      });
      const receiving = await PhoenixSocket.connect(client.port, recipient.apiKey);
      await receiving.join(to, {}, (event, { id }: { readonly id: string }) => {
        if (event === 'new_message') void receiving.push(to, 'acknowledge', { message_id: id });
      });
      return async () => {
        const content = { to_agent_id: recipient.id, type: 'greeting', payload: { text: 'hello' } };
        const { message } = await sending.push<{ readonly message: { readonly id: string } }>(
          from,
          'send_message',
          content,
        );
        if (!known.delete(message.id)) await new Promise<void>((done) => waiting.set(message.id, done));
        waiting.delete(message.id);
      };
    });
    const loop = await closedLoop(subject, scale, PAIRS, async (pair) => pairs[pair]?.());
    const { used, perSecond, cpuUsEach, p50Ms, p99Ms } = loop;
    return { perSecond, cpuUsEach, p50Ms, p99Ms, ...loadOf(used) };
  },
};
