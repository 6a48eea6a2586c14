import { creditsType, earningsType } from '../../../channels/credits/codec.ts';
import { assertCreditsConserved, assertEarningsConserved } from '../../../channels/credits/conservation.ts';
import { decideCredits, decideEarnings } from '../../../channels/credits/decide.ts';
import { inFlightMicro, newEarningsAccount } from '../../../channels/credits/state.ts';
import type { Decision, NotDecided } from '../../../channels/kernel/aggregate.ts';
import { micro } from '../../../channels/kernel/money.ts';
import { NOW_MS, scenario } from '../kernel/scenario.ts';
import { accountWith, autoDebit, credit, debit, earn, payOut, settle } from './fixtures.ts';

const given = scenario(decideCredits);
const givenEarnings = scenario(decideEarnings);

/** The entries that a decision puts into the ledger. */
const entriesOf = (decision: Decision<unknown, unknown> | NotDecided) =>
  'state' in decision ? (decision.entries ?? []).map(({ position, value }) => [position, JSON.parse(value ?? '')]) : [];

describe('a credit', () => {
  it('begins an account, and stands in its ledger', () => {
    const { decision, then } = given(undefined).when(credit('c-1', '10.5', 'a gift'));
    const state = then({ type: 'credited', id: 'c-1' });
    expect(state).toMatchObject({ creditedMicro: micro('10.5'), balanceMicro: micro('10.5'), nextSeq: 2 });
    const entry = { seq: 1, kind: 'credit', amountMicro: '10500000', balanceMicro: '10500000', note: 'a gift' };
    expect(entriesOf(decision)).toEqual([[1, { ...entry, atMs: NOW_MS }]]);
  });

  it('is booked once, however often it comes; with other fields it is a conflict', () => {
    const state = given(undefined)
      .when(credit('c-1', '1', 'x'))
      .then({});
    given(state)
      .when(credit('c-1', '1', 'x'))
      .thenRepeated();
    given(state).when(credit('c-1', '1')).thenRefused('conflict');
    given(state)
      .when(credit('c-1', '1', 'y'))
      .thenRefused('conflict');
    given(state)
      .when(credit('c-1', '1.000001', 'x'))
      .thenRefused('conflict');
    given(state)
      .when(credit('c-2', '1', 'x'))
      .then({ type: 'credited' });
  });

  it('fills a balance up to 999999999.999999 and not one micro-USDC more', () => {
    const almost = accountWith('999999999');
    given(almost).when(credit('c-1', '0.999999')).then({ type: 'credited' });
    given(almost).when(credit('c-1', '1')).thenRefused('balance_limit', { balance: '999999999' });
    given(undefined).when(credit('c-1', '999999999.999999')).then({ type: 'credited' });
  });

  it('that was refused may be given later', () => {
    const full = accountWith('999999999.999999');
    given(full).when(credit('c-1', '1')).thenRefused('balance_limit');
    given(full).when(debit('p-1', '1'), credit('c-1', '1')).then({ type: 'credited' });
  });
});

