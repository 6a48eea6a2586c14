import { byCreation } from '../kernel/lists/order.ts';
import { anId, type ParamChecks, type Params } from '../kernel/lists/query.ts';
import type { Principal } from './authenticate.ts';
import type { List } from './list_route.ts';
import { type PartyOptions, type Whose, whoseThings, withOwner } from './parties.ts';

/** Things that agents have with each other, each in the indexes of its agents by creation. */
export interface Between<S, N extends string> {
  readonly name: string;
  readonly checks: ParamChecks<N>;
  readonly indexesOfAll: readonly string[];
  indexesOf(agentId: string, params: Params<N>): readonly string[];
  /** As they are now. */
  read(ids: readonly string[]): Promise<readonly (S | undefined)[]>;
  insertedAtMs(state: S): number;
  /** The agents by which it is in the list. */
  partiesOf(state: S, params: Params<N>): readonly (string | null)[];
  matches(state: S, params: Params<N>): boolean;
  view(states: readonly S[]): Promise<readonly object[]> | readonly object[];
}

/** The list of such things: for the admin, for users of their agents', for agents of their own. */
export function listBetween<S, N extends string>(
  between: Between<S, N>,
  options: PartyOptions,
): List<S, N | 'agent_id'> {
  const { name, checks, indexesOfAll, view } = between;
  return {
    name,
    checks: { ...checks, agent_id: anId } as ParamChecks<N | 'agent_id'>,
    needsUpkeep: () => true,
    view,

    async source(principal: Principal, given: Params<N | 'agent_id'>) {
      const { agent_id: agentId, ...rest } = given as Params<'agent_id'>;
      const params = rest as Params<N>;
      const whose = await whoseThings(principal, agentId, options);
      if (!whose.ok) return whose;
      return {
        ok: true,
        order: byCreation,
        indexes: 'agentIds' in whose ? whose.agentIds.flatMap((id) => between.indexesOf(id, params)) : indexesOfAll,
        async read(ids) {
          const found = await between.read(ids);
          const matching = found.map((state) => (state && between.matches(state, params) ? state : undefined));
          const listed = await restrict(matching, whose, params);
          return listed.map((state) => state && { item: state, insertedAtMs: between.insertedAtMs(state) });
        },
      };
    },
  };

  function restrict(states: readonly (S | undefined)[], whose: Whose, params: Params<N>) {
    const partiesOf = (state: S) => between.partiesOf(state, params);
    if ('ownerId' in whose) return withOwner(whose.ownerId, states, partiesOf, options.agents);
    return states.map((state) => (state && partiesOf(state).some((id) => id !== null) ? state : undefined));
  }
}
