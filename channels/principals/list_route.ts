import { jsonAnswer } from '../../server/http/index.ts';
import type { Refusal } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import type { Cursors } from '../kernel/lists/cursor.ts';
import { readPage, type Source } from '../kernel/lists/page.ts';
import { type ParamChecks, type Params, readListQuery } from '../kernel/lists/query.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Principal } from './authenticate.ts';
import { type Handle, nameOf } from './permissions.ts';

/** Options that all lists share. */
export interface ListOptions {
  readonly store: Pick<Store, 'lookup'>;
  readonly cursors: Cursors;
  /** True if the indexes by creation have everything: see `Upkeep`. */
  readonly isWhole: () => Promise<boolean>;
}

/** A list of the HTTP API. */
export interface List<T, N extends string> {
  /** Name of its array in the answer. */
  readonly name: string;
  /** The parameters it takes beside `limit` and `cursor`. */
  readonly checks: ParamChecks<N>;
  /** True if it is read from indexes that an earlier version did not have. */
  needsUpkeep(principal: Principal): boolean;
  /** Finds the indexes to read it from, or refuses. */
  source(principal: Principal, params: Params<N>): Promise<({ readonly ok: true } & Source<T>) | Refusal>;
  /** The things of a page on the wire, in their order. */
  view(items: readonly T[]): Promise<readonly object[]> | readonly object[];
}

/** Answers `GET` of a list: a page, and where the next one begins (PROTOCOL.md, section 3, Lists). */
export function listCall<T, N extends string>(list: List<T, N>, { store, cursors, isWhole }: ListOptions): Handle {
  return async ({ exchange, principal }) => {
    const query = readListQuery(exchange, { list: list.name, by: nameOf(principal), cursors, checks: list.checks });
    if (!query.ok) return query;
    const source = await list.source(principal, query.params);
    if (!source.ok) return source;
    if (list.needsUpkeep(principal) && !(await isWhole())) return incomplete;
    const { items, next } = await readPage(source, query, store);
    const shown = await list.view(items);
    return jsonAnswer(200, { [list.name]: shown, ...(next && { next_cursor: query.cursorAt(next) }) });
  };
}

/** A list without its kinds of items and parameters. */
export interface ServedList {
  /** Gives what answers it, once there is what all lists share. */
  readonly answers: (shared: ListOptions) => Handle;
  /** As of a route. */
  readonly credentialHeader: string | undefined;
}

export function servedList<T, N extends string>(list: List<T, N>, credentialHeader?: string): ServedList {
  return { answers: (shared) => listCall(list, shared), credentialHeader };
}

const incomplete: Refusal = {
  ...refuse('unavailable'),
  message: 'This list is still being filled after an upgrade: try again later.',
};
