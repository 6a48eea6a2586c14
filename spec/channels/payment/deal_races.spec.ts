import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import type { Topic } from '../../support/official_client.ts';
import { newOffer, type Offer } from '../deals/offered.ts';
import { type Deal, newDeal, type Party, type PendingBody } from '../deals/party.ts';

const ROUNDS = 8;

onEveryDeployment('both sides of a payment channel at once', (deployment) => {
  let offer: Offer;
  beforeAll(async () => {
    offer = await newOffer(deployment());
  });
  afterAll(() => Promise.all([offer.a.leave(), offer.b.leave()]));

  /** The two agents, each at the other's node too. */
  const everywhere = () => {
    const { a, b } = offer;
    return [a, b, a.moved(b.node), b.moved(a.node)];
  };
  const noticesOf = async (of: Party, status: string) => {
    const path = `/api/messages?box=in&status=${status}&limit=100`;
    const { body } = await of.call<{ messages: { type: string }[] }>('GET', path);
    return body.messages.filter(({ type }) => type === 'aerie.payment_channel').length;
  };

  it('propose: one proposes, the other opens, however often both say so', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const one = offer.other();
      const before = (await noticesOf(offer.a, 'pending')) + (await noticesOf(offer.b, 'pending'));
      const answers = await Promise.all([...everywhere(), ...everywhere()].map((by) => one.post(by)));
      const made = answers.filter(({ status }) => status === 201);
      expect(answers.filter(({ status }) => status !== 201 && status !== 200)).toEqual([]);
      expect(made.map(({ body }) => body.channel.status).sort()).toEqual(['open', 'proposed']);
      const channel = await one.read(offer.b);
      expect(channel).toMatchObject({
        ...{ status: 'open', balance_a: '10', balance_b: '5', nonce: 0 },
        ...{ open_signature_a: one.sign(offer.a), open_signature_b: one.sign(offer.b) },
      });
      const [first] = made.filter(({ body }) => body.channel.status === 'proposed');
      expect(first?.body.channel.proposed_by).toBe(channel.proposed_by);
      // The one who did not propose was told, once.
      await eventually(async () => {
        const after = (await noticesOf(offer.a, 'pending')) + (await noticesOf(offer.b, 'pending'));
        expect(after - before).toBe(1);
      });
    }
  });

  it('propose other terms: one is there, the other is refused', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const one = offer.other();
      const other = offer.other({ id: one.id, deposit_a: '11' });
      const answers = await Promise.all(everywhere().map((by) => (by.id === offer.a.id ? one : other).post(by)));
      const [first, ...more] = answers.filter(({ status }) => status === 201);
      expect(more).toEqual([]);
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(2);
      expect(await one.read(offer.a)).toMatchObject({ ...first?.body.channel, status: 'proposed' });
    }
  });

  it('open, one with both signatures and one with its own: it is one channel', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const one = offer.other();
      const answers = await Promise.all([
        ...everywhere().map((by) => one.post(by)),
        one.post(offer.a, one.signedByBoth),
        one.post(offer.b, one.signedByBoth),
      ]);
      expect(answers.filter(({ status }) => status === 201).length).toBeGreaterThan(0);
      expect(answers.filter(({ status }) => ![200, 201, 409].includes(status))).toEqual([]);
      expect(await one.read(offer.a)).toMatchObject({ status: 'open', balance_a: '10', balance_b: '5' });
    }
  });

  it('withdraw and accept: it is withdrawn or open, and everybody is told the same', async () => {
    const seen = { open: 0, closed: 0 };
    for (let round = 0; round < 2 * ROUNDS; round++) {
      const one = offer.other();
      await one.post(offer.a);
      const topics = await Promise.all([offer.a.join(one.topic), offer.b.join(one.topic)]);
      const [accepted, withdrawn] = await Promise.all([
        one.post(offer.b),
        new Promise((resolve) => setTimeout(resolve, round % 4)).then(() => one.withdraw(offer.a)),
      ]);
      const { status } = await one.read(offer.b);
      seen[status as 'open']++;
      const isOpen = status === 'open';
      expect([status, accepted.status, withdrawn.status]).toEqual(isOpen ? ['open', 201, 409] : ['closed', 409, 204]);
      if (!isOpen) expect(accepted.body).toMatchObject({ reason: 'channel_closed', details: { reason: 'withdrawn' } });
      for (const topic of topics) {
        await eventually(() => expect(topic.events(isOpen ? 'channel_opened' : 'channel_closed')).toHaveLength(1));
        expect(topic.events(isOpen ? 'channel_closed' : 'channel_opened')).toEqual([]);
      }
      expect((await one.post(offer.a)).status).toBe(isOpen ? 200 : 409);
      expect((await one.withdraw(offer.b)).status).toBe(isOpen ? 409 : 204);
    }
    if (process.env.RACES_SAY) process.stdout.write(`${JSON.stringify(seen)}\n`);
  });
});

