import { MAX_STANDING } from '../../../channels/payment/standing_proposals.ts';
import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import { newOffer, Offer } from '../deals/offered.ts';
import { Deal, Party, reasonOf } from '../deals/party.ts';
import { idsOf } from '../lists/people.ts';

interface Notice {
  readonly type: string;
  readonly status: string;
}

onEveryDeployment('a payment channel that one side proposes', (deployment) => {
  let offer: Offer;
  beforeEach(async () => {
    offer = await newOffer(deployment());
  });
  afterEach(() => Promise.all([offer.a.leave(), offer.b.leave()]));

  const notices = async (of: Party): Promise<Notice[]> => {
    const { body } = await of.call<{ messages: Notice[] }>('GET', '/api/messages?box=in');
    return body.messages.filter(({ type }) => type === 'aerie.payment_channel');
  };
  const refusal = (status: number, reason: string, details?: object) =>
    expect.objectContaining({ status, body: expect.objectContaining({ reason, ...(details && { details }) }) });

  it('is there for both, and no money can move on it', async () => {
    const { a, b } = offer;
    const made = await offer.post(a);
    const proposed = {
      id: offer.id,
      agent_a: a.id,
      agent_b: b.id,
      deposit_a: '10',
      deposit_b: '5',
      balance_a: '10',
      balance_b: '5',
      nonce: 0,
      next_nonce: 1,
      pending: null,
      status: 'proposed',
      proposed_close: null,
      challenge_period_ms: 60_000,
      challenge_ends_at: null,
      last_state: null,
      dispute: null,
      opened_at: null,
      closing: null,
      proposed_by: a.id,
      proposal_expires_at: expect.any(String),
      open_signature_a: offer.sign(a),
      open_signature_b: null,
    };
    expect(made).toEqual(expect.objectContaining({ status: 201, body: { channel: proposed } }));
    expect(Date.parse(made.body.channel.proposal_expires_at ?? '') - Date.now()).toBeGreaterThan(23 * 3_600_000);
    const [as, bs] = [await a.join(offer.topic), await b.join(offer.topic)];
    for (const topic of [as, bs]) expect(await topic.joined).toEqual({ channel: proposed });
    expect(await b.call('GET', `/api/payment_channels/${offer.id}/history`)).toMatchObject({ body: { items: [] } });

    const deal = new Deal(a, b, offer.id);
    const evidence = deal.evidence(a, 1, '2', ['8', '7']);
    const { signature_a: signature, signature_b: _, ...final } = deal.closing(0, ['10', '5']);
    for (const [event, payload] of [
      ['propose_transfer', deal.proposal(a, 1, '2', ['8', '7'])],
      ['acknowledge_transfer', deal.proposal(a, 1, '2', ['8', '7'])],
      ['reject_transfer', { reason: 'no' }],
      ['dispute', { reason: 'mine', evidence }],
      ['propose_close', { ...final, nonce: 0, signature }],
      ['close', deal.closing(0, ['10', '5'])],
    ] as const) {
      expect([event, await reasonOf(as.push(event, payload))]).toEqual([event, 'channel_not_open']);
    }
    const path = `/api/payment_channels/${offer.id}/evidence`;
    expect(await b.call('POST', path, { reason: 'x', evidence })).toEqual(refusal(409, 'channel_not_open'));
    expect(await offer.read(b)).toEqual(proposed);
  });

  it('is opened by the other side’s signature, which both are told, and then pays', async () => {
    const { a, b } = offer;
    await offer.post(b);
    const [as, bs] = [await a.join(offer.topic), await b.join(offer.topic)];
    const opened = await offer.post(a, { ...offer.signedBy(a), deposit_a: '10.0' });
    expect(opened).toMatchObject({
      status: 201,
      body: {
        channel: {
          ...{ status: 'open', proposed_by: b.id, proposal_expires_at: null, opened_at: expect.any(String) },
          ...{ open_signature_a: offer.sign(a), open_signature_b: offer.sign(b) },
        },
      },
    });
    const { channel } = opened.body;
    for (const topic of [as, bs]) await eventually(() => expect(topic.events('channel_opened')).toEqual([{ channel }]));
    // Whoever comes again gets what exists, with its own signature or with both.
    for (const answer of [await offer.post(a), await offer.post(b), await offer.post(a, offer.signedByBoth)]) {
      expect(answer).toMatchObject({ status: 200, body: { channel } });
    }
    const deal = new Deal(a, b, offer.id);
    const { pending } = await as.push<{ pending: never }>('propose_transfer', deal.proposal(a, 1, '2', ['8', '7']));
    await bs.push('acknowledge_transfer', deal.acknowledgement(pending));
    expect(await offer.post(b)).toMatchObject({ status: 200, body: { channel: { nonce: 1, balance_a: '8' } } });
    expect(as.events('channel_opened')).toHaveLength(1);
  });

  it('tells the other side of it once, and that counts as acknowledged when it has ended', async () => {
    const { a, b } = offer;
    for (let times = 0; times < 3; times++) await offer.post(a);
    expect(await notices(b)).toMatchObject([{ status: 'pending' }]);
    await offer.post(b);
    expect([await notices(a), (await notices(b)).length]).toEqual([[], 1]);
    const deal = new Deal(a, b, offer.id);
    await (await a.join(offer.topic)).push('close', deal.closing(0, ['10', '5']));
    expect(await notices(b)).toMatchObject([{ status: 'acknowledged' }]);

    const withdrawn = offer.other();
    await withdrawn.post(a);
    expect((await notices(b)).map(({ status }) => status)).toEqual(['pending', 'acknowledged']);
    await withdrawn.withdraw(b);
    expect((await notices(b)).map(({ status }) => status)).toEqual(['acknowledged', 'acknowledged']);
  });

  it('keeps what both agreed to: other terms, other signatures and others are refused', async () => {
    const { a, b } = offer;
    const stranger = await Party.at(a.node, a.networkId);
    expect(await offer.post(a, offer.terms)).toEqual(refusal(403, 'forbidden', { field: 'signature_a' }));
    expect(await offer.post(a, offer.signedBy(b))).toEqual(refusal(400, 'invalid_signature', { field: 'signature_a' }));
    expect(await offer.post(a, { ...offer.terms, signature_a: offer.sign(b) })).toEqual(
      refusal(400, 'invalid_signature'),
    );
    expect(await offer.post(a, { ...offer.signedBy(a), id: null })).toMatchObject({ status: 400 });
    expect((await a.call('GET', `/api/payment_channels/${offer.id}`)).status).toBe(404);
    expect((await offer.post(a)).status).toBe(201);

    expect((await offer.post(a)).status).toBe(200);
    expect(await offer.post(a, { ...offer.signedBy(a), signature_a: 'x' })).toEqual(refusal(400, 'invalid_signature'));
    expect(await offer.post(b, { ...offer.signedBy(b), signature_b: offer.sign(a) })).toEqual(
      refusal(400, 'invalid_signature'),
    );
    // With a signature of the other side that is not good nothing is opened, though that side has signed before.
    expect(await offer.post(b, { ...offer.signedByBoth, signature_a: offer.sign(b) })).toEqual(
      refusal(400, 'invalid_signature'),
    );
    for (const fields of [{ deposit_a: '11' }, { deposit_b: '4' }, { challenge_period_ms: 60_001 }]) {
      const other = new Offer(a, b, { id: offer.id, ...fields });
      expect([fields, await other.post(b)]).toEqual([fields, refusal(409, 'conflict')]);
    }
    const swapped = new Offer(b, a, { id: offer.id });
    expect(await swapped.post(b)).toEqual(refusal(409, 'conflict'));
    for (const body of [offer.terms, offer.signedByBoth]) {
      expect(await a.node.call('POST', '/api/payment_channels', ADMIN_TOKEN, body)).toEqual(refusal(409, 'conflict'));
    }
    expect(await offer.post(stranger, offer.signedByBoth)).toEqual(refusal(403, 'forbidden'));
    expect(await offer.withdraw(stranger)).toEqual(refusal(403, 'forbidden'));
    expect((await stranger.call('GET', `/api/payment_channels/${offer.id}`)).status).toBe(403);
    expect(await reasonOf(stranger.join(offer.topic))).toBe('unauthorized');
    expect(await offer.other().withdraw(a)).toEqual(refusal(404, 'not_found'));
    expect(await offer.read(a)).toMatchObject({ status: 'proposed', open_signature_b: null });
    expect((await offer.post(b, offer.signedByBoth)).status).toBe(201);
    expect(await offer.post(b, { ...offer.signedBy(b), signature_b: 'x' })).toEqual(refusal(400, 'invalid_signature'));
    expect(await a.node.call('POST', '/api/payment_channels', ADMIN_TOKEN, offer.terms)).toEqual(
      refusal(409, 'conflict'),
    );
    await stranger.leave();
  });

  it('that was opened at once with both signatures is found by either with its own', async () => {
    const { a, b } = offer;
    expect(await offer.post(b, offer.signedByBoth)).toMatchObject({
      status: 201,
      body: { channel: { status: 'open', proposed_by: null, open_signature_a: offer.sign(a) } },
    });
    for (const by of [a, b]) expect((await offer.post(by)).status).toBe(200);
    expect(await new Offer(a, b, { id: offer.id, deposit_a: '9' }).post(a)).toEqual(refusal(409, 'conflict'));
  });

  it.each(['a', 'b', 'the admin'] as const)('is withdrawn by %s, for good', async (who) => {
    const { a, b } = offer;
    const path = `/api/payment_channels/${offer.id}`;
    await offer.post(a);
    const topic = await b.join(offer.topic);
    const withdraw = () =>
      who === 'the admin' ? a.node.call('DELETE', path, ADMIN_TOKEN) : offer.withdraw(offer[who]);
    expect((await withdraw()).status).toBe(204);
    expect((await withdraw()).status).toBe(204);
    const closed = {
      final_balance_a: '10',
      final_balance_b: '5',
      nonce: 0,
      reason: 'withdrawn',
      closed_at: expect.any(String),
    };
    await eventually(() => expect(topic.events('channel_closed')).toEqual([closed]));
    expect(await offer.read(a)).toMatchObject({
      ...{ status: 'closed', closing: closed, opened_at: null, proposal_expires_at: null },
      ...{ balance_a: '10', balance_b: '5', proposed_by: a.id },
    });
    for (const by of [a, b]) {
      expect(await offer.post(by)).toEqual(refusal(409, 'channel_closed', { reason: 'withdrawn' }));
    }
    expect(await reasonOf(topic.push('reject_transfer', { reason: 'x' }))).toBe('channel_closed');
    expect(await (await a.join(offer.topic)).joined).toMatchObject({ channel: { status: 'closed' } });
    expect(topic.events('channel_closed')).toHaveLength(1);
  });

  it('cannot be withdrawn once it is open', async () => {
    const { a, b } = offer;
    await offer.post(a);
    await offer.post(b);
    for (const by of [a, b]) expect(await offer.withdraw(by)).toEqual(refusal(409, 'conflict'));
    expect(await offer.read(a)).toMatchObject({ status: 'open' });
  });

  it('is neither made with nor opened for an agent that is suspended', async () => {
    const { a, b } = offer;
    const suspend = (status: string) => a.node.call('PATCH', `/api/agents/${a.id}`, ADMIN_TOKEN, { status });
    await offer.post(a);
    await suspend('suspended');
    expect(await offer.post(b)).toEqual(refusal(403, 'forbidden', { field: 'agent_a', status: 'suspended' }));
    expect(await offer.other().post(b)).toMatchObject({ status: 403 });
    expect(await offer.withdraw(a)).toMatchObject({ status: 403 });
    expect((await offer.read(a)).status).toBe('proposed');
    await suspend('active');
    expect((await offer.post(b)).status).toBe(201);
  });

  it('keeps its place in the lists of both when it is opened', async () => {
    const { a, b } = offer;
    const ids = (query = '') => idsOf(b.node, b.agent.apiKey, `/api/payment_channels${query}`, 'channels');
    const newer = offer.other();
    await offer.post(a);
    await newer.post(b, newer.signedByBoth);
    const withdrawn = offer.other();
    await withdrawn.post(b);
    expect(await ids()).toEqual([withdrawn.id, newer.id, offer.id]);
    expect(await ids('?limit=1')).toEqual([withdrawn.id, newer.id, offer.id]);
    expect(await ids('?status=proposed')).toEqual([withdrawn.id, offer.id]);
    await offer.post(b);
    await withdrawn.withdraw(b);
    expect(await ids('?limit=1')).toEqual([withdrawn.id, newer.id, offer.id]);
    expect(await ids('?status=proposed')).toEqual([]);
    expect(await ids('?status=open')).toEqual([newer.id, offer.id]);
    expect(await ids('?status=closed')).toEqual([withdrawn.id]);
    const all = await idsOf(a.node, ADMIN_TOKEN, '/api/payment_channels?limit=100', 'channels');
    expect(all.filter((id) => [offer.id, newer.id, withdrawn.id].includes(id))).toHaveLength(3);
  });

  it('stands at most a hundred times between one and one other, until some have ended', async () => {
    const { a, b } = offer;
    const there = a.moved(b.node);
    const offers = Array.from({ length: MAX_STANDING + 10 }, () => offer.other());
    const made = await Promise.all(offers.map((one, at) => one.post(at % 2 ? a : there)));
    const refused = made.flatMap(({ status }, at) => (status === 201 ? [] : [offers[at] as Offer]));
    expect(refused).toHaveLength(10);
    const [one = offer, other = offer] = refused;
    expect(await one.post(a)).toEqual(refusal(409, 'too_many_proposals', { limit: MAX_STANDING }));
    const standing = offers.filter((each) => !refused.includes(each));
    // The other way round is another count, a repeat and an opening need no room.
    expect((await other.post(b)).status).toBe(201);
    expect((await (standing[0] as Offer).post(there)).status).toBe(200);
    expect((await (standing[0] as Offer).post(b)).status).toBe(201);
    expect((await one.post(a)).status).toBe(201);
    await (standing[1] as Offer).withdraw(b);
    const last = refused[2] as Offer;
    expect((await last.post(there)).status).toBe(201);
    expect(await (refused[3] as Offer).post(a)).toEqual(refusal(409, 'too_many_proposals', { limit: MAX_STANDING }));
  }, 60_000);
});
