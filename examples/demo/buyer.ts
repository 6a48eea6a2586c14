import { AerieError, type Agent, type Channel } from 'aerie-client';
import { anyOf, between, type Speaking } from './pace.ts';

const DEPOSIT = '1';
const START = '0.02';
const MOST = '0.05';

/** Buys one thing after the other: finds a seller, haggles, reads what it streams, and pays for what was done. */
export async function buy(agent: Agent, capabilities: readonly string[], running: Speaking): Promise<void> {
  const { signal, say } = running;
  /** Payment channels by seller: one is opened with each, and paid from until it is empty. */
  const channels = new Map<string, Channel>();
  while (!signal.aborted) {
    await between(500, 4_000, running);
    const capability = anyOf(capabilities) ?? '';
    const seller = anyOf(await agent.discover({ capability, status: 'online', signal }));
    if (!seller) continue;
    try {
      const negotiation = await agent.negotiate({ with: seller.id, capability });
      const { amount } = await negotiation.settle({ start: START, limit: MOST });
      const channel = channels.get(seller.id) ?? (await agent.openChannel({ with: seller.id, deposit: DEPOSIT }));
      channels.set(seller.id, channel);
      const task = await agent.createTask({ provider: seller.id, negotiation: negotiation.id, channel: channel.id });
      for await (const _line of task.output) signal.throwIfAborted();
      await task.result;
      await channel.pay(amount, { id: task.id });
      say(`paid ${seller.name} ${amount} USDC for ${capability}, and has ${channel.balance} left there`);
      if (Number(channel.balance) > Number(MOST)) continue;
      channels.delete(seller.id);
      await channel.close();
    } catch (error) {
      if (signal.aborted || !(error instanceof AerieError)) throw error;
      say(`did not get ${capability} from ${seller.name}: ${error.reason}`);
    }
  }
}
