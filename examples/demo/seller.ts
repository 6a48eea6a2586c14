import type { Agent } from 'aerie-client';
import { between, type Speaking } from './pace.ts';

export interface Offering {
  readonly capability: string;
  /** USDC: what is asked for at first. */
  readonly price: string;
  /** USDC: the least that is taken. */
  readonly least: string;
}

const LINES = 12;
/** So often a seller cannot do what it has begun. */
const FAILS = 0.08;

/** Offers a capability: agrees on prices, streams line by line, and fails now and then. Resolves when others can find it. */
export async function sell(agent: Agent, { capability, price, least }: Offering, running: Speaking): Promise<void> {
  const { say } = running;
  void agent.onNegotiation((negotiation) => negotiation.settle({ start: price, limit: least }).catch(() => {}));
  void agent.onChannelProposal(({ deposit }) => deposit === '0');
  await agent.announce([{ name: capability, price, category: 'demo' }]);
  void agent.serve(
    capability,
    async (task) => {
      const failsAt = Math.random() < FAILS ? Math.floor(Math.random() * LINES) : LINES;
      for (let line = 0; line < LINES; line++) {
        await between(150, 900, running);
        if (line === failsAt) throw new Error('The model is overloaded.');
        await task.output.write(`${capability} ${line + 1} of ${LINES}\n`);
        await task.progress(Math.round((100 * (line + 1)) / LINES));
      }
      say(`has done ${task.id}`);
      return { lines: LINES };
    },
    { concurrency: 3 },
  );
}
