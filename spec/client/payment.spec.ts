import { memory, type Payment } from 'aerie-client';
import { ADMIN_TOKEN, type Aerie } from '../support/aerie.ts';
import { onEveryDeployment } from '../support/deployments.ts';
import { eventually } from '../support/eventually.ts';
import { proxyTo } from '../support/proxy.ts';
import { closeAgents, connectAgent, next, type Registration, registered, rejection } from './agents.ts';
import { liarBefore } from './liar.ts';
import { channelBetween, lasting, twoAgents } from './trade.ts';
import { verified } from './verified.ts';

// The buyer is on one node, and the seller on another where there is one.
onEveryDeployment('trading', (deployment) => {
  let here: Aerie;
  let there: Aerie;
  let buyer: Registration;
  let seller: Registration;
  beforeAll(async () => {
    ({ here, there } = deployment());
    [buyer, seller] = [await registered(here.url, 'Buyer'), await registered(there.url, 'Seller')];
  });
  afterEach(closeAgents);

  async function pair(deposit = '1') {
    const agents = await twoAgents({ here, there }, buyer, seller);
    return { agents, channels: await channelBetween(...agents, deposit) };
  }

  describe('a payment channel', () => {
    it('is proposed, opened, paid on both ways, and closed, with evidence', async () => {
      const { channels } = await pair();
      const [mine, theirs] = channels;
      expect(mine.state).toMatchObject({ status: 'open', deposit_a: '1', deposit_b: '0' });
      const payments = theirs.payments();
      expect(await mine.pay('0.250')).toMatchObject({ nonce: 1, amount: '0.25' });
      expect(await next(payments)).toMatchObject({ nonce: 1, amount: '0.25' });
      await mine.pay('0.25');
      expect(await next(payments)).toMatchObject({ nonce: 2 });
      await theirs.pay('0.1');
      await eventually(() => expect([mine.balance, mine.theirBalance]).toEqual(['0.6', '0.4']));
      expect([theirs.balance, theirs.theirBalance]).toEqual(['0.4', '0.6']);
      const end = await mine.close();
      expect(end).toMatchObject({ reason: 'cooperative', final_balance_a: '0.6', final_balance_b: '0.4', nonce: 3 });
      expect((await payments.next()).done).toBe(true);
      expect(await verified(await mine.evidence())).toBeDefined();
      expect(await rejection(mine.pay('0.1'))).toMatchObject({ reason: 'channel_closed', outcome: 'none' });
    });

    it('is not opened without a policy, and can be taken back', async () => {
      const [a, b] = await twoAgents({ here, there }, buyer, seller);
      const controller = new AbortController();
      const id = 'taken-back';
      const opening = rejection(a.openChannel({ with: b.id, deposit: '1', id, signal: controller.signal }));
      await eventually(async () => {
        const { body } = await there.call<{ channel: { status: string } }>(
          'GET',
          `/api/payment_channels/${id}`,
          ADMIN_TOKEN,
        );
        expect(body.channel?.status).toBe('proposed');
      });
      controller.abort();
      expect(await opening).toMatchObject({ reason: 'aborted' });
      const { body } = await there.call<{ channel: object }>('GET', `/api/payment_channels/${id}`, ADMIN_TOKEN);
      expect(body.channel).toMatchObject({ status: 'closed', closing: { reason: 'withdrawn' } });
    });

    it('is taken back also where the abort comes before the answer to the proposal', async () => {
      const controller = new AbortController();
      const abortsAtAnswer: typeof fetch = async (input, init) => {
        const response = await fetch(input, init);
        if (init?.method === 'POST') controller.abort();
        init?.signal?.throwIfAborted();
        return response;
      };
      const a = await connectAgent(here.url, buyer, { keep: lasting(), fetch: abortsAtAnswer });
      const asked = { with: seller.id, deposit: '1', id: 'taken-back-early', signal: controller.signal };
      expect(await rejection(a.openChannel(asked))).toMatchObject({ reason: 'aborted', outcome: 'none' });
      const { body } = await there.call<{ channel: object }>('GET', `/api/payment_channels/${asked.id}`, ADMIN_TOKEN);
      expect(body.channel).toMatchObject({ status: 'closed', closing: { reason: 'withdrawn' } });
    });

    it('is declined by a policy that says no', async () => {
      const [a, b] = await twoAgents({ here, there }, buyer, seller);
      void b.onChannelProposal(({ from, theirDeposit }) => from === a.id && theirDeposit === '2');
      expect(await rejection(a.openChannel({ with: b.id, deposit: '1' }))).toMatchObject({ reason: 'channel_closed' });
      expect((await a.openChannel({ with: b.id, deposit: '2' })).state.status).toBe('open');
    });

    it('wants a signing key, and a keep', async () => {
      const a = await connectAgent(here.url, buyer, { keep: undefined as never });
      const money = { with: seller.id, deposit: '1' };
      expect(await rejection(a.openChannel(money))).toMatchObject({ reason: 'keep_required' });
      const b = await connectAgent(here.url, buyer, { signingKey: undefined as never });
      expect(await rejection(b.openChannel(money))).toMatchObject({ reason: 'signing_key_required' });
    });

    it('goes on with its seller’s next process, which says again what it takes', async () => {
      const keep = lasting();
      const a = await connectAgent(here.url, buyer, { keep: memory() });
      const b = await connectAgent(there.url, seller, { keep });
      const [mine] = await channelBetween(a, b);
      await mine.pay('0.1');
      await b.close();
      const paid = mine.pay('0.2');
      const again = await connectAgent(there.url, seller, { keep });
      const found: Payment[] = [];
      void again.onChannelProposal(() => true, {
        onOpen: async (channel) => {
          for await (const payment of channel.payments()) found.push(payment);
        },
      });
      await paid;
      await eventually(() => expect(found.map(({ amount }) => amount)).toEqual(['0.1', '0.2']));
    });
  });

  it('payments go on behind the last one that was taken, also in the next process', async () => {
    const keep = lasting();
    const a = await connectAgent(here.url, buyer, { keep: memory() });
    const b = await connectAgent(there.url, seller, { keep });
    const [mine, theirs] = await channelBetween(a, b);
    for (const amount of ['0.1', '0.2', '0.3']) await mine.pay(amount);
    const payments = theirs.payments();
    expect(await next(payments)).toMatchObject({ amount: '0.1' });
    // It has asked for the second one: the first one is done with.
    expect(await next(payments)).toMatchObject({ amount: '0.2' });
    await b.close();
    const again = await (await connectAgent(there.url, seller, { keep })).channel(mine.id);
    expect(await next(again.payments())).toMatchObject({ amount: '0.2' });
  });

  describe('pay', () => {
    it('goes one after the other, whoever asks and however often', async () => {
      const { channels } = await pair();
      const [mine] = channels;
      const paid = await Promise.all(Array.from({ length: 10 }, () => mine.pay('0.01')));
      expect(paid.map(({ nonce }) => nonce)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      expect(mine.balance).toBe('0.9');
    });

    it('is one payment under one id', async () => {
      const { channels } = await pair();
      const [mine] = channels;
      const [one, other] = await Promise.all([mine.pay('0.1', { id: 'rent' }), mine.pay('0.1', { id: 'rent' })]);
      expect(other).toEqual(one);
      expect(await mine.pay('0.1', { id: 'rent' })).toEqual(one);
      expect(await rejection(mine.pay('0.2', { id: 'rent' }))).toMatchObject({ reason: 'conflict' });
      expect(mine.balance).toBe('0.9');
    });

    it('crosses with a payment of the other side: both are paid, and no nonce is signed twice', async () => {
      const signed = new Map<string, string>();
      const twice: string[] = [];
      /** A keep that sees what its agent signs. */
      const seeing = (who: string) => {
        const keep = lasting();
        return {
          ...keep,
          set: async (key: string, value: string) => {
            const state = key.startsWith('channel:') && JSON.parse(value).signed;
            const nonce = `${who} ${state?.nonce}`;
            if (state && (signed.get(nonce) ?? state.signature) !== state.signature) twice.push(nonce);
            if (state) signed.set(nonce, state.signature);
            await keep.set(key, value);
          },
        };
      };
      const a = await connectAgent(here.url, buyer, { keep: seeing('a') });
      const b = await connectAgent(there.url, seller, { keep: seeing('b') });
      const [mine, theirs] = await channelBetween(a, b);
      await mine.pay('0.5');
      await eventually(() => expect(theirs.balance).toBe('0.5'));
      await Promise.all(Array.from({ length: 5 }, () => [mine.pay('0.02'), theirs.pay('0.01')]).flat());
      await eventually(() => expect([mine.balance, theirs.balance]).toEqual(['0.45', '0.55']));
      expect([signed.size > 10, twice]).toEqual([true, []]);
      expect(await verified(await mine.evidence())).toBeDefined();
    }, 60_000);

    it('is rejected by a policy, and nothing has moved', async () => {
      const { channels } = await pair();
      const [mine, theirs] = channels;
      theirs.onTransfer(({ amount }) => amount === '0.2' || 'not what was agreed');
      expect(await rejection(mine.pay('0.1'))).toMatchObject({
        reason: 'transfer_rejected',
        outcome: 'none',
        message: expect.stringContaining('not what was agreed'),
      });
      await mine.pay('0.2');
      expect(mine.balance).toBe('0.8');
    });

    it('is withdrawn by an abort, and says that nothing was paid', async () => {
      const { channels } = await pair();
      const [mine, theirs] = channels;
      theirs.onTransfer(() => new Promise(() => {}));
      const paid = await rejection(mine.pay('0.1', { signal: AbortSignal.timeout(300) }));
      expect(paid).toMatchObject({ reason: 'aborted', outcome: 'none' });
      theirs.onTransfer(() => true);
      expect(await mine.pay('0.3')).toMatchObject({ nonce: 2 });
      expect(mine.balance).toBe('0.7');
    });

    it('refuses more than there is', async () => {
      const keep = lasting();
      const a = await connectAgent(here.url, buyer, { keep });
      const [mine] = await channelBetween(a, await connectAgent(there.url, seller), '0.1');
      expect(await rejection(mine.pay('0.11'))).toMatchObject({ reason: 'insufficient_balance' });
      expect(await rejection(mine.pay('0'))).toBeInstanceOf(RangeError);
      // Nor was it signed.
      expect(JSON.parse((await keep.get(`channel:${mine.id}`)) ?? '')).toMatchObject({ signed: null });
    });

    it('is paid once however often the line is cut, and by the next process if the first one ends', async () => {
      const proxy = await proxyTo({ host: '127.0.0.1', port: Number(new URL(here.url).port) }, 'http');
      try {
        const keep = lasting();
        const a = await connectAgent(proxy.url, buyer, { keep });
        const b = await connectAgent(proxy.url, seller, { keep: lasting() });
        const [mine, theirs] = await channelBetween(a, b);
        for (let n = 0; n < 10; n++) {
          const paid = mine.pay('0.01', { id: `n-${n}` });
          if (n % 3 === 1) {
            proxy.cut();
            setTimeout(() => proxy.heal(), 50);
          }
          await paid;
        }
        proxy.blackhole();
        const lost = rejection(mine.pay('0.05', { id: 'last' }));
        await new Promise((resolve) => setTimeout(resolve, 100));
        const closing = a.close();
        proxy.cut();
        await closing;
        expect(await lost).toMatchObject({ reason: 'closed' });
        proxy.heal();
        const again = await (await connectAgent(proxy.url, buyer, { keep })).channel(mine.id);
        expect(await again.pay('0.05', { id: 'last' })).toMatchObject({ nonce: 11 });
        await eventually(() => expect(theirs.balance).toBe('0.15'));
        expect(await verified(await theirs.evidence())).toBeDefined();
      } finally {
        await closeAgents();
        await proxy.stop();
      }
    }, 60_000);

    it('is paid once where the process ends before it hears that it was', async () => {
      const liar = await liarBefore(here.url);
      try {
        const keep = lasting();
        const a = await connectAgent(liar.url, buyer, { keep });
        const b = await connectAgent(there.url, seller, { keep: lasting() });
        const [mine, theirs] = await channelBetween(a, b);
        liar.tell = (_, payload, topic) => (topic.startsWith('payment:') ? undefined : payload);
        const lost = rejection(mine.pay('0.05', { id: 'last' }));
        await eventually(() => expect(theirs.balance).toBe('0.05'));
        await a.close();
        expect(await lost).toMatchObject({ reason: 'closed' });
        const again = await (await connectAgent(here.url, buyer, { keep })).channel(mine.id);
        expect(await again.pay('0.05', { id: 'last' })).toMatchObject({ nonce: 1 });
        expect(await again.pay('0.01')).toMatchObject({ nonce: 2 });
        await eventually(() => expect(theirs.balance).toBe('0.06'));
      } finally {
        await closeAgents();
        await liar.stop();
      }
    });

    it('of two processes of one agent with keeps of their own: both payments are made', async () => {
      const { agents, channels } = await pair();
      const [mine, theirs] = channels;
      const other = await (await connectAgent(here.url, buyer, { keep: lasting() })).channel(mine.id);
      await Promise.all(Array.from({ length: 4 }, () => [mine.pay('0.01'), other.pay('0.02')]).flat());
      await eventually(() => expect(theirs.balance).toBe('0.12'));
      // What both sign of equal amounts is the same text, and yet two payments.
      await Promise.all(Array.from({ length: 6 }, () => [mine.pay('0.03'), other.pay('0.03')]).flat());
      await eventually(() => expect(theirs.balance).toBe('0.48'));
      expect(agents).toHaveLength(2);
    }, 60_000);
  });

  describe('closing', () => {
    it('is not signed below what this side has', async () => {
      const { channels } = await pair();
      const [mine, theirs] = channels;
      theirs.onProposedClose(() => false);
      await mine.pay('0.4');
      const late = await mine.close({ signal: AbortSignal.timeout(500) }).catch((error) => error);
      expect(late).toMatchObject({ reason: 'aborted' });
      theirs.onProposedClose(() => true);
      // What stands is looked at again when the other side proposes the same.
      expect(await theirs.close()).toMatchObject({ final_balance_b: '0.4' });
    });

    it('disputes where the other side does not answer', async () => {
      const a = await connectAgent(here.url, buyer, { keep: lasting() });
      const b = await connectAgent(there.url, seller, { keep: lasting() });
      void b.onChannelProposal(() => ({ onProposedClose: () => false }));
      const mine = await a.openChannel({ with: b.id, deposit: '1', challengePeriodMs: 1_000 });
      await mine.pay('0.4');
      expect(await mine.close({ orDispute: 300 })).toMatchObject({ reason: 'dispute', final_balance_b: '0.4' });
      expect(await verified(await mine.evidence())).toBeDefined();
    });
  });
});
