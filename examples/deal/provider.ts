// Says what it can do, agrees on a price, does it, takes the money and closes.

import { createHash } from 'node:crypto';
import { Presence } from 'phoenix';
import type { Agent } from './agent.ts';
import { micro, usdc } from './money.ts';
import type { PaymentChannel, Session, Terms, Transfer } from './texts.ts';
import { closeText, offerText, openText, stateText } from './texts.ts';

const PRICE = '0.05';
const COUNTER_OFFER = '0.06';
const ANSWER = ['An old silent pond\n', 'A frog jumps into the pond\n', 'Splash! Silence again'];

type Say = (line: string) => void;

export async function runProvider(agent: Agent, capability: string, say: Say): Promise<void> {
  const lobby = agent.topic('agents:discovery');
  const presence = new Presence(lobby.channel);
  await lobby.join();
  await lobby.push('announce', { capabilities: [{ name: capability, price: PRICE }] });
  say(`announced ${capability} for ${PRICE} USDC`);

  const { client, price } = await negotiate(agent, presence, say);
  const { signature_a, ...terms } = await agent.receive<Terms & { signature_a: string }>('deal.open');
  if (terms.agent_a !== client || micro(terms.deposit_a) < micro(price)) throw new Error('no such channel');
  if (terms.agent_b !== agent.id || micro(terms.deposit_b) > 0n) throw new Error('these are not my terms');
  await agent.post('/api/payment_channels', { ...terms, signature_a, signature_b: agent.sign(openText(terms)) });
  const topic = agent.topic(`payment:${terms.id}`, ['propose_transfer', 'channel_closed']);
  const { channel } = await topic.join<{ channel: PaymentChannel }>();

  await work(agent);
  say(`streamed ${ANSWER.length} chunks and completed the task`);

  // Signs only what it has computed itself, not what it was told.
  const proposed = await topic.next<Transfer>('propose_transfer');
  const { nonce, from, to } = proposed;
  if (proposed.amount !== price || to !== agent.id) throw new Error('not what was agreed');
  const after = {
    balance_a: usdc(micro(channel.balance_a) - micro(price)),
    balance_b: usdc(micro(channel.balance_b) + micro(price)),
  };
  const signature = agent.sign(stateText(terms.id, { nonce, from, to, amount: price, ...after }));
  await topic.push('acknowledge_transfer', { amount: price, nonce, signature });
  say(`acknowledged ${price} USDC`);

  const closing = await agent.receive<{ signature_a: string }>('deal.close');
  await topic.push('close', {
    final_balance_a: after.balance_a,
    final_balance_b: after.balance_b,
    signature_a: closing.signature_a,
    signature_b: agent.sign(closeText({ ...channel, ...after, nonce })),
  });
  await topic.next('channel_closed');
}

async function negotiate(agent: Agent, presence: Presence, say: Say): Promise<{ client: string; price: string }> {
  const { id } = await agent.receive<{ id: string }>('aerie.negotiation');
  const topic = agent.topic(`negotiation:${id}`, ['offer', 'negotiation_complete']);
  const { session } = await topic.join<{ session: Session }>();
  const client = session.client_agent_id;
  await present(presence, client);
  say(`sees ${client}, who wants to negotiate`);
  // The client may have made its offer before this join.
  if (!session.client_offer) await topic.next('offer');
  const signature = agent.sign(offerText(session, agent.id, COUNTER_OFFER));
  await topic.push('offer', { amount: COUNTER_OFFER, signature });
  say(`offered ${COUNTER_OFFER} USDC`);
  const { amount } = await topic.next<{ amount: string }>('negotiation_complete');
  return { client, price: amount };
}

function present(presence: Presence, id: string): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (presence.list((key) => key).includes(id)) resolve();
    };
    presence.onSync(look);
    look();
  });
}

async function work(agent: Agent): Promise<void> {
  const { id } = await agent.receive<{ id: string }>('aerie.task');
  const topic = agent.topic(`task:${id}`);
  await topic.join();
  for (const [seq, chunk] of ANSWER.entries()) await topic.push('output_stream', { chunk, seq });
  const text = ANSWER.join('');
  const checksum = createHash('sha256').update(text).digest('hex');
  await topic.push('output_complete', { checksum, total_size: Buffer.byteLength(text) });
  await topic.push('complete', { result: { chunks: ANSWER.length } });
}
