import { channelsFor } from '../../server/index.ts';

/** What an AgentSocket knows of the agent behind it. */
export interface AgentSession {
  readonly agentId: string;
}

/** Defines a channel that agents join. */
export const agentChannel = channelsFor<AgentSession>();
