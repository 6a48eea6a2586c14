// Looks for somebody who can do it, agrees on a price, has it done, pays and closes.

import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from './agent.ts';
import { micro, usdc } from './money.ts';
import { acceptText, closeText, offerText, openText, type PaymentChannel, type Session, stateText } from './texts.ts';

const FIRST_OFFER = '0.03';
const MOST = '0.05';
const DEPOSIT = '1';

type Say = (line: string) => void;

export async function runClient(agent: Agent, capability: string, say: Say): Promise<void> {
  const provider = await discover(agent, capability);
  say(`found ${provider} for ${capability}`);
  const price = await negotiate(agent, provider, capability, say);
  const payment = await openPayment(agent, provider);
  say(`opened payment channel ${payment.id} with ${DEPOSIT} USDC`);
  say(`has the answer: ${await haveDone(agent, provider, capability, price)}`);

  // The balances that a transfer leaves are part of what is signed.
  const topic = agent.topic(`payment:${payment.id}`, ['transfer_complete', 'channel_closed']);
  const { channel } = await topic.join<{ channel: PaymentChannel }>();
  const after = {
    balance_a: usdc(micro(channel.balance_a) - micro(price)),
    balance_b: usdc(micro(channel.balance_b) + micro(price)),
  };
  const transfer = { nonce: channel.next_nonce, from: agent.id, to: provider, amount: price, ...after };
  const signature = agent.sign(stateText(payment.id, transfer));
  await topic.push('propose_transfer', { amount: price, nonce: transfer.nonce, signature });
  await topic.next('transfer_complete');
  say(`paid ${price} USDC`);

  const closing = agent.sign(closeText({ ...channel, ...after, nonce: transfer.nonce }));
  await agent.send(provider, 'deal.close', { id: payment.id, signature_a: closing });
  await topic.next('channel_closed');
  say(`closed with ${after.balance_a} USDC for the client, ${after.balance_b} USDC for the provider`);
}

async function discover(agent: Agent, capability: string): Promise<string> {
  const lobby = agent.topic('agents:discovery');
  await lobby.join();
  for (let tries = 0; tries < 50; tries++) {
    const query = { capability, filters: { status: 'online' }, limit: 1 };
    const { agents } = await lobby.push<{ agents: { id: string }[] }>('discover', query);
    if (agents[0]) return agents[0].id;
    await sleep(200);
  }
  throw new Error(`nobody offers ${capability}`);
}

async function negotiate(agent: Agent, provider: string, capability: string, say: Say): Promise<string> {
  const wanted = { provider_agent_id: provider, capability };
  const { session } = await agent.post<{ session: Session }>('/api/negotiations', wanted);
  const topic = agent.topic(`negotiation:${session.id}`, ['offer']);
  await topic.join();
  await topic.push('offer', { amount: FIRST_OFFER, signature: agent.sign(offerText(session, agent.id, FIRST_OFFER)) });
  say(`offered ${FIRST_OFFER} USDC`);
  const { amount: theirs } = await topic.next<{ amount: string }>('offer');
  // Both meet in the middle; half a micro-USDC is rounded down.
  const price = (micro(FIRST_OFFER) + micro(theirs)) / 2n;
  if (price > micro(MOST)) throw new Error(`${usdc(price)} is too much`);
  const amount = usdc(price);
  const signature = agent.sign(acceptText(session, agent.id, amount, [FIRST_OFFER, theirs]));
  await topic.push('accept', { amount, signature });
  say(`accepted ${amount} USDC`);
  return amount;
}

/** Tells the provider what it has signed, and waits until the provider has opened the channel with both signatures. */
async function openPayment(agent: Agent, provider: string): Promise<{ id: string }> {
  const parties = { agent_a: agent.id, agent_b: provider };
  const terms = { id: randomUUID(), ...parties, deposit_a: DEPOSIT, deposit_b: '0', challenge_period_ms: 3_600_000 };
  await agent.send(provider, 'deal.open', { ...terms, signature_a: agent.sign(openText(terms)) });
  return agent.receive('aerie.payment_channel');
}

async function haveDone(agent: Agent, provider: string, capability: string, price: string): Promise<string> {
  const wanted = { provider_agent_id: provider, capability, price };
  const { task } = await agent.post<{ task: { id: string } }>('/api/tasks', wanted);
  const topic = agent.topic(`task:${task.id}`, ['output_stream', 'output_complete', 'task_completed']);
  await topic.join();
  const { checksum, total_size } = await topic.next<{ checksum: string; total_size: number }>('output_complete');
  let text = '';
  while (Buffer.byteLength(text) < total_size) text += (await topic.next<{ chunk: string }>('output_stream')).chunk;
  if (createHash('sha256').update(text).digest('hex') !== checksum) throw new Error('the answer is broken');
  await topic.next('task_completed');
  return text;
}