describe('a payment that the user approves', () => {
  it('leaves the balance and is in flight until its agent has it', () => {
    const { decision, then } = given(accountWith('10')).when(debit('p-1', '4'));
    const flying = then({ type: 'debited', by: 'user', payment: { id: 'p-1', debitedAtMs: NOW_MS } });
    expect(flying).toMatchObject({ balanceMicro: micro('6'), paidMicro: 0n });
    expect(inFlightMicro(flying)).toBe(micro('4'));
    const ids = { sessionId: 'session-1', paymentId: 'p-1' };
    const entry = { seq: 1, kind: 'payment', amountMicro: '4000000', balanceMicro: '6000000', ...ids, atMs: NOW_MS };
    expect(entriesOf(decision)).toEqual([[1, entry]]);

    const settled = given(flying).when(settle('p-1')).then({ type: 'settled' });
    expect(settled).toMatchObject({ balanceMicro: micro('6'), paidMicro: micro('4'), inFlight: [], nextSeq: 2 });
  });

  it('is debited once and settled once', () => {
    const flying = given(accountWith('10')).when(debit('p-1', '4')).then({});
    given(flying).when(debit('p-1', '4')).thenRepeated();
    given(flying)
      .when(autoDebit('p-1', '4', '1', null))
      .thenRepeated();
    const settled = given(flying).when(settle('p-1')).then({});
    given(settled).when(settle('p-1')).thenRepeated();
    given(settled).when(debit('p-1', '4')).thenRepeated();
  });

  it('may take the whole balance, and not one micro-USDC more', () => {
    given(accountWith('4')).when(debit('p-1', '4')).then({ type: 'debited' });
    const refused = given(accountWith('4'))
      .when(debit('p-1', '4.000001'))
      .then({ type: 'payment_refused', reason: 'insufficient_credits', by: 'user' });
    expect(refused).toMatchObject({ balanceMicro: micro('4'), inFlight: [], nextSeq: 1 });
  });

  it('stays refused under its id, also when there is enough', () => {
    given(undefined).when(debit('p-1', '4'), credit('c-1', '10'), debit('p-1', '4')).thenRepeated();
    given(undefined)
      .when(debit('p-1', '4'), credit('c-1', '10'), debit('p-2', '4'))
      .then({ type: 'debited', payment: { id: 'p-2' } });
  });

  it('under a known id with other fields is a fault', () => {
    const flying = given(accountWith('10')).when(debit('p-1', '4')).then({});
    for (const other of [{ amountMicro: 1n }, { agentId: 'agent-2' }, { sessionId: 'session-2' }]) {
      expect(() => decideCredits(flying, debit('p-1', '4', other), NOW_MS)).toThrow('other fields');
    }
    expect(() => decideCredits(flying, settle('p-2'), NOW_MS)).toThrow('not debited');
    expect(() => decideCredits(flying, debit('p-2', '0'), NOW_MS)).toThrow('above 0');
  });
});

describe('a payment that auto-pay approves', () => {
  it('is within both caps, each to the micro-USDC', () => {
    given(accountWith('10'))
      .when(autoDebit('p-1', '2', '2', '2'))
      .then({ type: 'debited', by: 'auto_pay' });
    const over = { type: 'payment_refused', reason: 'over_cap', by: 'auto_pay' };
    given(accountWith('10'))
      .when(autoDebit('p-1', '2.000001', '2', null))
      .then(over);
    given(accountWith('10'))
      .when(autoDebit('p-1', '2.000001', null, '2'))
      .then(over);
    given(accountWith('10'))
      .when(autoDebit('p-1', '1', null, '2'), autoDebit('p-2', '1.000001', null, '2'))
      .then(over);
    given(accountWith('10'))
      .when(autoDebit('p-1', '10', null, null))
      .then({ type: 'debited' });
  });

  it('counts what auto-pay has spent in all sessions, and nothing that the user approved', () => {
    const other = { sessionId: 'session-2', agentId: 'agent-2' };
    given(accountWith('10'))
      .when(debit('p-0', '5'), autoDebit('p-1', '2', null, '3'), { ...autoDebit('p-2', '2', null, '3'), ...other })
      .then({ reason: 'over_cap' });
    given(accountWith('10'))
      .when(debit('p-0', '5'), autoDebit('p-1', '2', null, '3'), { ...autoDebit('p-2', '1', null, '3'), ...other })
      .then({ type: 'debited' });
  });

  it('says over_cap before insufficient_credits', () => {
    given(undefined)
      .when(autoDebit('p-1', '2', '1', null))
      .then({ reason: 'over_cap' });
    given(undefined)
      .when(autoDebit('p-1', '2', '2', '2'))
      .then({ reason: 'insufficient_credits' });
  });

  it('that was refused may still be approved by the user, once, and is refused by auto-pay for ever', () => {
    const refused = given(accountWith('10'))
      .when(autoDebit('p-1', '2', '1', null))
      .then({});
    given(refused)
      .when(autoDebit('p-1', '2', '5', null))
      .thenRepeated();
    const paid = given(refused).when(debit('p-1', '2')).then({ type: 'debited', by: 'user' });
    expect(paid.autoSpent).toEqual([]);
    given(paid).when(debit('p-1', '2')).thenRepeated();
  });

  it('has room again 24 h after it spent', () => {
    const first = decideCredits(accountWith('10'), autoDebit('p-1', '2', null, '2'), NOW_MS);
    if (!first.ok) throw new Error(first.reason);
    const next = (id: string, afterMs: number) => {
      const decided = decideCredits(first.state, autoDebit(id, '2', null, '2'), NOW_MS + afterMs);
      return decided.ok && decided.events[0]?.type;
    };
    expect([next('p-2', 86_399_999), next('p-3', 86_400_000)]).toEqual(['payment_refused', 'debited']);
  });
});

