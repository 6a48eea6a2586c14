import { decideProposal, PROPOSAL_TTL_MS, type Propose } from '../../../channels/payment/proposal_decide.ts';
import { channelOf, type Proposal, proposalAsOf } from '../../../channels/payment/proposal_state.ts';
import { reserve } from '../../../channels/payment/standing_proposals.ts';
import { NOW_MS, scenario } from '../kernel/scenario.ts';
import { balances, terms } from './fixtures.ts';

const given = scenario(decideProposal);
const refs = [{ agentId: 'agent-7', id: 'notice-1' }];

const by = (side: 'a' | 'b', fields: object = {}): Propose => ({
  type: 'propose',
  terms: {
    ...terms,
    creator: side,
    signatureA: side === 'a' ? 'a signs' : null,
    signatureB: side === 'b' ? 'b signs' : null,
    registration: `by ${side}`,
    ...fields,
  },
  isProposed: true,
  notices: refs,
});
const byBoth = (side: 'a' | 'b'): Propose => ({
  ...by(side, { signatureA: 'a signs', signatureB: 'b signs', registration: `both by ${side}` }),
  isProposed: false,
});
const byAdmin: Propose = { ...by('a', { creator: null, signatureA: null, registration: 'admin' }), isProposed: false };

const proposed = () => given(undefined).when(by('a')).then({ type: 'proposed' });
const opened = () => given(proposed()).when(by('b')).then({ type: 'opening' });
const withdrawn = () => given(proposed()).when({ type: 'withdraw' }).then({ type: 'withdrawn' });
const late = (state: Proposal, command: Parameters<typeof decideProposal>[1], afterMs = PROPOSAL_TTL_MS) =>
  decideProposal(state, command, NOW_MS + afterMs);

describe('a proposed payment channel', () => {
  it('waits for the other side', () => {
    expect(proposed()).toMatchObject({ status: 'proposed', endedAtMs: null, expiresAtMs: NOW_MS + 86_400_000 });
    given(proposed()).when(by('a')).thenRepeated();
    given(proposed())
      .when(by('a', { signatureA: 'another' }))
      .thenRepeated();
  });

  it('is opened by both signatures, whoever brings them; the first of a side is kept', () => {
    const state = opened();
    expect(state).toMatchObject({ status: 'opening', endedAtMs: NOW_MS, signatureA: 'a signs', signatureB: 'b signs' });
    for (const command of [by('a'), by('b'), by('b', { signatureB: 'another' }), byBoth('a')]) {
      given(state).when(command).thenRepeated();
    }
    const both = given(proposed())
      .when({ ...byBoth('b'), terms: { ...byBoth('b').terms, signatureA: 'another' } })
      .then({ type: 'opening' });
    expect(both).toMatchObject({ signatureA: 'a signs', signatureB: 'b signs', creator: 'a', notices: refs });
    expect(channelOf(state)).toMatchObject({ openedAtMs: NOW_MS, proposedAtMs: NOW_MS, nonce: 0, notices: refs });
  });

  it('is of these terms alone', () => {
    for (const fields of [
      { agentA: 'agent-2' },
      { agentB: 'agent-2' },
      { deposits: balances('10', '5.000001') },
      { deposits: balances('5', '10') },
      { challengePeriodMs: 1_001 },
    ]) {
      for (const state of [proposed(), opened(), withdrawn()])
        given(state).when(by('b', fields)).thenRefused('conflict');
    }
    given(proposed()).when(byAdmin).thenRefused('conflict');
  });

  it('has one end, that which came first', () => {
    given(withdrawn()).when({ type: 'withdraw' }).thenRepeated();
    given(withdrawn()).when(by('b')).thenRefused('channel_closed', { reason: 'withdrawn' });
    given(withdrawn()).when({ type: 'expire' }).thenRepeated();
    given(opened()).when({ type: 'withdraw' }).thenRefused('conflict');
    given(opened()).when({ type: 'expire' }).thenRepeated();
    expect(late(opened(), { type: 'expire' })).toMatchObject({ ok: true, events: [] });
  });

  it('expires after a day, whether that was noticed or not', () => {
    expect(late(proposed(), by('b'), PROPOSAL_TTL_MS - 1)).toMatchObject({ ok: true, events: [{ type: 'opening' }] });
    const tooLate = { ok: false, reason: 'channel_closed', details: { reason: 'expired' } };
    for (const command of [by('a'), by('b'), { type: 'withdraw' } as const]) {
      expect(late(proposed(), command)).toMatchObject(tooLate);
    }
    const expired = late(proposed(), { type: 'expire' }, PROPOSAL_TTL_MS + 7);
    expect(expired).toMatchObject({
      ok: true,
      state: { status: 'expired', endedAtMs: NOW_MS + PROPOSAL_TTL_MS, noticesDueMs: expect.any(Number) },
      events: [{ type: 'expired' }],
    });
    expect(proposalAsOf(proposed(), NOW_MS + PROPOSAL_TTL_MS)).toMatchObject({ status: 'expired' });
    expect(proposalAsOf(withdrawn(), NOW_MS + PROPOSAL_TTL_MS)).toMatchObject({ status: 'withdrawn' });
  });

  it('was opened at once: a repeat is its opener’s, or either’s own signature', () => {
    const state = given(undefined).when(byBoth('a')).then({ type: 'opening' });
    expect(channelOf(state)).not.toHaveProperty('proposedAtMs');
    for (const command of [byBoth('a'), by('a'), by('b')]) given(state).when(command).thenRepeated();
    given(state).when(byBoth('b')).thenRefused('conflict');
    given(state)
      .when(by('a', { challengePeriodMs: 7 }))
      .thenRefused('conflict');
    const admins = given(undefined).when(byAdmin).then({ type: 'opening' });
    given(admins).when(byAdmin).thenRepeated();
    given(admins).when(byBoth('a')).thenRefused('conflict');
  });

  it('is over where a node of the version before has opened a channel of its id', () => {
    const state = given(proposed()).when({ type: 'opened' }).then();
    expect(state).toMatchObject({ status: 'opened', noticesDueMs: expect.any(Number) });
    given(state).when({ type: 'withdraw' }).thenRefused('conflict');
    expect(given(opened()).when({ type: 'opened' }).then()).toMatchObject({ status: 'opened', noticesDueMs: null });
    given(undefined).when({ type: 'withdraw' }).thenRefused('not_found');
  });
});

describe('the places for standing proposals', () => {
  const full = { proposals: Array.from({ length: 100 }, (_, at) => ({ id: `p-${at}`, atMs: NOW_MS })) };
  const nobody = { ended: [], missing: [] };

  it('are a hundred', () => {
    expect(reserve({ proposals: full.proposals.slice(1) }, { id: 'new', ...nobody }, NOW_MS)).toMatchObject({
      ok: true,
    });
    expect(reserve(full, { id: 'new', ...nobody }, NOW_MS)).toMatchObject({ reason: 'too_many_proposals' });
    expect(reserve(full, { id: 'p-7', ...nobody }, NOW_MS)).toEqual({ ok: true, state: full, events: [] });
  });

  it('are free again of those that have ended, or were never made in a minute', () => {
    const place = (more: object, afterMs = 0) => reserve(full, { id: 'new', ...nobody, ...more }, NOW_MS + afterMs);
    expect(place({ ended: ['p-3'] })).toMatchObject({ ok: true });
    expect(place({ missing: ['p-3'] }, 60_000)).toMatchObject({ ok: false });
    expect(place({ missing: ['p-3'] }, 60_001)).toMatchObject({ ok: true });
  });
});
