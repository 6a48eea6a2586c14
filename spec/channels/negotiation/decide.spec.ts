import { micro } from '../../../channels/kernel/money.ts';
import { type Command, decide } from '../../../channels/negotiation/decide.ts';
import { acceptLines, type Negotiation, offerLines } from '../../../channels/negotiation/state.ts';
import { NOW_MS, scenario } from '../kernel/scenario.ts';
import { acceptance, negotiation, offer, rejection, terms } from './fixtures.ts';

const given = scenario(decide);
const bothOffered = () => given(negotiation()).when(offer('client', '1'), offer('provider', '1.000001')).then({});

describe('a negotiation', () => {
  it('takes an offer at the limit and refuses one micro-USDC more', () => {
    given(negotiation())
      .when(offer('client', '2'))
      .then({ type: 'offer_made', offer: { by: 'client', amountMicro: micro('2'), atMs: NOW_MS } });
    given(negotiation()).when(offer('client', '2.000001')).thenRefused('offer_exceeds_limit', { limit: '2' });
  });

  it('refuses an offer that the sender did not sign, after one above the limit', () => {
    given(negotiation())
      .when(offer('client', '1', { isGood: false }))
      .thenRefused('invalid_signature');
    given(negotiation())
      .when(offer('client', '3', { isGood: false }))
      .thenRefused('offer_exceeds_limit');
  });

  it('takes no verdict on another text for one on this', () => {
    const other = { lines: offerLines(negotiation({ id: 'neg-2' }), 'client', micro('1')), isGood: true };
    given(negotiation())
      .when({ ...offer('client', '1')(negotiation()), verdict: other })
      .thenMoved();
    given(negotiation())
      .when({ ...offer('client', '1')(negotiation()), verdict: undefined })
      .thenMoved();
  });

  it('lets a later offer take the place of the sender’s earlier one', () => {
    const state = given(negotiation())
      .when(offer('client', '1'), offer('client', '0.5'), offer('provider', '1.5'))
      .then({});
    given(state).when(acceptance('client', '1')).then({ type: 'agreed' });
  });

  it('takes 10 offers by each side', () => {
    const ten = Array.from({ length: 10 }, (_, at) => offer('client', `0.${at + 11}`));
    const state = given(negotiation())
      .when(...ten)
      .then({ type: 'offer_made' });
    given(state).when(offer('client', '1.5')).thenRefused('too_many_rounds');
    given(state)
      .when(offer('client', '1.5', { isGood: false }))
      .thenRefused('invalid_signature');
    given(state).when(offer('provider', '1.5')).then({ type: 'offer_made' });
    given(state).when(offer('client', '0.11')).thenRepeated();
  });

  it('agrees on the average of both offers, half a micro-USDC rounded down', () => {
    const agreed = given(bothOffered())
      .when(acceptance('client', '1'))
      .then({ type: 'agreed', acceptance: { by: 'client', amountMicro: micro('1') } });
    expect(agreed.status).toBe('agreed');
  });

  it('refuses an acceptance in the order of its row', () => {
    given(negotiation()).when(acceptance('client', '1')).thenRefused('offers_incomplete');
    given(negotiation()).when(offer('client', '1'), acceptance('provider', '1')).thenRefused('offers_incomplete');
    given(bothOffered())
      .when(acceptance('provider', '9', { isGood: false }))
      .thenRefused('own_offer_is_last');
    given(bothOffered())
      .when(acceptance('client', '1.000001', { isGood: false }))
      .thenRefused('amount_mismatch', { expected: '1' });
    given(bothOffered())
      .when(acceptance('client', '1', { isGood: false }))
      .thenRefused('invalid_signature');
  });

  it('decides an acceptance on the offers it was verified for, not on later ones', () => {
    const before = bothOffered();
    const verified = acceptance('client', '1')(before);
    // The same average of two other offers.
    const after = given(before).when(offer('client', '0.9'), offer('provider', '1.1')).then({});
    expect(acceptLines(after, 'client', micro('1'))).not.toBe(acceptLines(before, 'client', micro('1')));
    given(after).when(verified).thenMoved();
  });

  it('ends with a rejection', () => {
    const state = given(bothOffered())
      .when(rejection('provider'))
      .then({ type: 'rejected', rejection: { by: 'provider', reason: 'too dear' } });
    expect(state.status).toBe('rejected');
  });

  it.each<[string, Negotiation]>([
    ['agreed', given(bothOffered()).when(acceptance('client', '1')).then({})],
    ['rejected', given(bothOffered()).when(rejection('client')).then({})],
    ['expired', { ...bothOffered(), status: 'expired' }],
    // Its deadline was not handled yet.
    ['expired', { ...bothOffered(), expiresAtMs: NOW_MS }],
  ])('takes nothing once it is %s', (status, ended) => {
    for (const command of [offer('client', '0.7'), acceptance('client', '9'), rejection('provider', 'no more')]) {
      given(ended).when(command).thenRefused('session_closed', { status });
    }
  });

  it('is open until the very millisecond', () => {
    given(negotiation({ expiresAtMs: NOW_MS + 1 }))
      .when(offer('client', '1'))
      .then({ type: 'offer_made' });
  });

  it('expires once', () => {
    const expire: Command = { type: 'expire' };
    given(negotiation()).when(expire).thenRepeated();
    const state = given(negotiation({ expiresAtMs: NOW_MS }))
      .when(expire)
      .then({ type: 'expired' });
    expect(state.status).toBe('expired');
    given(state).when(expire).thenRepeated();
    const agreed = given(bothOffered()).when(acceptance('client', '1')).then({});
    given({ ...agreed, expiresAtMs: NOW_MS })
      .when(expire)
      .thenRepeated();
  });
});

