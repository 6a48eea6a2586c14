import type { FactContext } from '../kernel/aggregate.ts';
import type { Fact } from '../kernel/facts.ts';
import type { Agent } from './agent.ts';
import type { AgentEvent } from './decide.ts';

export type AgentFact = Fact &
  (
    | { readonly type: 'agent_registered'; readonly agent: string; readonly user: string | null }
    | {
        readonly type: 'agent_moved';
        readonly agent: string;
        readonly from: string | null;
        readonly to: string | null;
      }
  );

/** Facts about an agent that the figures count. */
export function agentFacts(
  events: readonly AgentEvent[],
  { id: agent, userId: user }: Agent,
  { nowMs: atMs }: FactContext<Agent>,
): AgentFact[] {
  return events.flatMap((event): AgentFact[] => {
    if (event.type === 'registered') return [{ type: 'agent_registered', atMs, agent, user }];
    if (event.type !== 'agent_moved') return [];
    const { type, from, to } = event;
    return [{ type, atMs, agent, from, to }];
  });
}
