import { channelsFor } from '../../server/index.ts';

/** The agent behind an AgentSocket. */
export interface AgentSession {
  readonly agentId: string;
}

/** Defines a channel that agents join. */
export const agentChannel = channelsFor<AgentSession>();
