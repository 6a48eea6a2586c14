import { micro } from '../../../channels/kernel/money.ts';
import { assertConserved } from '../../../channels/payment/conservation.ts';
import { decide } from '../../../channels/payment/decide.ts';
import type { Burned, Executed, PaymentChannel } from '../../../channels/payment/state.ts';
import { NOW_MS, scenario } from '../kernel/scenario.ts';
import { acknowledge, balances, channel, close, coSigned, dispute, propose, reject, shown, terms } from './fixtures.ts';

const given = scenario(decide);
const settle = { type: 'settle' } as const;
const proposed = () => given(channel()).when(propose('a', '2')).then({});
const executed = () => given(proposed()).when(acknowledge('b', '2')).then({});
const disputed = () => given(executed()).when(dispute('a')).then({});
const closed = () =>
  given(executed())
    .when(close('a', '9', '6'))
    .then({});

const pastOf = (state: PaymentChannel): Executed => {
  if (!state.lastState) throw new Error('nothing executed');
  return { ...state.lastState, atMs: NOW_MS };
};
const burned = (cause: Burned['cause'] = 'rejected'): Burned => ({
  nonce: 1,
  burned: true,
  by: 'b',
  cause,
  reason: 'no',
  atMs: NOW_MS,
});

describe('a proposal', () => {
  it('waits for the other side, and moves nothing yet', () => {
    const state = given(channel())
      .when(propose('a', '10'))
      .then({ type: 'transfer_proposed', transfer: { nonce: 1, from: 'a', balances: balances('0', '15') } });
    expect(state).toMatchObject({ balances: terms.deposits, nonce: 0, nextNonce: 2, pending: { nonce: 1 } });
  });

  it('is refused in the order of its row', () => {
    given(proposed())
      .when(propose('b', '9', { nonce: 7 }))
      .thenRefused('transfer_pending');
    given(channel())
      .when(propose('a', '99', { nonce: 2 }))
      .thenRefused('invalid_nonce', { expected: 1 });
    given(channel())
      .when(propose('a', '99', { nonce: 0 }))
      .thenRefused('invalid_nonce', { expected: 1 });
    given(channel())
      .when(propose('a', '10.000001', { isGood: false }))
      .thenRefused('insufficient_balance');
    given(channel()).when(propose('b', '5.000001')).thenRefused('insufficient_balance');
    given(channel())
      .when(propose('a', '1', { isGood: false }))
      .thenRefused('invalid_signature');
  });

  it('is decided on the balances that were signed', () => {
    const stale = propose('b', '1')(channel());
    given(executed())
      .when({ ...stale, nonce: 2 })
      .thenMoved();
  });

  it('that comes again is a repeat while it is pending and once it is executed', () => {
    given(proposed())
      .when(propose('a', '2', { nonce: 1 }))
      .thenRepeated();
    const again = propose('a', '2', { nonce: 1, past: pastOf(executed()) });
    for (const state of [executed(), disputed(), closed()]) given(state).when(again).thenRepeated();
    given(executed())
      .when(propose('a', '2', { nonce: 1 }))
      .thenMoved();
  });

  it('is no repeat with another amount, signature or sender', () => {
    const past = pastOf(executed());
    given(executed())
      .when(propose('a', '3', { nonce: 1, past }))
      .thenRefused('invalid_nonce', { expected: 2 });
    given(executed())
      .when(propose('a', '2', { nonce: 1, past, signature: 'x' }))
      .thenRefused('invalid_nonce');
    given(executed())
      .when(propose('b', '2', { nonce: 1, past, signature: 'a pays 2' }))
      .thenRefused('invalid_nonce');
    given(proposed())
      .when(propose('a', '2', { nonce: 1, signature: 'x' }))
      .thenRefused('transfer_pending');
  });

  it('is over for good after a rejection', () => {
    const state = given(proposed()).when(reject('b')).then({});
    given(state)
      .when(propose('a', '2', { nonce: 1, past: burned() }))
      .thenRefused('invalid_nonce', { expected: 2 });
    given(state)
      .when(propose('a', '2', { nonce: 2 }))
      .then({ type: 'transfer_proposed' });
  });
});

