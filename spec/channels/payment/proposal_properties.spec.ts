import fc from 'fast-check';
import { decideProposal, PROPOSAL_TTL_MS, type ProposalCommand } from '../../../channels/payment/proposal_decide.ts';
import { channelOf, isOpening, type Proposal } from '../../../channels/payment/proposal_state.ts';
import { NOW_MS } from '../kernel/scenario.ts';
import { balances, terms } from './fixtures.ts';

const RUNS = Number(process.env.PROPERTY_RUNS ?? 400);

const step = fc.record({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('a' as const, 'b' as const) },
    { weight: 1, arbitrary: fc.constantFrom('both' as const, 'admin' as const) },
    { weight: 2, arbitrary: fc.constantFrom('withdraw' as const, 'expire' as const) },
  ),
  hasOtherTerms: fc.nat({ max: 4 }).map((n) => n === 0),
  waitMs: fc.oneof(
    { weight: 9, arbitrary: fc.nat({ max: 1_000 }) },
    { weight: 1, arbitrary: fc.constant(PROPOSAL_TTL_MS) },
  ),
});

/** `at` tells signatures apart: all of them are good. */
function commandOf(kind: 'a' | 'b' | 'both' | 'admin', hasOtherTerms: boolean, at: number): ProposalCommand {
  const signatureOf = (side: 'a' | 'b') => (kind === side || kind === 'both' ? `${side} signs ${at}` : null);
  const bySide = { both: 'a', admin: null, a: 'a', b: 'b' } as const;
  return {
    type: 'propose',
    terms: {
      ...terms,
      creator: bySide[kind],
      registration: `${kind} ${hasOtherTerms} ${at}`,
      signatureA: signatureOf('a'),
      signatureB: signatureOf('b'),
      deposits: hasOtherTerms ? balances('9', '7') : balances('10', '5'),
    },
    isProposed: kind === 'a' || kind === 'b',
    notices: [],
  };
}

it('a proposal has one end, whoever does what and when, and is opened by both signatures alone', () => {
  const ends = { opened: 0, withdrawn: 0, expired: 0 };
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20, size: 'max' }), (steps) => {
      let state: Proposal | undefined;
      let nowMs = NOW_MS;
      const told: string[] = [];
      for (const [at, { kind, hasOtherTerms, waitMs }] of steps.entries()) {
        nowMs += waitMs;
        const isEvent = kind === 'withdraw' || kind === 'expire';
        const command: ProposalCommand = isEvent ? { type: kind } : commandOf(kind, hasOtherTerms, at);
        const before: Proposal | undefined = state;
        const decided = decideProposal(before, command, nowMs);
        if (!decided.ok) continue;
        state = decided.state;
        told.push(...decided.events.map(({ type }) => type));
        if (!before) continue;
        // The first signature of a side is kept, and so are the terms.
        expect(state).toMatchObject({
          ...(before.signatureA && { signatureA: before.signatureA }),
          ...(before.signatureB && { signatureB: before.signatureB }),
          ...{ deposits: before.deposits, creator: before.creator, isProposed: before.isProposed },
        });
        if (before.status !== 'proposed') expect(state).toEqual(before);
      }
      if (!state) return;
      expect(told.filter((type) => type !== 'proposed').length).toBe(state.status === 'proposed' ? 0 : 1);
      if (!isOpening(state)) {
        if (state.status !== 'proposed') ends[state.status as 'expired']++;
        return;
      }
      const channel = channelOf(state);
      expect(channel).toMatchObject({ balances: state.deposits, nonce: 0, nextNonce: 1 });
      if (!state.isProposed) return;
      ends.opened++;
      expect([channel.signatureA, channel.signatureB]).toEqual([expect.any(String), expect.any(String)]);
      expect(channel.openedAtMs).toBeLessThan(state.expiresAtMs);
    }),
    { numRuns: RUNS, endOnFailure: false },
  );
  // What was looked at did happen.
  for (const [end, times] of Object.entries(ends)) expect([end, times > RUNS / 50]).toEqual([end, true]);
});
