import type { AggregateId } from '../../server/store/index.ts';
import type { CountedFact } from './facts.ts';

/** Scope of figures: one agent, or all together. */
export interface Scope {
  readonly kind: 'agent' | 'global';
  readonly id: string;
}

export const GLOBAL: Scope = { kind: 'global', id: 'global' };
export const agentScope = (id: string): Scope => ({ kind: 'agent', id });

export const AGENT_FIGURES = 'analytics_agent';

/** Aggregates that hold its head and its buckets. */
export const aggregateOf = ({ kind, id }: Scope): AggregateId => ({
  kind: kind === 'agent' ? AGENT_FIGURES : 'analytics_global',
  id,
});

/** The agents that a fact is counted for; it is counted for all as well. */
export function agentsOf(fact: CountedFact): readonly string[] {
  switch (fact.type) {
    case 'agent_registered':
    case 'agent_moved':
    case 'coordination_initiated':
    case 'coordination_ended':
      return [];
    case 'message_sent':
      return [fact.from];
    case 'message_acknowledged':
    case 'message_rejected':
    case 'message_expired':
      return fact.to === undefined || fact.to === fact.from ? [fact.from] : [fact.from, fact.to];
    case 'backlog_changed':
      return [fact.agent];
    case 'transfer_executed':
      return [fact.from, fact.to];
    case 'dispute_opened':
    case 'channel_closed':
    case 'online_sampled':
      return fact.agents;
    case 'session_opened':
    case 'session_assigned':
    case 'session_message':
    case 'execution_ended':
    case 'session_ended':
      return fact.agent === null ? [] : [fact.agent];
    case 'session_paid':
      return [fact.agent];
    default:
      return [fact.client, fact.provider];
  }
}