describe('an acknowledgement', () => {
  it('executes what is pending and keeps it in history', () => {
    const { decision } = given(proposed()).when(acknowledge('b', '2'));
    expect(decision).toMatchObject({
      ok: true,
      state: { balances: balances('8', '7'), nonce: 1, nextNonce: 2, pending: null, lastState: { nonce: 1 } },
      events: [{ type: 'transfer_executed', transfer: { signatureA: 'a pays 2', signatureB: 'b takes 2' } }],
      entries: [{ stream: 'history', position: 1, value: expect.stringContaining('"amountMicro":"2000000"') }],
    });
  });

  it('puts each signature under its side, whichever way money goes', () => {
    const state = given(channel()).when(propose('b', '1'), acknowledge('a', '1')).then({});
    expect(state.lastState).toMatchObject({ from: 'b', signatureA: 'a takes 1', signatureB: 'b pays 1' });
    expect(state.balances).toEqual(balances('11', '4'));
  });

  it('is refused in the order of its row', () => {
    given(channel())
      .when(acknowledge('b', '2', { nonce: 1 }))
      .thenRefused('no_pending_transfer');
    given(proposed())
      .when(acknowledge('a', '2', { nonce: 2 }))
      .thenRefused('no_pending_transfer');
    given(proposed()).when(acknowledge('a', '3')).thenRefused('not_counterparty');
    given(proposed())
      .when(acknowledge('b', '3', { isGood: false }))
      .thenRefused('amount_mismatch', { expected: '2' });
    given(proposed())
      .when(acknowledge('b', '2', { isGood: false }))
      .thenRefused('invalid_signature');
  });

  it('that comes again is a repeat, whatever has happened since', () => {
    const again = acknowledge('b', '2', { nonce: 1, past: pastOf(executed()) });
    for (const state of [executed(), disputed(), closed()]) given(state).when(again).thenRepeated();
    const gone = given(executed()).when(propose('b', '1'), acknowledge('a', '1')).then({});
    given(gone).when(again).thenRepeated();
    given(gone)
      .when(acknowledge('b', '2', { nonce: 1, past: pastOf(executed()), signature: 'x' }))
      .thenRefused('no_pending_transfer');
    given(gone)
      .when(acknowledge('a', '2', { nonce: 1, past: pastOf(executed()), signature: 'a pays 2' }))
      .thenRefused('no_pending_transfer');
  });
});

describe('a rejection', () => {
  it.each(['a', 'b'] as const)('by %s burns the nonce for good', (by) => {
    const { decision } = given(proposed()).when(reject(by));
    expect(decision).toMatchObject({
      ok: true,
      state: { pending: null, nonce: 0, nextNonce: 2, balances: terms.deposits },
      events: [{ type: 'transfer_burned', burned: { nonce: 1, by, cause: 'rejected', reason: 'no' } }],
      entries: [{ stream: 'history', position: 1 }],
    });
  });

  it('needs something pending, under that nonce', () => {
    given(channel()).when(reject('a')).thenRefused('no_pending_transfer');
    given(proposed())
      .when(reject('b', { nonce: 2 }))
      .thenRefused('no_pending_transfer');
    given(executed())
      .when(reject('b', { nonce: 1, past: pastOf(executed()) }))
      .thenRefused('no_pending_transfer');
  });

  it('that comes again is a repeat, with its nonce also when another transfer is pending', () => {
    const state = given(proposed()).when(reject('b')).then({});
    given(state)
      .when(reject('b', { past: burned() }))
      .thenRepeated();
    given(state)
      .when(reject('b', { nonce: 1, past: burned() }))
      .thenRepeated();
    const next = given(state).when(propose('a', '1')).then({});
    given(next)
      .when(reject('b', { nonce: 1, past: burned() }))
      .thenRepeated();
    given(next)
      .when(reject('a', { nonce: 1, past: burned() }))
      .thenRefused('no_pending_transfer');
    given(next)
      .when(reject('b', { nonce: 1, past: burned(), reason: 'another' }))
      .thenRefused('no_pending_transfer');
  });
});

