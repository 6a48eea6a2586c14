import { jest } from '@jest/globals';
import type { Channel, Task } from 'aerie-client';
import { ADMIN_TOKEN, type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { eventually } from '../support/eventually.ts';
import { closeAgents, connectAgent, next, type Registration, registered, rejection } from './agents.ts';
import { type Json, type Liar, liarBefore } from './liar.ts';
import { channelBetween, lasting } from './trade.ts';

let aerie: Aerie;
let liar: Liar;
let buyer: Registration;
let seller: Registration;
beforeAll(async () => {
  aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0' });
});
afterAll(() => aerie.stop());
beforeEach(async () => {
  liar = await liarBefore(aerie.url);
  [buyer, seller] = [await registered(aerie.url, 'Buyer'), await registered(aerie.url, 'Seller')];
});
afterEach(async () => {
  await closeAgents();
  await liar.stop();
});

/** What fails on a channel once it has found out. */
const foundOut = (channel: Channel) =>
  rejection(
    (async () => {
      for await (const _ of channel.changes()) {
        // Until it throws.
      }
    })(),
  );

const signings = () => liar.sent.filter(({ event }) => /acknowledge|propose|close|accept|^offer$/.test(event));

const stored = async (id: string) =>
  (await aerie.call<{ channel: Json }>('GET', `/api/payment_channels/${id}`, ADMIN_TOKEN)).body.channel;

const other = '0'.repeat(86);

describe('a seller behind a server that lies about a payment', () => {
  it.each<[string, (transfer: Json) => Json]>([
    ['the nonce', (said) => ({ ...said, nonce: said.nonce + 1 })],
    ['the amount', (said) => ({ ...said, amount: '0.2' })],
    ['a balance', (said) => ({ ...said, balance_a: '0.95' })],
    ['both balances', (said) => ({ ...said, balance_a: '0.95', balance_b: '0.05' })],
    ['amount and balances', (said) => ({ ...said, amount: '0.05', balance_a: '0.95', balance_b: '0.05' })],
    ['the signature', (said) => ({ ...said, signature: `${other}==` })],
    ['the sender', (said) => ({ ...said, from: said.to, to: said.from })],
  ])('finds out that %s was altered, and signs nothing', async (_, lie) => {
    const a = await connectAgent(aerie.url, buyer, { keep: lasting() });
    const keep = lasting();
    const b = await connectAgent(liar.url, seller, { keep });
    const [mine, theirs] = await channelBetween(a, b);
    liar.tell = (event, payload) => (event === 'propose_transfer' ? lie(payload) : payload);
    const found = foundOut(theirs);
    const before = signings().length;
    const paid = rejection(mine.pay('0.1'));
    expect(await found).toMatchObject({ reason: 'evidence_mismatch' });
    expect(signings()).toHaveLength(before);
    expect(await stored(mine.id)).toMatchObject({ nonce: 0, balance_b: '0' });
    // It is kept, and stays so.
    expect(await rejection(theirs.pay('0.01'))).toMatchObject({ reason: 'evidence_mismatch' });
    await b.close();
    liar.tell = (__, payload) => payload;
    const again = await connectAgent(liar.url, seller, { keep });
    expect(await rejection(again.channel(mine.id))).toMatchObject({ reason: 'evidence_mismatch' });
    await a.close();
    expect(await paid).toMatchObject({ reason: 'closed' });
  });

  it('finds out that the key of the buyer is another one', async () => {
    const [a, b] = [
      await connectAgent(aerie.url, buyer, { keep: lasting() }),
      await connectAgent(liar.url, seller, { keep: lasting() }),
    ];
    liar.answer = (path, body) =>
      path.endsWith(`/api/agents/${buyer.id}`)
        ? { agent: { ...body.agent, public_key: 'A'.repeat(43).concat('=') } }
        : body;
    const warned = jest.spyOn(console, 'error').mockImplementation(() => {});
    void b.onChannelProposal(() => true);
    const opening = rejection(a.openChannel({ with: b.id, deposit: '1', id: 'another-key' }));
    await eventually(() =>
      expect(warned).toHaveBeenCalledWith(expect.objectContaining({ reason: 'evidence_mismatch' })),
    );
    expect(await stored('another-key')).toMatchObject({ status: 'proposed' });
    await closeAgents();
    await opening;
    warned.mockRestore();
  });
});

describe('an agent whose keep fails', () => {
  it('says so, and holds it against nobody: its next process goes on', async () => {
    const keep = lasting();
    const failing = {
      ...keep,
      set: async (key: string, value: string) => {
        if (key.startsWith('channel:') && JSON.parse(value).newest) throw new Error('no space left');
        await keep.set(key, value);
      },
    };
    const a = await connectAgent(aerie.url, buyer, { keep: lasting() });
    const b = await connectAgent(aerie.url, seller, { keep: failing });
    const [mine, theirs] = await channelBetween(a, b);
    const found = foundOut(theirs);
    await mine.pay('0.1');
    expect(await found).toMatchObject({ message: 'no space left' });
    await b.close();
    const again = await connectAgent(aerie.url, seller, { keep });
    expect((await again.channel(mine.id)).balance).toBe('0.1');
  });
});

describe('a buyer behind a server that lies', () => {
  it.each<[string, (state: Json) => Json]>([
    ['a balance', (said) => ({ ...said, balance_a: '0.8', balance_b: '0.2' })],
    ['the signature of the seller', (said) => ({ ...said, signature_b: `${other}==` })],
    ['the amount', (said) => ({ ...said, amount: '0.2' })],
  ])('finds out that %s of an executed payment was altered', async (_, lie) => {
    const a = await connectAgent(liar.url, buyer, { keep: lasting() });
    const b = await connectAgent(aerie.url, seller, { keep: lasting() });
    const [mine] = await channelBetween(a, b);
    liar.tell = (event, payload) => (event === 'transfer_complete' ? lie(payload) : payload);
    liar.answer = (path, body) => (path.includes('/history') ? { items: body.items.map(lie) } : body);
    expect(await rejection(mine.pay('0.1'))).toMatchObject({ reason: 'evidence_mismatch' });
    const before = signings().length;
    expect(await rejection(mine.pay('0.1'))).toMatchObject({ reason: 'evidence_mismatch' });
    expect(signings()).toHaveLength(before);
  });

  it('finds out that what was executed is gone', async () => {
    const a = await connectAgent(liar.url, buyer, { keep: lasting() });
    const b = await connectAgent(aerie.url, seller, { keep: lasting() });
    const [mine] = await channelBetween(a, b);
    await mine.pay('0.1');
    const undone = { nonce: 0, next_nonce: 1, last_state: null, balance_a: '1', balance_b: '0' };
    liar.answer = (path, body) =>
      body.channel && !path.includes('/history') ? { channel: { ...body.channel, ...undone } } : body;
    expect(await rejection(mine.dispute('look again'))).toMatchObject({ reason: 'evidence_mismatch' });
  });

  it('finds out that the history alone was altered, and signs nothing more', async () => {
    const keep = lasting();
    const a = await connectAgent(aerie.url, buyer, { keep: lasting() });
    const b = await connectAgent(liar.url, seller, { keep });
    const [mine, theirs] = await channelBetween(a, b);
    await mine.pay('0.1');
    await eventually(() => expect(theirs.balance).toBe('0.1'));
    liar.answer = (path, body) =>
      path.includes('/history') ? { items: body.items.map((said: Json) => ({ ...said, amount: '0.2' })) } : body;
    expect(await rejection(next(theirs.payments()))).toMatchObject({ reason: 'evidence_mismatch' });
    liar.answer = (_, body) => body;
    const before = signings().length;
    expect(await rejection(theirs.pay('0.01'))).toMatchObject({ reason: 'evidence_mismatch' });
    expect(signings()).toHaveLength(before);
    expect(JSON.parse((await keep.get(`channel:${mine.id}`)) ?? '')).toMatchObject({ mismatch: { amount: '0.2' } });
  });

  it('finds out that it was given another channel, negotiation or task than it asked for', async () => {
    const a = await connectAgent(liar.url, buyer, { keep: lasting() });
    const b = await connectAgent(aerie.url, seller, { keep: lasting() });
    const [channel] = await channelBetween(a, b);
    const negotiation = await a.negotiate({ with: b.id, basePrice: '1' });
    const task = await a.createTask({ provider: b.id });
    await a.close();
    const again = await connectAgent(liar.url, buyer, { keep: lasting() });
    const ask = [
      ['payment_channels', channel.id, () => again.channel('mine')],
      ['negotiations', negotiation.id, () => again.negotiation('mine')],
      ['tasks', task.id, () => again.task('mine')],
    ] as const;
    for (const [path, id, asked] of ask) {
      liar.path = (said) => said.replace(`${path}/mine`, `${path}/${id}`);
      expect(await rejection(asked())).toMatchObject({ reason: 'evidence_mismatch', details: { id: 'mine' } });
    }
  });

  it('finds out that an agreement is that of another negotiation', async () => {
    const a = await connectAgent(liar.url, buyer, { keep: lasting() });
    const b = await connectAgent(aerie.url, seller, { keep: lasting() });
    const agree = async (amount: string) => {
      const mine = await a.negotiate({ with: b.id, capability: 'x', basePrice: '1' });
      const theirs = await b.negotiation(mine.id);
      await theirs.offer(amount);
      await mine.offer(amount);
      await eventually(() => expect(theirs.state.client_offer).not.toBeNull());
      return { mine, theirs };
    };
    const dear = await agree('0.9');
    await dear.theirs.accept();
    await dear.mine.agreed;
    const cheap = await agree('0.1');
    liar.path = (said) => said.replace(cheap.mine.id, dear.mine.id);
    await cheap.theirs.accept();
    expect(await rejection(cheap.mine.agreed)).toMatchObject({ reason: 'evidence_mismatch' });
  });

  it('finds out that the offer of the seller was altered, and does not accept', async () => {
    const a = await connectAgent(liar.url, buyer, { keep: lasting() });
    const b = await connectAgent(aerie.url, seller, { keep: lasting() });
    liar.tell = (event, payload) => (event === 'offer' ? { ...payload, amount: '0.05' } : payload);
    const negotiation = await a.negotiate({ with: b.id, capability: 'x', basePrice: '0.06' });
    await negotiation.offer('0.03');
    await (await b.negotiation(negotiation.id)).offer('0.06');
    expect(await rejection(negotiation.agreed)).toMatchObject({ reason: 'evidence_mismatch' });
    expect(await rejection(negotiation.accept())).toMatchObject({ reason: 'evidence_mismatch' });
  });

  it.each<[string, (event: string, payload: Json) => Json]>([
    ['a chunk', (event, said) => (event === 'output_stream' && said.seq === 1 ? { ...said, chunk: 'X' } : said)],
    ['the order', (event, said) => (event === 'output_stream' && said.seq < 2 ? { ...said, seq: 1 - said.seq } : said)],
    ['the checksum', (event, said) => (event === 'output_complete' ? { ...said, checksum: '0'.repeat(64) } : said)],
  ])('finds out that %s of a stream was altered', async (_, lie) => {
    const a = await connectAgent(liar.url, buyer, { keep: lasting() });
    const b = await connectAgent(aerie.url, seller, { keep: lasting() });
    liar.tell = lie;
    const mine = await a.createTask({ provider: b.id });
    const theirs = (await b.task(mine.id)) as Task<'provider'>;
    for (const chunk of ['a', 'b', 'c']) await theirs.output.write(chunk);
    await theirs.complete();
    expect(await rejection(mine.output.text())).toMatchObject({ reason: 'checksum_mismatch' });
  });
});
