import type { FactContext } from '../kernel/aggregate.ts';
import type { Fact } from '../kernel/facts.ts';
import type { Agent } from './agent.ts';
import type { AgentEvent } from './decide.ts';

/** What the figures count of an agent. */
export function agentFacts(
  events: readonly AgentEvent[],
  { id: agent, userId: user }: Agent,
  { nowMs: atMs }: FactContext<Agent>,
): Fact[] {
  return events.flatMap((event): Fact[] => {
    if (event.type === 'registered') return [{ type: 'agent_registered', atMs, agent, user }];
    if (event.type !== 'agent_moved') return [];
    const { type, from, to } = event;
    return [{ type, atMs, agent, from, to }];
  });
}