describe('a repeat', () => {
  it('is harmless, whatever has happened since', () => {
    const ended = given(bothOffered()).when(acceptance('client', '1')).then({});
    for (const state of [bothOffered(), ended]) {
      given(state).when(offer('client', '1')).thenRepeated();
      given(state).when(offer('provider', '1.000001')).thenRepeated();
    }
    given(ended).when(acceptance('client', '1')).thenRepeated();
    given(ended).when(rejection('client')).thenRefused('session_closed');
    const rejected = given(bothOffered()).when(rejection('client')).then({});
    given(rejected).when(rejection('client')).thenRepeated();
    given(rejected).when(rejection('client', 'another reason')).thenRefused('session_closed');
    given(rejected).when(rejection('provider')).thenRefused('session_closed');
  });

  it('of an offer that was replaced does not bring it back', () => {
    const state = given(negotiation()).when(offer('client', '0.1'), offer('client', '2')).then({});
    given(state).when(offer('client', '0.1')).thenRepeated();
    expect(given(state).when(offer('client', '0.1')).thenRepeated()).toBe(state);
    // Another signature over the same amount is no other offer.
    given(state)
      .when(offer('client', '0.1', { signature: 'another' }))
      .thenRepeated();
    given(state)
      .when(offer('client', '0.1', { signature: 'bad', isGood: false }))
      .thenRefused('invalid_signature');
    given(state).when(offer('provider', '0.1')).then({ type: 'offer_made' });
  });

  it('is not what another side or another signature sends', () => {
    const state = given(negotiation()).when(offer('client', '1')).then({});
    given(state)
      .when(offer('provider', '1', { signature: 'client offers 1' }))
      .then({ type: 'offer_made' });
    given(state)
      .when(offer('client', '1', { signature: 'another' }))
      .then({ type: 'offer_made' });
    given(state)
      .when(offer('client', '1.5', { signature: 'client offers 1', isGood: false }))
      .thenRefused('invalid_signature');
  });

  it('of its opening finds what is there', () => {
    const notices = [{ agentId: 'agent-7', id: 'notice-1' }];
    const open: Command = { type: 'open', terms, expiresInMs: 1_000, notices };
    const state = given(undefined).when(open).then({ type: 'opened' });
    expect(state).toMatchObject({ status: 'open', expiresAtMs: NOW_MS + 1_000, notices, noticesDueMs: null });
    given(state).when(open).thenRepeated();
    given(state)
      .when({ ...open, terms: { ...terms, registration: 'another' } })
      .thenRefused('conflict');
  });
});

describe('the notices of a negotiation', () => {
  const notices = [{ agentId: 'agent-7', id: 'notice-1' }];
  const dueMs = NOW_MS + 5_000;

  it('are to be acknowledged from its end on, however it ends, until that is done', () => {
    const state = negotiation({ notices, history: [] });
    const offered = given(given(state).when(offer('client', '1')).then({ type: 'offer_made' }))
      .when(offer('provider', '1.5'))
      .then({ type: 'offer_made' });
    expect(offered).toMatchObject({ noticesDueMs: null });
    const agreed = given(offered).when(acceptance('client', '1.25')).then({ type: 'agreed' });
    const rejected = given(state).when(rejection('client')).then({ type: 'rejected' });
    const expired = given(negotiation({ notices, expiresAtMs: NOW_MS }))
      .when({ type: 'expire' })
      .then({ type: 'expired' });
    for (const ended of [agreed, rejected, expired]) {
      expect(ended).toMatchObject({ noticesDueMs: dueMs });
      const settled = decide(ended, { type: 'notices_settled' }, NOW_MS);
      expect(settled).toMatchObject({ ok: true, state: { noticesDueMs: null } });
    }
    expect(
      given(negotiation({ notices: [] }))
        .when(rejection('client'))
        .then({ type: 'rejected' }),
    ).toMatchObject({
      noticesDueMs: null,
    });
  });
});

it('nothing happens in a negotiation that is not there', () => {
  for (const command of [rejection('client'), { type: 'expire' } as const, { type: 'notices_settled' } as const]) {
    given(undefined).when(command).thenRefused('not_found');
  }
});
