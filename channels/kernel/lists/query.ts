import type { Exchange, Refusal } from '../../../server/index.ts';
import { isId } from '../ids.ts';
import { refuseField } from '../reasons.ts';
import type { Cursors } from './cursor.ts';
import type { ListPosition } from './order.ts';

/** Says what is wrong with the text of a parameter; `undefined`: nothing. */
export type ParamCheck = (text: string) => string | undefined;
export type ParamChecks<N extends string> = Readonly<Record<N, ParamCheck>>;

export const oneOf =
  (...choices: readonly string[]): ParamCheck =>
  (text) =>
    choices.includes(text) ? undefined : `must be ${listed(choices)}`;

export const anId: ParamCheck = (text) => (isId(text) ? undefined : 'must be an id');

export const anInteger =
  (from: number, to: number): ParamCheck =>
  (text) =>
    /^[0-9]{1,6}$/.test(text) && Number(text) >= from && Number(text) <= to
      ? undefined
      : `must be an integer from ${from} to ${to}`;

export type Params<N extends string> = Readonly<Partial<Record<N, string>>>;
type ReadParams<N extends string> = { readonly ok: true; readonly params: Params<N> } | Refusal;

/** Reads a query of named parameters, each at most once; an empty one counts as absent, an unknown one is refused. */
export function readParams<N extends string>(
  { query }: Pick<Exchange, 'query'>,
  checks: ParamChecks<N>,
): ReadParams<N> {
  const params: Partial<Record<N, string>> = {};
  for (const name of new Set(query.keys())) {
    if (!Object.hasOwn(checks, name)) return refuseParam(name, `is not known here; this takes ${listedNames(checks)}`);
    const [text = '', ...more] = query.getAll(name);
    if (more.length > 0) return refuseParam(name, 'must be there only once');
    if (text === '') continue;
    const fault = checks[name as N](text);
    if (fault) return refuseParam(name, fault);
    params[name as N] = text;
  }
  return { ok: true, params };
}

export interface ListQuery<N extends string> {
  readonly ok: true;
  readonly params: Params<N>;
  readonly limit: number;
  /** The position where the page before ended. */
  readonly after: ListPosition | undefined;
  /** The cursor of a page of this list that ends at a position. */
  cursorAt(position: ListPosition): string;
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** Reads the query of a list: its own parameters, `limit` and `cursor`. @param by whose list: `admin`, `user:u-1` */
export function readListQuery<N extends string>(
  exchange: Pick<Exchange, 'query'>,
  { list, by, cursors, checks }: { list: string; by: string; cursors: Cursors; checks: ParamChecks<N> },
): ListQuery<N> | Refusal {
  const all = { ...checks, limit: anInteger(1, MAX_LIMIT), cursor: () => undefined } as Record<string, ParamCheck>;
  const read = readParams(exchange, all);
  if (!read.ok) return read;
  const { limit, cursor, ...params } = read.params;
  const binding = JSON.stringify([list, by, Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1))]);
  const after = cursor === undefined ? undefined : cursors.read(binding, cursor);
  if (cursor !== undefined && !after) {
    return refuseParam('cursor', 'must be the next_cursor of an earlier answer to the same query by the same caller');
  }
  return {
    ok: true,
    params: params as Params<N>,
    limit: limit === undefined ? DEFAULT_LIMIT : Number(limit),
    after,
    cursorAt: (position) => cursors.write(binding, position),
  };
}

/** Refuses a parameter. @param name as the client wrote it: not more of it is said again than helps */
const refuseParam = (name: string, says: string) => refuseField(`/${name.slice(0, 64)}`, says);

const listedNames = (checks: object) => Object.keys(checks).sort().join(', ') || 'none';

function listed(choices: readonly string[]): string {
  if (choices.length <= 2) return choices.join(' or ');
  return `one of ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}
