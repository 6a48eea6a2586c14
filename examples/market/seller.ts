import { type Agent, micro, usdc } from 'aerie-client';

export interface Offering {
  readonly capability: string;
  /** USDC: what is asked for at first. */
  readonly price: string;
  /** USDC: the least that is taken. */
  readonly least: string;
  /** What is sold, line by line. */
  readonly lines: readonly string[];
}

type Say = (line: string) => void;

/** What each line costs; the last one has what is left over. */
export function pricesOf(price: string, lines: number): string[] {
  const each = micro(price) / BigInt(lines);
  return Array.from({ length: lines }, (_, n) => usdc(n < lines - 1 ? each : micro(price) - each * BigInt(lines - 1)));
}

/** Sells lines: agrees on a price, takes payment channels that cost it nothing, and writes each line once the one before is paid. */
export async function sell(agent: Agent, { capability, price, least, lines }: Offering, say: Say): Promise<void> {
  void agent.onNegotiation(async (negotiation) => {
    const { amount } = await negotiation.settle({ start: price, limit: least });
    say(`agreed on ${amount} USDC`);
  });
  void agent.onChannelProposal(({ deposit }) => deposit === '0');
  await agent.announce([{ name: capability, price }]);
  say(`announced ${capability} for ${price} USDC`);

  await agent.serve(
    capability,
    async (task) => {
      const channel = await agent.channel(task.state.payment_channel_id ?? '');
      const payments = channel.payments();
      for (const [n, due] of pricesOf(task.state.price ?? '0', lines.length).entries()) {
        await task.output.write(`${lines[n]}\n`);
        const { value: paid } = await payments.next();
        if (paid?.amount !== due) throw new Error(`expected ${due} USDC for line ${n + 1}, got ${paid?.amount}`);
      }
      say(`was paid ${channel.balance} USDC`);
      return { lines: lines.length };
    },
    // Nothing is done that was not agreed on.
    { accept: ({ negotiation_id, payment_channel_id }) => Boolean(negotiation_id && payment_channel_id) },
  );
}
