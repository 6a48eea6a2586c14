import type { FactContext } from '../kernel/aggregate.ts';
import type { Fact } from '../kernel/facts.ts';
import type { Event } from './commands.ts';
import { type EndStatus, isForgotten, type Kept } from './state.ts';

interface OfCoordination extends Fact {
  /** The agent that initiated it. */
  readonly initiator: string;
}

export type CoordinationFact =
  | (OfCoordination & { readonly type: 'coordination_initiated' })
  | (OfCoordination & { readonly type: 'coordination_ended'; readonly status: EndStatus });

/** Facts about a coordination that the figures count. */
export function coordinationFacts(
  events: readonly Event[],
  state: Kept,
  { nowMs: atMs }: Pick<FactContext<Kept>, 'nowMs'>,
): CoordinationFact[] {
  if (isForgotten(state)) return [];
  const { initiatorId: initiator, ending } = state;
  return events.flatMap(({ type }): CoordinationFact[] => {
    if (type === 'initiated') return [{ type: 'coordination_initiated', atMs, initiator }];
    return type === 'ended' && ending ? [{ type: 'coordination_ended', atMs, initiator, status: ending.status }] : [];
  });
}
