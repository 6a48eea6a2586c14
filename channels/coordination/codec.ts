import type { Snapshot } from '../../server/store/index.ts';
import type { AggregateType } from '../kernel/aggregate.ts';
import type { Command, Event } from './commands.ts';
import { decide } from './decide.ts';
import { coordinationFacts } from './facts.ts';
import { type Coordination, deadlineMs, isForgotten, type Kept, RETENTION_MS, type Terms } from './state.ts';

export const COORDINATION = 'coordination';

/** `terms` never changes, `course` does; of one whose retention is over only `forgotten` is left. */
export const coordinationType: AggregateType<Kept, Command, Event> = {
  kind: COORDINATION,
  parse,
  change(after, before) {
    if (isForgotten(after)) return { fields: { terms: null, course: null, forgotten: 'true' }, deadlineMs: null };
    const { terms, course } = fieldsOf(after);
    return { fields: { course, ...(!before && { terms }) }, deadlineMs: nextLookMs(after) };
  },
  decide,
  facts: coordinationFacts,
};

/** Plain JSON: the proposal is a client's, and may hold any names. */
function parse({ terms = '{}', course = '{}', forgotten }: Snapshot['fields']): Kept {
  if (forgotten !== undefined) return { forgotten: true };
  return { ...(JSON.parse(terms) as Terms), ...(JSON.parse(course) as Omit<Coordination, keyof Terms>) };
}

function fieldsOf(coordination: Coordination) {
  const { initiatedAtMs, ballots, reported, ending, notices, noticesDueMs, revision, paces, ...terms } = coordination;
  const course = { initiatedAtMs, ballots, reported, ending, notices, noticesDueMs, revision, paces };
  return { terms: JSON.stringify(terms), course: JSON.stringify(course) };
}

/** Time at which somebody has to look after it next. */
function nextLookMs(coordination: Coordination): number {
  const { ending, noticesDueMs } = coordination;
  return ending ? (noticesDueMs ?? ending.atMs + RETENTION_MS) : deadlineMs(coordination);
}
