import { atOnce } from '../generator/at_once.ts';
import { PhoenixSocket } from '../generator/phoenix_socket.ts';
import { PlatformClient } from '../generator/platform_client.ts';
import { loopFigures } from './figures.ts';
import { onBothStores } from './on_both_stores.ts';

const PAIRS = 32;

/** @returns sends a message; resolves once the sender knows that it was acknowledged */
async function openPair(client: PlatformClient): Promise<() => Promise<void>> {
  const [sender, recipient] = [await client.register(), await client.register()];
  const [from, to] = [`messages:${sender.id}`, `messages:${recipient.id}`];
  const waiting = new Map<string, () => void>();
  /** Acknowledged before the reply to the sender said which message it is. */
  const early = new Set<string>();
  const sending = await PhoenixSocket.connect(client.port, sender.apiKey);
  await sending.join(from, {}, (event, { message_id: id }: { readonly message_id: string }) => {
    if (event !== 'message_acknowledged') return;
    const done = waiting.get(id);
    if (done) done();
    else early.add(id);
  });
  const receiving = await PhoenixSocket.connect(client.port, recipient.apiKey);
  await receiving.join(to, {}, (event, { id }: { readonly id: string }) => {
    if (event === 'new_message') void receiving.push(to, 'acknowledge', { message_id: id });
  });
  const content = { to_agent_id: recipient.id, type: 'greeting', payload: { text: 'hello' } };
  return async () => {
    const { message } = await sending.push<{ readonly message: { readonly id: string } }>(
      from,
      'send_message',
      content,
    );
    if (!early.delete(message.id)) await new Promise<void>((done) => waiting.set(message.id, done));
    waiting.delete(message.id);
  };
}

export const inboxScenario = onBothStores({
  name: 'inbox',
  asks: '32 agents send messages to 32 others, which acknowledge each: from sending to the news that it was acknowledged',
  figures: loopFigures('messages', 'until acknowledged'),
  async prepare(subject) {
    const client = new PlatformClient(subject);
    const pairs = await atOnce(PAIRS, PAIRS, () => openPair(client));
    return { workers: PAIRS, work: async (pair) => pairs[pair]?.() };
  },
});
