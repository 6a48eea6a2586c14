import { onEveryDeployment } from '../../support/deployments.ts';
import { eventually } from '../../support/eventually.ts';
import type { Topic } from '../../support/official_client.ts';
import { type Deal, newDeal, type PendingBody } from '../deals/party.ts';

const SOCKETS = 64;

interface Answered {
  readonly at: Topic;
  readonly response?: { readonly pending?: PendingBody; readonly duplicate?: true };
  readonly reason?: string;
}

onEveryDeployment('64 sockets at once', (deployment) => {
  let deal: Deal;
  /** Of both agents, at both nodes. */
  let as: Topic[];
  let bs: Topic[];
  beforeEach(async () => {
    deal = await newDeal(deployment());
    const { here, there } = deployment();
    const enter = (side: 'a' | 'b') =>
      Promise.all(
        Array.from({ length: SOCKETS / 2 }, (_, at) => {
          const party = deal[side].moved(at % 2 ? here : there);
          parties.push(party);
          return party.join(deal.topic);
        }),
      );
    const parties: (typeof deal.a)[] = [];
    [as, bs] = [await enter('a'), await enter('b')];
    leave = () => Promise.all(parties.map((party) => party.leave()));
  });
  let leave: () => Promise<unknown>;
  afterEach(() => leave());

  const send = (topics: readonly Topic[], event: string, payloadOf: (at: number) => object): Promise<Answered[]> =>
    Promise.all(
      topics.map((at, index) =>
        at.push<Answered['response'] & object>(event, payloadOf(index)).then(
          (response) => ({ at, response }),
          ({ reason }: { reason: string }) => ({ at, reason }),
        ),
      ),
    );
  const first = (answers: readonly Answered[]) => answers.filter(({ response }) => response && !response.duplicate);
  const refused = (answers: readonly Answered[]) => [...new Set(answers.flatMap(({ reason }) => reason ?? []))].sort();

  it('one proposal of many is taken, everybody is told which, and it pays once', async () => {
    let [a, b] = [10, 5];
    for (let nonce = 1; nonce <= 5; nonce++) {
      const before = [...as, ...bs].map((topic) => topic.heard.length);
      const amount = (at: number) => `${at % 2 ? 0.5 : 0.25}`;
      const [ofA, ofB] = await Promise.all([
        send(as, 'propose_transfer', (at) =>
          deal.proposal(deal.a, nonce, amount(at), [`${a - Number(amount(at))}`, `${b + Number(amount(at))}`]),
        ),
        send(bs, 'propose_transfer', (at) =>
          deal.proposal(deal.b, nonce, amount(at), [`${a + Number(amount(at))}`, `${b - Number(amount(at))}`]),
        ),
      ]);
      const answers = [...ofA, ...ofB];
      const [taken, ...others] = first(answers);
      const pending = taken?.response?.pending as PendingBody;
      expect([taken?.response, others]).toEqual([{ pending }, []]);
      expect(refused(answers)).toEqual(['transfer_pending']);
      for (const { response } of answers) if (response) expect(response.pending).toEqual(pending);
      expect(answers.filter(({ response }) => response?.duplicate)).toHaveLength(SOCKETS / 4 - 1);
      for (const [at, topic] of [...as, ...bs].entries()) {
        const heard = () => topic.heard.slice(before[at]).filter(({ event }) => event === 'propose_transfer');
        const expected = topic === taken?.at ? [] : [{ event: 'propose_transfer', payload: pending }];
        await eventually(() => expect(heard()).toEqual(expected));
      }

      const receivers = pending.from === deal.a.id ? bs : as;
      const acknowledgement = deal.acknowledgement(pending);
      const acknowledged = await send(receivers, 'acknowledge_transfer', () => acknowledgement);
      expect(first(acknowledged)).toHaveLength(1);
      expect(refused(acknowledged)).toEqual([]);
      for (const topic of [...as, ...bs]) {
        await eventually(() => expect(topic.events('transfer_complete')).toHaveLength(nonce));
      }
      [a, b] = [Number(pending.balance_a), Number(pending.balance_b)];
      expect(await deal.read()).toMatchObject({ balance_a: `${a}`, balance_b: `${b}`, nonce, pending: null });
    }
    expect((await deal.history()).map(({ nonce }) => nonce)).toEqual([1, 2, 3, 4, 5]);
  });

  it('of an acknowledgement, a withdrawal, a dispute and a close one comes first, and everybody is told the same', async () => {
    for (let nonce = 1; nonce <= 6; nonce++) {
      const { balance_a: a, balance_b: b } = await deal.read();
      const after = [`${Number(a) - 0.5}`, `${Number(b) + 0.5}`] as const;
      const [topic] = as;
      if (!topic) throw new Error('no socket');
      const { pending } = await topic.push<{ pending: PendingBody }>(
        'propose_transfer',
        deal.proposal(deal.a, nonce, '0.5', after),
      );
      const acknowledgement = deal.acknowledgement(pending);
      const [acknowledged, withdrawn] = await Promise.all([
        send(bs, 'acknowledge_transfer', () => acknowledgement),
        send(as, 'reject_transfer', () => ({ nonce, reason: 'withdrawn' })),
      ]);
      expect(first([...acknowledged, ...withdrawn])).toHaveLength(1);
      const isPaid = first(acknowledged).length === 1;
      expect(refused(isPaid ? withdrawn : acknowledged)).toEqual(['no_pending_transfer']);
      expect(refused(isPaid ? acknowledged : withdrawn)).toEqual([]);
      expect(await deal.read()).toMatchObject({
        balance_a: isPaid ? after[0] : a,
        pending: null,
        next_nonce: nonce + 1,
      });
    }
    const { balance_a: a, balance_b: b, nonce } = await deal.read();
    const closing = deal.closing(nonce, [a, b]);
    const [ofA, ofB] = await Promise.all([
      send(as, 'close', () => closing),
      send(bs, 'dispute', () => ({ reason: 'mine', evidence: {} })),
    ]);
    expect(first(ofA)).toHaveLength(1);
    expect(refused(ofA)).toEqual([]);
    expect(refused(ofB).every((reason) => reason === 'channel_closed')).toBe(true);
    for (const topic of [...as, ...bs]) {
      await eventually(() => expect(topic.events('channel_closed')).toHaveLength(1));
      expect(topic.events('dispute').length).toBe(first(ofB).length);
    }
  });
});
