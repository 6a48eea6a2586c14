import type { Agent } from './agent.ts';
import type { AgentField } from './decide.ts';

/** Called for changes that other parts must learn of, once they are durable. None of these may throw. */
export interface PrincipalEvents {
  /** @param fields which of its fields are new */
  agentChanged(agent: Agent, fields: readonly AgentField[]): void;
  /** Its sockets, and those of its tokens, are to be closed. Told again when a revoked key is revoked again. */
  credentialRevoked(keyId: string): void;
  /** A user that an agent was taken from: its sockets are to be closed, which may have joined the agent's topics. */
  ownerLost(userId: string): void;
  /** Told again when a suspended agent is suspended again. */
  agentSuspended(agentId: string): void;
}
