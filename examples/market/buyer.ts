import { type Agent, micro } from 'aerie-client';
import { pricesOf } from './seller.ts';

export interface Wish {
  readonly capability: string;
  /** How many lines there are for the price. */
  readonly lines: number;
  /** USDC: the first offer. */
  readonly start: string;
  /** USDC: the most that is paid. */
  readonly most: string;
}

/** Finds the cheapest seller, agrees on a price, and pays for each line as it comes. */
export async function buy(agent: Agent, { capability, lines, start, most }: Wish, say: (line: string) => void) {
  const sellers = await agent.discover({ capability, status: 'online' });
  const [seller] = [...sellers].sort((a, b) => Number(micro(a.price ?? '0') - micro(b.price ?? '0')));
  if (!seller) throw new Error(`nobody offers ${capability}`);
  say(`found ${sellers.length} sellers, the cheapest is ${seller.name}`);

  const negotiation = await agent.negotiate({ with: seller.id, capability });
  const { amount } = await negotiation.settle({ start, limit: most });
  const channel = await agent.openChannel({ with: seller.id, deposit: amount });
  say(`agreed on ${amount} USDC, opened payment channel ${channel.id}`);

  const task = await agent.createTask({ provider: seller.id, negotiation: negotiation.id, channel: channel.id });
  const prices = pricesOf(amount, lines);
  let n = 0;
  for await (const line of task.output) {
    say(`read ${line.trimEnd()}`);
    // Under this id it is paid once, also if this process is killed here and started again.
    const due = prices[n];
    if (due) await channel.pay(due, { id: `${task.id}-${n++}` });
  }
  await task.result;
  const { final_balance_a: mine, final_balance_b: theirs } = await channel.close();
  say(`closed with ${mine} USDC for the buyer, ${theirs} USDC for the seller`);
  return channel.evidence();
}
