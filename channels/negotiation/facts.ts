import type { FactContext } from '../kernel/aggregate.ts';
import type { Fact } from '../kernel/facts.ts';
import type { Event } from './decide.ts';
import type { Session } from './state.ts';

/** What the figures count of a negotiation. */
export function negotiationFacts(
  events: readonly Event[],
  { clientAgentId: client, providerAgentId: provider }: Session,
  { nowMs: atMs }: FactContext<Session>,
): Fact[] {
  return events.flatMap(({ type }): Fact[] =>
    type === 'opened' || type === 'agreed' || type === 'rejected'
      ? [{ type: `negotiation_${type}`, atMs, client, provider }]
      : [],
  );
}
