import { once } from 'node:events';
import type { Agent, Channel } from 'aerie-client';
import { ADMIN_TOKEN, type Aerie, startAerieInFolder } from '../support/aerie.ts';
import { ended } from '../support/ended.ts';
import { eventually } from '../support/eventually.ts';
import { spawn } from '../support/spawn.ts';
import { closeAgents, connectAgent, type Registration, registered, rejection } from './agents.ts';
import { type Json, type Liar, liarBefore } from './liar.ts';
import { channelBetween, lasting } from './trade.ts';

let aerie: Aerie;
beforeAll(async () => {
  aerie = await startAerieInFolder({ HTTP_RATE_LIMIT: '0' });
});
afterAll(() => aerie.stop());
afterEach(closeAgents);

/** The other side, on the stock client, in a process of its own. */
function stranger(SIDE: 'buyer' | 'seller', own: Registration, peer: string, CAPABILITY: string) {
  const SEED = Buffer.from(own.signingKey).toString('hex');
  const env = { SIDE, AERIE_URL: aerie.url, KEY: own.apiKey, ID: own.id, SEED, PEER: peer, CAPABILITY };
  return spawn(process.execPath, ['spec/client/stock.mjs'], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const stored = async (id: string) =>
  (await aerie.call<{ channel: Json }>('GET', `/api/payment_channels/${id}`, ADMIN_TOKEN)).body.channel;

describe('two strangers trade whole', () => {
  it('a seller on the library, and a buyer on the stock client', async () => {
    const [own, other] = [await registered(aerie.url, 'Seller'), await registered(aerie.url, 'Buyer')];
    const seller = await connectAgent(aerie.url, own, { keep: lasting() });
    const capability = `haiku-${seller.id}`;
    await seller.announce([{ name: capability, price: '0.06' }]);
    void seller.onNegotiation((negotiation) => negotiation.settle({ start: '0.06', limit: '0.04' }));
    void seller.onChannelProposal(({ from, deposit }) => from === other.id && deposit === '0');
    void seller.serve(capability, async (task) => {
      for (const chunk of ['An old ', 'silent pond']) await task.output.write(chunk);
    });
    const { code, stdout, stderr } = await ended(stranger('buyer', other, seller.id, capability));
    expect([code, stderr]).toEqual([0, '']);
    const { price, text, channel } = JSON.parse(stdout);
    expect(text).toBe('An old silent pond');
    expect(Number(price)).toBeGreaterThanOrEqual(0.04);
    expect(await stored(channel)).toMatchObject({
      status: 'closed',
      balance_b: price,
      closing: { reason: 'cooperative' },
    });
  }, 60_000);

  it('a buyer on the library, and a seller on the stock client', async () => {
    const [own, other] = [await registered(aerie.url, 'Buyer'), await registered(aerie.url, 'Seller')];
    const buyer = await connectAgent(aerie.url, own, { keep: lasting() });
    const capability = `haiku-${other.id}`;
    const selling = stranger('seller', other, buyer.id, capability);
    await once(selling.stdout as NodeJS.ReadableStream, 'data');
    const left = ended(selling);
    const [found] = await buyer.discover({ capability });
    const negotiation = await buyer.negotiate({ with: found?.id ?? '', capability });
    const { amount } = await negotiation.settle({ start: '0.03', limit: '0.05' });
    expect(amount).toBe('0.045');
    const channel = await buyer.openChannel({ with: other.id, deposit: '1' });
    const task = await buyer.createTask({ provider: other.id, negotiation: negotiation.id, channel: channel.id });
    await eventually(() => expect(task.state.status).toBe('in_progress'));
    await channel.pay(amount);
    expect(await task.output.text()).toBe('An old silent pond');
    expect(await task.result).toEqual({ price: amount });
    expect(await channel.close()).toMatchObject({ reason: 'cooperative', final_balance_b: amount });
    expect(await left).toMatchObject({ code: 0, stderr: '' });
  }, 60_000);
});

describe('against a server of the version before', () => {
  let old: Liar;
  let buyer: Registration;
  let seller: Registration;
  let a: Agent;
  /** What that version did not say. */
  const without = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(without);
    if (typeof value !== 'object' || value === null) return value;
    const { proposed_close, proposed_by, task_id, negotiation_id, payment_channel_id, ...known } = value;
    return Object.fromEntries(Object.entries(known).map(([name, field]) => [name, without(field)]));
  };
  beforeEach(async () => {
    old = await liarBefore(aerie.url);
    old.tell = (_, payload) => without(payload);
    old.answer = (_, body) => without(body);
    [buyer, seller] = [await registered(aerie.url, 'Buyer'), await registered(aerie.url, 'Seller')];
    a = await connectAgent(old.url, buyer, { keep: lasting() });
  });
  afterEach(async () => {
    await closeAgents();
    await old.stop();
  });
  const signings = () => old.sent.filter(({ payload }) => payload?.signature !== undefined);

  it('a payment channel is unsupported, and nothing is signed on it', async () => {
    const [a2, b] = [await connectAgent(aerie.url, buyer, { keep: lasting() }), await connectAgent(aerie.url, seller)];
    const [opened]: Channel[] = await channelBetween(a2, b);
    expect(await rejection(a.channel(opened?.id ?? ''))).toMatchObject({ reason: 'unsupported' });
    expect(signings()).toEqual([]);
  });

  it('a negotiation is unsupported, and no offer is signed', async () => {
    const begun = await rejection(a.negotiate({ with: seller.id, capability: 'x', basePrice: '1' }));
    expect(begun).toMatchObject({ reason: 'unsupported' });
    expect(signings()).toEqual([]);
  });

  it('a task that names its payment channel is unsupported', async () => {
    const [a2, b] = [await connectAgent(aerie.url, buyer, { keep: lasting() }), await connectAgent(aerie.url, seller)];
    const [opened]: Channel[] = await channelBetween(a2, b);
    const made = await rejection(a.createTask({ provider: seller.id, channel: opened?.id ?? '' }));
    expect(made).toMatchObject({ reason: 'unsupported' });
  });

  it('proposing a payment channel is unsupported, as that version says that a signature is missing', async () => {
    const body = {
      type: 'about:blank',
      reason: 'invalid_payload',
      errors: [{ path: '/signature_b', message: 'must be there' }],
    };
    const refused: typeof fetch = async (to, request) =>
      `${to}`.endsWith('/api/payment_channels') && request?.method === 'POST'
        ? new Response(JSON.stringify(body), { status: 400 })
        : fetch(to, request);
    const agent = await connectAgent(aerie.url, buyer, { keep: lasting(), fetch: refused });
    expect(await rejection(agent.openChannel({ with: seller.id, deposit: '1' }))).toMatchObject({
      reason: 'unsupported',
    });
  });
});
