import { type Agent, type Channel, memory } from 'aerie-client';
import type { Deployment } from '../support/deployments.ts';
import { connectAgent, type Registration } from './agents.ts';

/** A payment channel as both of its agents have it; the first one has opened it with its deposit. */
export async function channelBetween(a: Agent, b: Agent, deposit = '1'): Promise<[Channel, Channel]> {
  const stop = new AbortController();
  const theirs = new Promise<Channel>((resolve) => {
    void b.onChannelProposal(({ from }) => from === a.id, { onOpen: resolve, signal: stop.signal });
  });
  const mine = await a.openChannel({ with: b.id, deposit });
  const opened = await theirs;
  stop.abort();
  return [mine, opened];
}

/** Two agents that are connected, each to its node, with keeps of their own that outlive them. */
export async function twoAgents(
  { here, there }: Pick<Deployment, 'here' | 'there'>,
  one: Registration,
  other: Registration,
): Promise<[Agent, Agent]> {
  return [
    await connectAgent(here.url, one, { keep: lasting() }),
    await connectAgent(there.url, other, { keep: lasting() }),
  ];
}

/** A keep that outlives the agent, as a file would. */
export const lasting = () => ({ ...memory(), close: async () => {} });