describe('a dispute', () => {
  it('freezes the channel, and burns what is pending', () => {
    const { decision } = given(given(executed()).when(propose('a', '1')).then({})).when(dispute('b'));
    expect(decision).toMatchObject({
      ok: true,
      state: { pending: null, dispute: { openedBy: 'b', endsAtMs: NOW_MS + 1_000 } },
      events: [
        { type: 'transfer_burned', burned: { nonce: 2, cause: 'dispute', by: 'b' } },
        { type: 'dispute_opened', nonce: 1 },
      ],
      entries: [{ stream: 'history', position: 2 }],
    });
    for (const command of [propose('a', '1'), acknowledge('b', '1', { nonce: 9 }), reject('a', { nonce: 9 })]) {
      given(disputed()).when(command).thenRefused('channel_disputed');
    }
  });

  it('is won by the highest nonce that both have signed', () => {
    const state = given(disputed())
      .when(dispute('b', shown(5, '1', '14')))
      .then({ type: 'newer_state_shown', nonce: 5 });
    given(state)
      .when(dispute('a', shown(4, '15', '0')))
      .then({ type: 'evidence_noted' });
    given(state)
      .when(dispute('a', shown(5, '15', '0')))
      .then({ type: 'evidence_noted' });
    const over = given({ ...state, dispute: { ...state.dispute, endsAtMs: NOW_MS } } as PaymentChannel)
      .when(settle)
      .then({ type: 'closed', closing: { nonce: 5, reason: 'dispute' }, movedToAMicro: -micro('7') });
    expect(over.balances).toEqual(balances('1', '14'));
  });

  it('at equal nonces is won by what was executed', () => {
    const state = given(executed())
      .when(dispute('a', shown(1, '15', '0', { past: pastOf(executed()) })))
      .then({});
    expect(state.lastState?.balances).toEqual(balances('8', '7'));
  });

  it('takes a state whose nonce the dispute itself has burned, but none that was rejected', () => {
    const state = given(given(channel()).when(propose('a', '2')).then({}))
      .when(dispute('a'))
      .then({}, {});
    given(state)
      .when(dispute('b', shown(1, '8', '7', { past: burned('dispute') })))
      .then({ type: 'newer_state_shown', nonce: 1 });
    const rejected = given(proposed()).when(reject('b')).then({});
    given(rejected)
      .when(dispute('b', shown(1, '8', '7', { past: burned() })))
      .thenRefused('invalid_evidence');
    given(rejected)
      .when(dispute('b', shown(1, '8', '7')))
      .thenMoved();
    given(proposed())
      .when(dispute('b', shown(1, '8', '7')))
      .then({ type: 'transfer_burned' }, { type: 'dispute_opened', nonce: 1 });
  });

  it('refuses evidence that is not signed by both, or does not keep the sum', () => {
    given(channel())
      .when(dispute('a', shown(1, '8', '7', { isSigned: false })))
      .thenRefused('invalid_evidence');
    given(channel())
      .when(dispute('a', shown(1, '8', '7.000001')))
      .thenRefused('invalid_evidence');
    given(channel())
      .when(dispute('a', { state: undefined, isSigned: false, past: undefined }))
      .thenRefused('invalid_evidence');
    given(disputed())
      .when(dispute('b', shown(9, '16', '0')))
      .thenRefused('invalid_evidence');
  });

  it('changes nothing the second time, and does not last longer', () => {
    given(disputed()).when(dispute('a')).thenRepeated();
    const state = given(disputed()).when(dispute('b')).then({ type: 'evidence_noted' });
    expect(state).toEqual(disputed());
    const newer = given(disputed())
      .when(dispute('b', shown(5, '1', '14')))
      .then({});
    expect(newer.dispute).toMatchObject({ openedBy: 'a', endsAtMs: disputed().dispute?.endsAtMs });
    given(newer).when(dispute('a')).thenRepeated();
  });

  it('ends by the clock, also before its deadline was handled', () => {
    const late = { ...disputed(), dispute: { ...disputed().dispute, endsAtMs: NOW_MS } } as PaymentChannel;
    for (const command of [propose('a', '1'), dispute('b', shown(9, '15', '0')), close('a', '9', '6')]) {
      given(late).when(command).thenRefused('channel_closed');
    }
    const over = given(late)
      .when(settle)
      .then({ type: 'closed', closing: { closedAtMs: NOW_MS }, movedToAMicro: 0n });
    given(over).when(settle).thenRepeated();
    given(over).when(dispute('a')).thenRepeated();
    given(disputed()).when(settle).thenRepeated();
    given(channel()).when(settle).thenRepeated();
  });
});

