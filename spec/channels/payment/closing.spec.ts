import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import type { Topic } from '../../support/official_client.ts';
import { type Deal, newDeal, type PendingBody, reasonOf } from '../deals/party.ts';

onEveryDeployment('propose_close', (deployment) => {
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

  async function pay(nonce: number, after: readonly [string, string]) {
    const proposal = deal.proposal(deal.a, nonce, '1', after);
    const { pending } = await as.push<{ pending: PendingBody }>('propose_transfer', proposal);
    await bs.push('acknowledge_transfer', deal.acknowledgement(pending));
  }
  const standing = async () => (await deal.read()).proposed_close;

  it('brings one side’s signature to the other, who closes with it', async () => {
    await pay(1, ['9', '6']);
    const proposal = deal.finals(deal.a, 1, ['8.5', '6.5']);
    const proposed_close = { by: deal.a.id, ...proposal, at: expect.any(String) };
    expect(await as.push('propose_close', { ...proposal, final_balance_a: '8.50' })).toEqual({ proposed_close });
    await eventually(() => expect(bs.events('propose_close')).toEqual([proposed_close]));
    expect(as.events('propose_close')).toEqual([]);
    expect(await standing()).toEqual(proposed_close);
    expect(await (await deal.b.join(deal.topic)).joined).toMatchObject({ channel: { status: 'open', proposed_close } });
    expect(await as.push('propose_close', proposal)).toEqual({ proposed_close, duplicate: true });

    const signature_b = deal.finals(deal.b, 1, ['8.5', '6.5']).signature;
    const closing = { final_balance_a: '8.5', final_balance_b: '6.5', signature_a: proposal.signature, signature_b };
    expect(await bs.push('close', closing)).toMatchObject({
      channel: { status: 'closed', proposed_close: null, closing: { ...closing, nonce: 1 } },
    });
    await eventually(() => expect(as.events('channel_closed')).toMatchObject([{ reason: 'cooperative', nonce: 1 }]));
    // A repeat is one for good, another is too late.
    expect(await as.push('propose_close', proposal)).toMatchObject({ proposed_close: null, duplicate: true });
    expect(await reasonOf(as.push('propose_close', deal.finals(deal.a, 1, ['9', '6'])))).toBe('channel_closed');
    expect(bs.events('propose_close')).toHaveLength(1);
  });

  it('closes by itself when it is what the other side has proposed', async () => {
    const { pending } = await as.push<{ pending: PendingBody }>(
      'propose_transfer',
      deal.proposal(deal.a, 1, '1', ['9', '6']),
    );
    const [mine, theirs] = [deal.finals(deal.a, 0, ['7', '8']), deal.finals(deal.b, 0, ['7', '8'])];
    await as.push('propose_close', mine);
    const closed = await bs.push('propose_close', theirs);
    const closing = { signature_a: mine.signature, signature_b: theirs.signature, nonce: 0, reason: 'cooperative' };
    const channel = { status: 'closed', balance_a: '7', balance_b: '8', pending: null, closing };
    expect(closed).toMatchObject({ proposed_close: null, channel });
    for (const topic of [as, bs]) await eventually(() => expect(topic.events('channel_closed')).toHaveLength(1));
    expect(await bs.push('propose_close', theirs)).toMatchObject({ channel, duplicate: true });
    expect(await as.push('propose_close', mine)).toMatchObject({ channel, duplicate: true });
    expect(bs.events('propose_close')).toHaveLength(1);
    expect(as.events('propose_close')).toEqual([]);
    expect(await deal.history()).toMatchObject([{ nonce: pending.nonce, burned: true, reason: 'close' }]);
  });

  it('stands as the newest of both sides; what came before comes back only as an agreement', async () => {
    const [first, second] = [deal.finals(deal.a, 0, ['7', '8']), deal.finals(deal.b, 0, ['6', '9'])];
    await as.push('propose_close', first);
    await bs.push('propose_close', second);
    expect(await standing()).toMatchObject({ by: deal.b.id, final_balance_a: '6' });
    expect(await as.push('propose_close', first)).toMatchObject({
      proposed_close: { by: deal.b.id, final_balance_a: '6' },
      duplicate: true,
      superseded: true,
    });
    await bs.push('propose_close', deal.finals(deal.b, 0, ['5', '10']));
    await as.push('propose_close', deal.finals(deal.a, 0, ['6', '9']));
    expect(await standing()).toMatchObject({ by: deal.a.id, final_balance_a: '6' });
    // B has signed this before, and now A has: it is agreed, though B only sends it again.
    expect(await bs.push('propose_close', second)).toMatchObject({ channel: { status: 'closed', balance_a: '6' } });
  });

  it('is void once the nonce has moved', async () => {
    const [mine, theirs] = [deal.finals(deal.a, 0, ['7', '8']), deal.finals(deal.b, 0, ['7', '8'])];
    await as.push('propose_close', mine);
    await pay(1, ['9', '6']);
    expect(await standing()).toBeNull();
    const late = bs.push('propose_close', theirs);
    await expect(late).rejects.toMatchObject({ reason: 'invalid_nonce', details: { expected: 1 } });
    const closing = { ...deal.closing(0, ['7', '8']) };
    expect(await reasonOf(bs.push('close', closing))).toBe('invalid_signature');
    expect(await as.push('propose_close', mine)).toEqual({ proposed_close: null, duplicate: true, superseded: true });
  });

  it('names the newest state that a dispute has shown, and counts in it', async () => {
    await pay(1, ['9', '6']);
    const [old, kept] = [deal.finals(deal.a, 1, ['9', '6']), deal.closing(1, ['9', '6'])];
    await as.push('propose_close', old);
    await as.push('dispute', { reason: 'gone', evidence: {} });
    expect(await standing()).toMatchObject({ nonce: 1 });
    await bs.push('dispute', { reason: 'look', evidence: deal.evidence(deal.a, 4, '3', ['3', '12']) });
    expect(await deal.read()).toMatchObject({ proposed_close: null, nonce: 1, last_state: { nonce: 4 } });
    expect(await reasonOf(bs.push('close', kept))).toBe('invalid_signature');
    const again = as.push('propose_close', deal.finals(deal.a, 1, ['8', '7']));
    await expect(again).rejects.toMatchObject({ reason: 'invalid_nonce', details: { expected: 4 } });
    await as.push('propose_close', deal.finals(deal.a, 4, ['4', '11']));
    expect(await bs.push('close', deal.closing(4, ['4', '11']))).toMatchObject({
      channel: { status: 'closed', closing: { nonce: 4, reason: 'cooperative' }, balance_a: '4' },
    });
  });

  it('is refused where it is not right, from left to right', async () => {
    const good = deal.finals(deal.a, 0, ['7', '8']);
    const more = deal.finals(deal.a, 0, ['7', '9']);
    const cases: [object, string, object | undefined][] = [
      [{ ...more, nonce: 1, signature: 'x' }, 'invalid_nonce', { expected: 0 }],
      [{ ...more, signature: 'x' }, 'balance_mismatch', { expected: '15' }],
      [more, 'balance_mismatch', { expected: '15' }],
      [{ ...good, signature: deal.finals(deal.b, 0, ['7', '8']).signature }, 'invalid_signature', undefined],
      [{ ...good, signature: deal.finals(deal.a, 1, ['7', '8']).signature }, 'invalid_signature', undefined],
      [{ ...good, signature: deal.closing(0, ['8', '7']).signature_a }, 'invalid_signature', undefined],
      [{ ...good, nonce: -1 }, 'invalid_payload', undefined],
      [{ ...good, nonce: '0' }, 'invalid_payload', undefined],
      [{ ...good, final_balance_a: '-7' }, 'invalid_payload', undefined],
      [{ ...good, signature: undefined }, 'invalid_payload', undefined],
    ];
    for (const [payload, reason, details] of cases) {
      const refused = await as.push('propose_close', payload).catch((refusal: unknown) => refusal);
      expect([payload, refused]).toMatchObject([payload, { reason, ...(details && { details }) }]);
    }
    expect(await standing()).toBeNull();
    expect(bs.heard).toEqual([]);
  });

  it('of everything to one side is possible', async () => {
    await as.push('propose_close', deal.finals(deal.a, 0, ['0', '15']));
    expect(await bs.push('propose_close', deal.finals(deal.b, 0, ['0', '15']))).toMatchObject({
      channel: { balance_a: '0', balance_b: '15' },
    });
  });
});