interface Answered {
  readonly response?: { readonly duplicate?: true; readonly channel?: { readonly status: string } };
  readonly reason?: string;
}

onEveryDeployment('the end of a payment channel and a transfer at once', (deployment) => {
  let deal: Deal;
  let as: Topic;
  let bs: Topic;
  beforeEach(async () => {
    deal = await newDeal(deployment());
    as = await deal.a.join(deal.topic);
    bs = await deal.b.join(deal.topic);
  });
  afterEach(() => Promise.all([deal.a.leave(), deal.b.leave()]));

  const send = (topic: Topic, event: string, payload: object): Promise<Answered> =>
    topic.push<Answered['response'] & object>(event, payload).then(
      (response) => ({ response }),
      ({ reason }: { reason: string }) => ({ reason }),
    );
  const propose = (nonce: number, after: readonly [string, string]) =>
    as.push<{ pending: PendingBody }>('propose_transfer', deal.proposal(deal.a, nonce, '0.5', after));
  const sumOf = ({ balance_a: a, balance_b: b }: { balance_a: string; balance_b: string }) => Number(a) + Number(b);

  it('a proposed close stands over the nonce that it names, or is void', async () => {
    for (let nonce = 1; nonce <= 2 * ROUNDS; nonce++) {
      const { balance_a: a, balance_b: b } = await deal.read();
      const after = [`${Number(a) - 0.5}`, `${Number(b) + 0.5}`] as const;
      const { pending } = await propose(nonce, after);
      const finals = deal.finals(deal.a, nonce - 1, [a, b]);
      const [paid, proposed] = await Promise.all([
        send(bs, 'acknowledge_transfer', deal.acknowledgement(pending)),
        send(as, 'propose_close', finals),
      ]);
      expect(paid.response).toBeDefined();
      const channel = await deal.read();
      expect(channel).toMatchObject({ nonce, proposed_close: null, balance_a: after[0], status: 'open' });
      if (proposed.reason) expect(proposed.reason).toBe('invalid_nonce');
      // Whatever came first: what was signed for the nonce before closes nothing now.
      expect(await send(bs, 'close', deal.closing(nonce - 1, [a, b]))).toEqual({ reason: 'invalid_signature' });
      expect(sumOf(channel)).toBe(15);
    }
  });

  it('a close and a transfer: the close is of the state before it, or comes too late', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { pending } = await propose(1, ['9.5', '5.5']);
      const event = round % 2 ? 'close' : 'propose_close';
      const payload = round % 2 ? deal.closing(0, ['2', '13']) : deal.finals(deal.b, 0, ['2', '13']);
      if (event === 'propose_close') await as.push(event, deal.finals(deal.a, 0, ['2', '13']));
      const [paid, closed] = await Promise.all([
        send(bs, 'acknowledge_transfer', deal.acknowledgement(pending)),
        send(bs, event, payload),
      ]);
      const channel = await deal.read();
      expect(sumOf(channel)).toBe(15);
      expect([paid.reason, closed.reason].filter(Boolean)).toHaveLength(1);
      if (paid.response)
        expect(channel).toMatchObject({ status: 'open', nonce: 1, balance_a: '9.5', proposed_close: null });
      else expect(channel).toMatchObject({ status: 'closed', nonce: 0, balance_a: '2', closing: { nonce: 0 } });
      await Promise.all([deal.a.leave(), deal.b.leave()]);
      deal = await newDeal(deployment());
      [as, bs] = [await deal.a.join(deal.topic), await deal.b.join(deal.topic)];
    }
  });

  it('both propose the same close at once: it is closed once, and all are told once', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const [ofA, ofB] = await Promise.all([
        send(as, 'propose_close', deal.finals(deal.a, 0, ['2', '13'])),
        send(bs, 'propose_close', deal.finals(deal.b, 0, ['2', '13'])),
      ]);
      expect([ofA.reason, ofB.reason]).toEqual([undefined, undefined]);
      expect(await deal.read()).toMatchObject({ status: 'closed', balance_a: '2', proposed_close: null });
      for (const topic of [as, bs]) {
        await eventually(() => expect(topic.events('channel_closed')).toHaveLength(1));
      }
      expect(as.events('propose_close').length + bs.events('propose_close').length).toBe(1);
      await Promise.all([deal.a.leave(), deal.b.leave()]);
      deal = await newDeal(deployment());
      [as, bs] = [await deal.a.join(deal.topic), await deal.b.join(deal.topic)];
    }
  });
});
