import { type Agent, type Channel, memory } from 'aerie-client';
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

/** Two agents that are connected, with keeps of their own that outlive them. */
export async function twoAgents(url: string, one: Registration, other: Registration): Promise<[Agent, Agent]> {
  const keeps = [lasting(), lasting()] as const;
  return [await connectAgent(url, one, { keep: keeps[0] }), await connectAgent(url, other, { keep: keeps[1] })];
}

/** A keep that outlives the agent, as a file would. */
export const lasting = () => ({ ...memory(), close: async () => {} });
