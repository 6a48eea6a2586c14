import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import type { Topic } from '../../support/official_client.ts';
import { stopwatch } from '../../support/stopwatch.ts';
import { type ChannelBody, type Deal, newDeal, Party, type PendingBody, reasonOf } from '../deals/party.ts';

onEveryDeployment('payment:{id}', (deployment) => {
  let deal: Deal;
  let as: Topic;
  let bs: Topic;
  async function begin(fields: object = {}) {
    deal = await newDeal(deployment(), fields);
    as = await deal.a.join(deal.topic);
    bs = await deal.b.join(deal.topic);
  }
  beforeEach(() => begin());
  afterEach(() => Promise.all([deal.a.leave(), deal.b.leave()]));

  /** A transfer of 2 from a to b, executed. */
  async function pay() {
    const { pending } = await as.push<{ pending: PendingBody }>(
      'propose_transfer',
      deal.proposal(deal.a, 1, '2', ['8', '7']),
    );
    const acknowledgement = deal.acknowledgement(pending);
    await bs.push('acknowledge_transfer', acknowledgement);
    return { pending, acknowledgement };
  }

  it('moves money that both have signed for, and tells both', async () => {
    expect(await as.joined).toEqual({
      channel: {
        id: deal.channelId,
        agent_a: deal.a.id,
        agent_b: deal.b.id,
        deposit_a: '10',
        deposit_b: '5',
        balance_a: '10',
        balance_b: '5',
        nonce: 0,
        next_nonce: 1,
        pending: null,
        status: 'open',
        proposed_close: null,
        challenge_period_ms: 3_600_000,
        challenge_ends_at: null,
        last_state: null,
        dispute: null,
        opened_at: expect.any(String),
        closing: null,
        proposed_by: null,
        proposal_expires_at: null,
        open_signature_a: null,
        open_signature_b: null,
      },
    });
    const proposal = deal.proposal(deal.a, 1, '2', ['8', '7']);
    const pending = { from: deal.a.id, to: deal.b.id, ...proposal, balance_a: '8', balance_b: '7' };
    expect(await as.push('propose_transfer', proposal)).toEqual({ pending });
    await eventually(() => expect(bs.events('propose_transfer')).toEqual([pending]));
    expect(as.events('propose_transfer')).toEqual([]);
    expect(await as.push('propose_transfer', { ...proposal, amount: 2 })).toEqual({ pending, duplicate: true });
    expect((await deal.read()).pending).toEqual(pending);

    const acknowledgement = deal.acknowledgement(pending);
    const { channel } = await bs.push<{ channel: ChannelBody }>('acknowledge_transfer', acknowledgement);
    const state = {
      nonce: 1,
      from: deal.a.id,
      to: deal.b.id,
      amount: '2',
      balance_a: '8',
      balance_b: '7',
      signature_a: proposal.signature,
      signature_b: acknowledgement.signature,
    };
    expect(channel).toMatchObject({ balance_a: '8', balance_b: '7', nonce: 1, next_nonce: 2, last_state: state });
    for (const topic of [as, bs]) await eventually(() => expect(topic.events('transfer_complete')).toEqual([state]));

    expect(await bs.push('acknowledge_transfer', acknowledgement)).toEqual({ channel, duplicate: true });
    expect(await as.push('propose_transfer', proposal)).toEqual({ pending, duplicate: true });
    expect(await deal.history()).toEqual([{ ...state, at: expect.any(String) }]);
    expect(as.events('transfer_complete')).toHaveLength(1);
    expect(bs.events('propose_transfer')).toHaveLength(1);
  });

  it('burns the nonce of a rejected transfer', async () => {
    const proposal = deal.proposal(deal.a, 1, '2', ['8', '7']);
    await as.push('propose_transfer', proposal);
    expect(await bs.push('reject_transfer', { reason: 'why?' })).toMatchObject({
      channel: { pending: null, nonce: 0 },
    });
    await eventually(() => expect(as.events('reject_transfer')).toEqual([{ nonce: 1, reason: 'why?', by: deal.b.id }]));
    expect(await bs.push('reject_transfer', { reason: 'why?', nonce: 1 })).toMatchObject({ duplicate: true });
    const again = as.push('propose_transfer', proposal);
    await expect(again).rejects.toMatchObject({ reason: 'invalid_nonce', details: { expected: 2 } });
    const evidence = deal.evidence(deal.a, 1, '2', ['8', '7']);
    expect(await reasonOf(bs.push('dispute', { reason: 'mine', evidence }))).toBe('invalid_evidence');
    expect(await deal.history()).toEqual([
      { nonce: 1, burned: true, by: deal.b.id, reason: 'why?', at: expect.any(String) },
    ]);
  });

  it('pages through all of history', async () => {
    for (let nonce = 1; nonce <= 16; nonce++) {
      const { balance_a: a, balance_b: b } = await deal.read();
      const after = [`${Number(a) - 0.25}`, `${Number(b) + 0.25}`] as const;
      const { pending } = await as.push<{ pending: PendingBody }>(
        'propose_transfer',
        deal.proposal(deal.a, nonce, '0.25', after),
      );
      if (nonce % 3 === 0) await as.push('reject_transfer', { reason: 'changed my mind', nonce });
      else await bs.push('acknowledge_transfer', deal.acknowledgement(pending));
    }
    const items = await deal.history();
    expect(items.map(({ nonce }) => nonce)).toEqual(Array.from({ length: 16 }, (_, at) => at + 1));
    expect(items.filter(({ burned }) => burned).map(({ nonce }) => nonce)).toEqual([3, 6, 9, 12, 15]);
    for (const query of ['limit=0', 'limit=501', 'limit=x', 'after=-1', 'after=1.5']) {
      const path = `/api/payment_channels/${deal.channelId}/history?${query}`;
      expect(await deal.a.call('GET', path)).toMatchObject({ status: 400, body: { reason: 'invalid_payload' } });
    }
  });

  it('refuses a signature from any other place', async () => {
    const other = await newDeal(deployment());
    const foreign = new Party(deal.a.node, deal.a.agent, 'another');
    const after = ['8', '7'] as const;
    const wrong = {
      'another channel': other.state(deal.a, other.a, 1, '2', after),
      'another nonce': deal.state(deal.a, deal.a, 2, '2', after),
      'another amount': deal.state(deal.a, deal.a, 1, '2.000001', after),
      'other balances': deal.state(deal.a, deal.a, 1, '2', ['7', '8']),
      'the other way': deal.state(deal.a, deal.b, 1, '2', after),
      'the other side': deal.state(deal.b, deal.a, 1, '2', after),
      'another network': deal.state(foreign, deal.a, 1, '2', after),
      'another purpose': deal.closing(1, ['8', '7']).signature_a,
    };
    for (const [name, signature] of Object.entries(wrong)) {
      const answer = reasonOf(as.push('propose_transfer', { amount: '2', nonce: 1, signature }));
      expect([name, await answer]).toEqual([name, 'invalid_signature']);
    }
    const { pending } = await as.push<{ pending: PendingBody }>(
      'propose_transfer',
      deal.proposal(deal.a, 1, '2', after),
    );
    for (const signature of [
      pending.signature,
      ...Object.values(wrong).filter((one) => one !== wrong['the other side']),
    ]) {
      const answer = reasonOf(bs.push('acknowledge_transfer', { amount: '2', nonce: 1, signature }));
      expect(await answer).toBe('invalid_signature');
    }
    expect(await deal.read()).toMatchObject({ balance_a: '10', nonce: 0 });
  });

  it('closes as both have signed', async () => {
    await pay();
    const closing = deal.closing(1, ['9', '6']);
    const swapped = { ...closing, signature_a: closing.signature_b, signature_b: closing.signature_a };
    expect(await reasonOf(as.push('close', swapped))).toBe('invalid_signature');
    expect(await reasonOf(as.push('close', deal.closing(0, ['9', '6'])))).toBe('invalid_signature');
    const more = as.push('close', deal.closing(1, ['9', '6.000001']));
    await expect(more).rejects.toMatchObject({ reason: 'balance_mismatch', details: { expected: '15' } });
    expect(await as.push('close', closing)).toMatchObject({
      channel: { status: 'closed', balance_a: '9', closing: { reason: 'cooperative', ...closing, nonce: 1 } },
    });
    const told = { final_balance_a: '9', final_balance_b: '6', nonce: 1, reason: 'cooperative' };
    for (const topic of [as, bs]) {
      await eventually(() =>
        expect(topic.events('channel_closed')).toEqual([{ ...told, closed_at: expect.any(String) }]),
      );
    }
    expect(await as.push('close', closing)).toMatchObject({ duplicate: true });
    expect(await reasonOf(bs.push('close', closing))).toBe('channel_closed');
    expect(await reasonOf(as.push('propose_transfer', deal.proposal(deal.a, 2, '1', ['8', '7'])))).toBe(
      'channel_closed',
    );
  });

  it('settles a dispute by the newest state that both have signed, on time', async () => {
    await deal.a.leave();
    await deal.b.leave();
    await begin({ challenge_period_ms: 2_000 });
    await pay();
    const opened = await as.push<{ channel: ChannelBody }>('dispute', { reason: 'gone', evidence: { note: 'x' } });
    const elapsedMs = stopwatch(deployment().here.pid, deployment().there.pid);
    expect(opened.channel).toMatchObject({ status: 'disputed', challenge_ends_at: expect.any(String) });
    const leftMs = Date.parse(opened.channel.challenge_ends_at ?? '') - Date.now();
    const told = { opened_by: deal.a.id, reason: 'gone', evidence: { note: 'x' }, nonce: 1 };
    await eventually(() => expect(bs.events('dispute')).toMatchObject([told]));
    expect(await reasonOf(as.push('propose_transfer', deal.proposal(deal.a, 2, '1', ['7', '8'])))).toBe(
      'channel_disputed',
    );

    const newer = { reason: 'look', evidence: deal.evidence(deal.a, 4, '3', ['3', '12']) };
    const path = `/api/payment_channels/${deal.channelId}/evidence`;
    await deployment().here.call('PATCH', `/api/agents/${deal.b.id}`, ADMIN_TOKEN, { status: 'suspended' });
    expect(await deal.b.call('POST', path, newer)).toMatchObject({ status: 200 });
    expect(await deal.b.call('POST', path, newer)).toMatchObject({ status: 200, body: { duplicate: true } });
    await eventually(() => expect(as.events('dispute')).toMatchObject([told, { nonce: 4 }]));
    const older = { reason: 'no', evidence: deal.evidence(deal.a, 3, '3', ['15', '0']) };
    expect(await as.push('dispute', older)).toMatchObject({ channel: { last_state: { nonce: 4 } } });
    const forged = { reason: 'no', evidence: deal.evidence(deal.a, 9, '3', ['16', '0']) };
    expect(await reasonOf(as.push('dispute', forged))).toBe('invalid_evidence');
    const half = deal.evidence(deal.a, 9, '3', ['15', '0']);
    half.state.signature_b = half.state.signature_a;
    expect(await deal.a.call('POST', path, { reason: 'no', evidence: half })).toMatchObject({
      status: 400,
      body: { reason: 'invalid_evidence' },
    });

    const closed = { final_balance_a: '3', final_balance_b: '12', nonce: 4, reason: 'dispute' };
    await eventually(() => expect(as.events('channel_closed')).toMatchObject([closed]));
    expect(elapsedMs()).toBeLessThan(leftMs + 2_000);
    expect(await deal.read()).toMatchObject({ status: 'closed', closing: closed, balance_a: '3', balance_b: '12' });
    expect(await deal.b.call('GET', `/api/payment_channels/${deal.channelId}`)).toMatchObject({ status: 200 });
  });

  it.each([
    ['propose_transfer', { amount: '0', nonce: 1, signature: 'x' }],
    ['propose_transfer', { amount: '1', nonce: '1', signature: 'x' }],
    ['propose_transfer', { amount: '1', nonce: 1.5, signature: 'x' }],
    ['propose_transfer', { amount: '1', nonce: 2 ** 53, signature: 'x' }],
    ['acknowledge_transfer', { amount: '1', nonce: -1, signature: 'x' }],
    ['reject_transfer', {}],
    ['dispute', { reason: 'x' }],
    ['dispute', { reason: 'x', evidence: null }],
    ['close', { final_balance_a: '1', final_balance_b: '14', signature_a: 'x' }],
    ['close', { final_balance_a: '-1', final_balance_b: '16', signature_a: 'x', signature_b: 'x' }],
  ])('refuses %s %j', async (event, payload) => {
    expect(await reasonOf(as.push(event, payload))).toBe('invalid_payload');
  });

  it('takes evidence up to 16 KiB', async () => {
    const evidence = { note: 'x'.repeat(16 * 1_024 - 11) };
    expect(Buffer.byteLength(JSON.stringify(evidence))).toBe(16 * 1_024);
    const tooMuch = { reason: 'x', evidence: { note: `${evidence.note}x` } };
    expect(await reasonOf(as.push('dispute', tooMuch))).toBe('payload_too_large');
    expect(await reasonOf(as.push('dispute', { reason: 'x', evidence: { state: { nonce: 'x' } } }))).toBe(
      'invalid_evidence',
    );
    expect(await as.push('dispute', { reason: 'x', evidence })).toMatchObject({ channel: { status: 'disputed' } });
    const late = await deal.a.join(deal.topic);
    expect(await late.joined).toMatchObject({ channel: { dispute: { evidence, opened_by: deal.a.id } } });
  });

  it('lets nobody else in', async () => {
    const stranger = await Party.at(deployment().here, deployment().networkId);
    expect(await reasonOf(stranger.join(deal.topic))).toBe('unauthorized');
    expect(await reasonOf(stranger.join('payment:nothing'))).toBe('not_found');
    const path = `/api/payment_channels/${deal.channelId}`;
    for (const call of [
      stranger.call('GET', path),
      stranger.call('GET', `${path}/history`),
      stranger.call('POST', `${path}/evidence`, { reason: 'x', evidence: {} }),
    ]) {
      expect(await call).toMatchObject({ status: 403 });
    }
    expect(await stranger.call('GET', '/api/payment_channels/nothing')).toMatchObject({ status: 404 });
    await stranger.leave();
  });

  it('is opened by the admin, or by one of the two with both signatures', async () => {
    const { a, b } = deal;
    const id = `pay-${a.id}`;
    const fields = { id, agent_a: a.id, agent_b: b.id, deposit_a: 1.5, deposit_b: '0' };
    const signed = {
      channel_id: id,
      agent_a: a.id,
      agent_b: b.id,
      deposit_a: '1.5',
      deposit_b: '0',
      challenge_period_ms: 3_600_000,
    };
    const [signature_a, signature_b] = [a.sign('payment.open', signed), b.sign('payment.open', signed)];
    const open = (more: object, by = a) =>
      by.call<{ reason: string }>('POST', '/api/payment_channels', { ...fields, signature_a, signature_b, ...more });
    const stranger = await Party.at(a.node, a.networkId);

    expect((await open({ signature_a: null, signature_b: null })).status).toBe(403);
    expect((await open({ signature_a: null })).status).toBe(400);
    expect((await open({ id: null })).status).toBe(400);
    expect((await open({ agent_b: a.id })).status).toBe(400);
    expect((await open({ deposit_a: '-1' })).status).toBe(400);
    expect((await open({}, stranger)).status).toBe(403);
    for (const more of [
      { deposit_a: '1.4' },
      { id: `${id}-2` },
      { challenge_period_ms: 1_000 },
      { signature_b: signature_a },
    ]) {
      expect(await open(more)).toMatchObject({ status: 400, body: { reason: 'invalid_signature' } });
    }
    expect((await open({})).status).toBe(201);
    expect((await open({ deposit_a: '1.50' })).status).toBe(200);
    expect((await open({}, b)).status).toBe(409);
    expect((await open({ deposit_b: '1' })).status).toBe(409);
    const admin = (more: object) =>
      a.node.call('POST', '/api/payment_channels', ADMIN_TOKEN, { ...fields, id: `${id}-3`, ...more });
    expect((await admin({ agent_a: 'nobody' })).status).toBe(404);
    expect((await admin({ challenge_period_ms: 999 })).status).toBe(400);
    expect((await admin({})).status).toBe(201);
    await a.node.call('PATCH', `/api/agents/${b.id}`, ADMIN_TOKEN, { status: 'suspended' });
    expect((await admin({ id: `${id}-4` })).status).toBe(403);
    expect((await open({ id: `${id}-5` }, b)).status).toBe(403);
  });

  it('holds sums that are longer than an amount', async () => {
    const most = '999999999.999999';
    const large = await newDeal(deployment(), { deposit_a: most, deposit_b: most });
    const topic = await large.a.join(large.topic);
    const others = await large.b.join(large.topic);
    const after = ['0', '1999999999.999998'] as const;
    const { pending } = await topic.push<{ pending: PendingBody }>(
      'propose_transfer',
      large.proposal(large.a, 1, most, after),
    );
    await others.push('acknowledge_transfer', large.acknowledgement(pending));
    expect(await others.push('close', large.closing(1, after))).toMatchObject({ channel: { balance_b: after[1] } });
    await Promise.all([large.a.leave(), large.b.leave()]);
  });
});
