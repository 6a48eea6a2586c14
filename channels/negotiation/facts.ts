import type { FactContext } from '../kernel/aggregate.ts';
import type { Fact } from '../kernel/facts.ts';
import type { Event } from './decide.ts';
import type { Negotiation } from './state.ts';

export interface NegotiationFact extends Fact {
  readonly type: 'negotiation_opened' | 'negotiation_agreed' | 'negotiation_rejected';
  readonly client: string;
  readonly provider: string;
}

/** Facts about a negotiation that the figures count. */
export function negotiationFacts(
  events: readonly Event[],
  { clientAgentId: client, providerAgentId: provider }: Negotiation,
  { nowMs: atMs }: FactContext<Negotiation>,
): NegotiationFact[] {
  return events.flatMap(({ type }): NegotiationFact[] =>
    type === 'opened' || type === 'agreed' || type === 'rejected'
      ? [{ type: `negotiation_${type}`, atMs, client, provider }]
      : [],
  );
}
