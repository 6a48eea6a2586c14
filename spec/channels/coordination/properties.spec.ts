import fc from 'fast-check';
import { coordinationType } from '../../../channels/coordination/codec.ts';
import type { Command } from '../../../channels/coordination/commands.ts';
import { decide } from '../../../channels/coordination/decide.ts';
import { coordinationFacts } from '../../../channels/coordination/facts.ts';
import { type Coordination, type Kept, ROLES, VOTES, type Vote } from '../../../channels/coordination/state.ts';
import { endedView, progressView } from '../../../channels/coordination/view.ts';
import { asOf } from '../../../channels/coordination/voting.ts';
import { NOW_MS } from '../kernel/scenario.ts';
import { coordination, participant, TIMEOUT_MS, terms } from './fixtures.ts';

/** `PROPERTY_RUNS=100000 npm run spec -- properties` looks further. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? 400);

const vote = fc.constantFrom(...VOTES);
/** Thresholds as fractions, so that the rule is checked in whole numbers: 0.66, 2/3, 1, … */
const threshold = fc
  .tuple(fc.integer({ min: 1, max: 101 }), fc.constantFrom(1, 2, 3, 7, 100, 101))
  .map(([over, under]) => ({ over: Math.min(over, under), under }));
type Fraction = { readonly over: number; readonly under: number };

const isReached = (approved: number, eligible: number, { over, under }: Fraction) =>
  approved * under >= over * eligible;

/** The votes of initiator and voters in order; those that are missing are undefined. */
const votes = (missing: boolean) =>
  fc.array(missing ? fc.option(vote, { nil: undefined }) : vote, { minLength: 1, maxLength: 101 });

const idOf = (at: number) => (at === 0 ? 'agent-001' : `voter-${at}`);

function begun(voters: number, { over, under }: Fraction): Coordination {
  const participants = Array.from({ length: voters }, (_, at) => participant(idOf(at + 1)));
  return coordination({
    participants: [...participants, participant('somebody', 'worker')],
    consensusThreshold: over / under,
  });
}

function castAll(state: Coordination, all: readonly (Vote | undefined)[]): Coordination {
  let kept: Kept = state;
  for (const [at, each] of all.entries()) {
    if (!each) continue;
    const decided = decide(kept, { type: 'vote', by: idOf(at), vote: each }, NOW_MS);
    if (!decided.ok) throw new Error(`refused: ${decided.reason}`);
    kept = decided.state;
  }
  return kept as Coordination;
}

it('all have voted: approved where approvals reach the threshold of all that are eligible, abstentions among them', () => {
  fc.assert(
    fc.property(votes(false), threshold, (all, share) => {
      const state = castAll(begun(all.length - 1, share), all);
      const approved = all.filter((each) => each === 'approve').length;
      expect(state.ending).toEqual({
        status: isReached(approved, all.length, share) ? 'APPROVED' : 'REJECTED',
        atMs: NOW_MS,
      });
      expect(endedView(state)).toMatchObject({ approved, eligible: all.length, progress: 1 });
    }),
    { numRuns: RUNS },
  );
});

it('with votes missing it is open until its time, then approved by the same rule or timed out, never rejected', () => {
  fc.assert(
    fc.property(votes(true), threshold, (all, share) => {
      fc.pre(all.includes(undefined));
      const state = castAll(begun(all.length - 1, share), all);
      const cast = all.filter((each) => each !== undefined).length;
      const approved = all.filter((each) => each === 'approve').length;
      expect(state.ending).toBeNull();
      const { progress, status } = progressView(state);
      expect(status).toBe('VOTING');
      expect(progress).toBeLessThan(1);
      expect(Math.round(progress * 100)).toBe(Math.floor((100 * cast) / all.length));
      expect(asOf(state, NOW_MS + TIMEOUT_MS).ending?.status).toBe(
        isReached(approved, all.length, share) ? 'APPROVED' : 'TIMED_OUT',
      );
    }),
    { numRuns: RUNS },
  );
});

it('the order of votes does not matter, nor do those that were changed', () => {
  const step = fc.record({ first: vote, last: vote, rank: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 100 }), threshold, (steps, share) => {
      // The initiator has not voted.
      const state = begun(steps.length, share);
      const all = [undefined, ...steps.map(({ last }) => last)];
      const inOrder = steps.map((each, at) => ({ ...each, by: idOf(at + 1) })).sort((a, b) => a.rank - b.rank);
      let kept: Kept = state;
      for (const key of ['first', 'last'] as const) {
        for (const { by, [key]: each } of inOrder) {
          const decided = decide(kept, { type: 'vote', by, vote: each }, NOW_MS);
          if (!decided.ok) throw new Error(`refused: ${decided.reason}`);
          kept = decided.state;
        }
      }
      expect(progressView(kept as Coordination)).toEqual(progressView(castAll(state, all)));
    }),
    { numRuns: RUNS / 4 },
  );
});

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('vote' as const),
      by: fc.constantFrom('agent-001', 'voter-1', 'voter-2', 'somebody'),
      vote,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('progress' as const),
      by: fc.constantFrom('agent-001', 'voter-1'),
      progress: fc.constantFrom(0, 0.5, 1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('end' as const),
      by: fc.constantFrom('agent-001', 'voter-1'),
      status: fc.constantFrom('COMPLETED' as const, 'FAILED' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('cancel' as const),
      by: fc.constantFrom('agent-001', 'voter-1'),
      reason: fc.constantFrom('one', 'another'),
    }),
  },
  { weight: 2, arbitrary: fc.constantFrom<Command>({ type: 'wake' }, { type: 'notices_settled' }) },
  { weight: 1, arbitrary: fc.constant<Command>({ type: 'initiate', terms: terms(), notices: [] }) },
);

it('whatever comes, in whatever order: it ends once, nothing changes afterwards, and revisions grow by what is told', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('CONSENSUS', 'PIPELINE'),
      fc.array(fc.tuple(command, fc.integer({ min: 0, max: 5_000 })), { maxLength: 60 }),
      fc.constantFrom(...ROLES),
      (pattern, steps, role) => {
        let kept: Kept = coordination({
          pattern,
          participants: [participant('voter-1'), participant('voter-2', role), participant('somebody', 'observer')],
        });
        let nowMs = NOW_MS;
        let ends = 0;
        for (const [each, passedMs] of steps) {
          nowMs += passedMs;
          const before = kept as Coordination;
          const decided = decide(before, each, nowMs);
          if (!decided.ok) continue;
          kept = decided.state;
          const state = kept as Coordination;
          const ended = decided.events.filter(({ type }) => type === 'ended').length;
          ends += ended;
          expect(state.revision).toBe(before.revision + decided.events.length);
          expect(coordinationFacts(decided.events, state, { nowMs })).toHaveLength(ended);
          expect(ended).toBe(before.ending === null && state.ending !== null ? 1 : 0);
          if (before.ending) expect({ ...state, noticesDueMs: null }).toEqual({ ...before, noticesDueMs: null });
          if (state.ending) expect(state.ending.atMs).toBeLessThanOrEqual(NOW_MS + TIMEOUT_MS);
          // What is stored is what was decided.
          const { fields = {} } = coordinationType.change(state, undefined);
          expect(coordinationType.parse(fields as Record<string, string>)).toEqual(state);
        }
        expect(ends).toBe((kept as Coordination).ending ? 1 : 0);
      },
    ),
    { numRuns: RUNS / 2 },
  );
});