describe('earnings', () => {
  it('grow by each payment once', () => {
    const { decision, then } = givenEarnings(undefined).when(earn('p-1', '4'));
    const state = then({ type: 'earned', payment: { id: 'p-1' } });
    expect(state).toMatchObject({ earnedMicro: micro('4'), balanceMicro: micro('4'), paidOutMicro: 0n });
    const ids = { sessionId: 'session-1', paymentId: 'p-1' };
    const entry = { seq: 1, kind: 'payment', amountMicro: '4000000', balanceMicro: '4000000', ...ids, atMs: NOW_MS };
    expect(entriesOf(decision)).toEqual([[1, entry]]);
    givenEarnings(state).when(earn('p-1', '4')).thenRepeated();
    expect(() => decideEarnings(state, earn('p-1', '5'), NOW_MS)).toThrow('other fields');
  });

  it('are paid out up to the balance, each payout once', () => {
    const earned = givenEarnings(undefined).when(earn('p-1', '4')).then({});
    const { decision, then } = givenEarnings(earned).when(payOut('o-1', '3', '0xabc'));
    const state = then({ type: 'paid_out', id: 'o-1', payout: { txHash: '0xabc' } });
    expect(state).toMatchObject({ earnedMicro: micro('4'), balanceMicro: micro('1'), paidOutMicro: micro('3') });
    const entry = { seq: 2, kind: 'payout', amountMicro: '3000000', balanceMicro: '1000000', atMs: NOW_MS };
    expect(entriesOf(decision)).toEqual([[2, entry]]);
    givenEarnings(state)
      .when(payOut('o-1', '3', '0xabc'))
      .thenRepeated();
    for (const other of [payOut('o-1', '3'), payOut('o-1', '3', '0xabd'), payOut('o-1', '2', '0xabc')]) {
      givenEarnings(state).when(other).thenRefused('conflict');
    }
    givenEarnings(state).when(payOut('o-2', '1.000001')).thenRefused('insufficient_balance', { balance: '1' });
    givenEarnings(state).when(payOut('o-2', '1')).then({ type: 'paid_out' });
    givenEarnings(undefined).when(payOut('o-2', '1')).thenRefused('insufficient_balance', { balance: '0' });
  });

  it('are a fact once', () => {
    const decided = decideEarnings(undefined, earn('p-1', '4'), NOW_MS);
    if (!decided.ok) throw new Error(decided.reason);
    const context = { id: 'agent-1', before: undefined, nowMs: NOW_MS };
    expect(earningsType.facts?.(decided.events, decided.state, context)).toEqual([
      {
        type: 'session_paid',
        atMs: NOW_MS,
        payment: 'p-1',
        session: 'session-1',
        user: 'user-1',
        agent: 'agent-1',
        amountMicro: '4000000',
      },
    ]);
    expect(earningsType.facts?.([], decided.state, context)).toEqual([]);
  });
});

describe('what breaks the sums', () => {
  it('is thrown: money made or lost', () => {
    const account = accountWith('10');
    expect(() => assertCreditsConserved({ ...account, balanceMicro: micro('9') })).toThrow('together');
    expect(() => assertCreditsConserved({ ...account, paidMicro: 1n })).toThrow('together');
    const earnings = newEarningsAccount(NOW_MS);
    expect(() => assertEarningsConserved({ ...earnings, earnedMicro: 1n })).toThrow('together');
  });

  it('is thrown: amounts below 0, and a payment that flies twice', () => {
    const account = accountWith('10');
    expect(() => assertCreditsConserved({ ...account, balanceMicro: -1n, paidMicro: micro('10.000001') })).toThrow('0');
    const payment = { ...debit('p-1', '5'), debitedAtMs: NOW_MS };
    const twice = { ...account, balanceMicro: 0n, inFlight: [payment, payment] };
    expect(() => assertCreditsConserved(twice)).toThrow('twice');
    const earnings = { ...newEarningsAccount(NOW_MS), paidOutMicro: 1n, balanceMicro: -1n };
    expect(() => assertEarningsConserved(earnings)).toThrow('0');
  });

  it('is looked for at every decision', () => {
    const broken = { ...accountWith('10'), paidMicro: 1n };
    expect(() => creditsType.decide(broken, debit('p-1', '1'), NOW_MS)).toThrow('together');
    const earnings = { ...newEarningsAccount(NOW_MS), earnedMicro: 1n };
    expect(() => earningsType.decide(earnings, earn('p-1', '1'), NOW_MS)).toThrow('together');
  });
});
