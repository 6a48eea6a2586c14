import type { FactContext } from '../aggregate.ts';
import type { Fact } from '../analytics/facts.ts';
import type { Agent } from './agent.ts';
import type { AgentEvent } from './decide.ts';

/** What the figures count of an agent. */
export function agentFacts(
  events: readonly AgentEvent[],
  { id: agent, userId: user }: Agent,
  { nowMs: atMs }: FactContext<Agent>,
): Fact[] {
  return events.some(({ type }) => type === 'registered') ? [{ type: 'agent_registered', atMs, agent, user }] : [];
}