describe('a cooperative close', () => {
  it.each([
    ['open', executed],
    ['disputed', disputed],
  ])('ends a channel that is %s', (_status, state) => {
    const over = given(state())
      .when(close('b', '9', '6'))
      .then({ type: 'closed', closing: { reason: 'cooperative', nonce: 1, by: 'b' }, movedToAMicro: micro('1') });
    expect(over.balances).toEqual(balances('9', '6'));
  });

  it('burns what is pending', () => {
    given(proposed())
      .when(close('a', '10', '5'))
      .then({ type: 'transfer_burned', burned: { cause: 'close' } }, { type: 'closed' });
  });

  it('is refused in the order of its row', () => {
    given(executed())
      .when(close('a', '9', '7', { isGoodA: false }))
      .thenRefused('invalid_signature');
    given(executed())
      .when(close('a', '9', '7', { isGoodB: false }))
      .thenRefused('invalid_signature');
    given(executed())
      .when(close('a', '9', '7'))
      .thenRefused('balance_mismatch', { expected: '15' });
    given(executed())
      .when(close('a', '9', '6')(channel()))
      .thenMoved();
  });

  it('that comes again is a repeat; from the other side it is told that all is over', () => {
    given(closed())
      .when(close('a', '9', '6'))
      .thenRepeated();
    given(closed())
      .when(close('b', '9', '6'))
      .thenRefused('channel_closed');
    given(closed())
      .when(close('a', '8', '7'))
      .thenRefused('channel_closed');
    for (const command of [
      propose('a', '1'),
      acknowledge('b', '9', { nonce: 9 }),
      reject('a', { nonce: 9 }),
      dispute('a'),
    ]) {
      given(closed()).when(command).thenRefused('channel_closed');
    }
  });
});

describe('the notices of a payment channel', () => {
  const notices = [{ agentId: 'agent-7', id: 'notice-1' }];

  it('are to be acknowledged from its end on, however it ends, until that is done', () => {
    const state = given(given(channel({ notices })).when(propose('a', '2')).then({}))
      .when(acknowledge('b', '2'))
      .then({});
    const contested = given(state).when(dispute('a')).then({});
    for (const open of [state, contested]) expect(open).toMatchObject({ noticesDueMs: null });
    const agreed = given(state)
      .when(close('a', '9', '6'))
      .then({ type: 'closed' });
    const settled = given({ ...contested, dispute: { ...contested.dispute, endsAtMs: NOW_MS } } as PaymentChannel)
      .when(settle)
      .then({ type: 'closed' });
    for (const ended of [agreed, settled]) {
      expect(ended).toMatchObject({ noticesDueMs: NOW_MS + 5_000 });
      const done = decide(ended, { type: 'notices_settled' }, NOW_MS);
      expect(done).toMatchObject({ ok: true, state: { noticesDueMs: null } });
    }
    expect(closed()).toMatchObject({ noticesDueMs: null });
  });
});

describe('what holds for every channel', () => {
  it.each<[string, Partial<PaymentChannel>]>([
    ['money comes from nowhere', { balances: balances('10', '5.000001') }],
    ['money is lost', { balances: balances('9', '5') }],
    ['somebody owes', { balances: { aMicro: -1n, bMicro: micro('15') + 1n } }],
    ['what is pending breaks the sum', { nextNonce: 2, pending: { ...coSigned(1, '1', '1'), signature: '' } }],
    ['the newest state breaks the sum', { lastState: coSigned(1, '1', '1') }],
    ['a nonce comes again', { nonce: 1, nextNonce: 1 }],
    ['an old nonce is pending', { nextNonce: 3, pending: { ...coSigned(1, '8', '7'), signature: '' } }],
  ])('throws if %s', (_what, broken) => {
    expect(() => assertConserved(channel(broken))).toThrow('payment channel pay-1');
    expect(() => assertConserved(channel())).not.toThrow();
  });
});
