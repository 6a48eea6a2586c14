import { createHash } from 'node:crypto';
import type { Refusal } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { Aggregates, type AggregateType, type Decision, ok } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import type { Proposals } from './proposals.ts';

/** The proposals of one agent to one other that may stand. */
export const MAX_STANDING = 100;
/** A call that has not made its proposal after this time never will. */
const MADE_WITHIN_MS = 60_000;

interface Standing {
  readonly proposals: readonly { readonly id: string; readonly atMs: number }[];
}

interface Reserve {
  readonly id: string;
  /** Those known to have ended. */
  readonly ended: readonly string[];
  /** Those that were not there when they were looked for. */
  readonly missing: readonly string[];
}

/** One place more; those of proposals that have ended are given up only when there is no room otherwise. */
export function reserve(
  before: Standing | undefined,
  { id, ended, missing }: Reserve,
  nowMs: number,
): Decision<Standing, never> {
  const all = before?.proposals ?? [];
  const isGone = (one: { id: string; atMs: number }) =>
    ended.includes(one.id) || (missing.includes(one.id) && one.atMs + MADE_WITHIN_MS < nowMs);
  const kept = all.filter((one) => !isGone(one));
  if (before && kept.some((one) => one.id === id)) return ok({ state: before, events: [] });
  if (kept.length >= MAX_STANDING) return refuse('too_many_proposals', { limit: MAX_STANDING });
  return ok({ state: { proposals: [...kept, { id, atMs: nowMs }] }, events: [] });
}

const standingType: AggregateType<Standing, Reserve, never> = {
  kind: 'payment_standing',
  parse: ({ proposals = '[]' }) => ({ proposals: JSON.parse(proposals) }),
  change: ({ proposals }) => ({ fields: { proposals: JSON.stringify(proposals) } }),
  decide: reserve,
};

/** Counts the proposals of each agent to each other one that stand, over all nodes. */
export class StandingProposals {
  readonly #proposals: Pick<Proposals, 'readMany'>;
  readonly #pairs: Aggregates<Standing, Reserve, never>;

  constructor(store: Store, proposals: Pick<Proposals, 'readMany'>) {
    this.#proposals = proposals;
    this.#pairs = new Aggregates(store, standingType);
  }

  /** Takes a place for a proposal that is about to be made. @returns `too_many_proposals` if none is left */
  async reserve(from: string, to: string, id: string): Promise<Refusal | undefined> {
    const pair = pairId(from, to);
    const reserved = await this.#pairs.apply(pair, { id, ended: [], missing: [] });
    if (reserved.ok) return undefined;
    const ids = ((await this.#pairs.read(pair))?.proposals ?? []).map((one) => one.id);
    const found = await this.#proposals.readMany(ids);
    const gone = {
      ended: ids.filter((_, at) => found[at] && found[at].status !== 'proposed'),
      missing: ids.filter((_, at) => !found[at]),
    };
    const again = await this.#pairs.apply(pair, { id, ...gone });
    return again.ok ? undefined : again;
  }
}

const pairId = (from: string, to: string) =>
  `pair-${createHash('sha256')
    .update(JSON.stringify([from, to]))
    .digest('base64url')}`;
