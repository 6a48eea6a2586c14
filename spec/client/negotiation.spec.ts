import type { Agent, Negotiation } from 'aerie-client';
import { average, nextMove, planOf } from '../../client/dist/negotiation/haggle.js';
import type { Aerie } from '../support/aerie.ts';
import { onEveryDeployment } from '../support/deployments.ts';
import { eventually } from '../support/eventually.ts';
import { randomFrom } from '../support/random.ts';
import { closeAgents, connectAgent, next, type Registration, registered, rejection } from './agents.ts';
import { verified } from './verified.ts';

interface Both {
  readonly client: Negotiation;
  readonly provider: Negotiation;
  readonly agents: readonly [Agent, Agent];
}

// The client is on one node, and the provider on another where there is one.
onEveryDeployment('negotiating', (deployment) => {
  let here: Aerie;
  let there: Aerie;
  let buyer: Registration;
  let seller: Registration;
  beforeAll(async () => {
    ({ here, there } = deployment());
    [buyer, seller] = [await registered(here.url, 'Buyer'), await registered(there.url, 'Seller')];
  });
  afterEach(closeAgents);

  async function begun(basePrice = '0.06'): Promise<Both> {
    const [a, b] = [await connectAgent(here.url, buyer), await connectAgent(there.url, seller)];
    const client = await a.negotiate({ with: b.id, capability: 'chat', basePrice });
    return { client, provider: await b.negotiation(client.id), agents: [a, b] };
  }

  describe('a negotiation', () => {
    it('is told to the provider, and agreed by the side that answers', async () => {
      const [a, b] = [await connectAgent(here.url, buyer), await connectAgent(there.url, seller)];
      const told: Negotiation[] = [];
      void b.onNegotiation((negotiation) => told.push(negotiation));
      const mine = await a.negotiate({ with: b.id, capability: 'chat', basePrice: '0.06' });
      await eventually(() => expect(told.map(({ id }) => id)).toContain(mine.id));
      const theirs = await b.negotiation(mine.id);
      expect([mine.role, theirs.role]).toEqual(['client', 'provider']);
      const offers = theirs.offers();
      await mine.offer('0.030');
      expect(await next(offers)).toMatchObject({ amount: '0.03', agent_id: a.id });
      await theirs.offer('0.06');
      await eventually(() => expect(mine.state.provider_offer).toMatchObject({ amount: '0.06' }));
      const { amount, evidence } = await mine.accept();
      expect(amount).toBe('0.045');
      expect((await theirs.agreed).evidence).toEqual(evidence);
      expect(await verified(evidence)).toMatch(/valid|ok|good|well/i);
      expect((await offers.next()).done).toBe(true);
    });

    it('is rejected, and says so to whoever waits for an agreement', async () => {
      const { client, provider } = await begun();
      const waiting = rejection(client.agreed);
      await provider.reject('too busy');
      expect(await waiting).toMatchObject({ reason: 'not_agreed', details: { status: 'rejected' } });
      expect(await rejection(client.offer('0.01'))).toMatchObject({ reason: 'session_closed' });
    });

    it('refuses what cannot be agreed', async () => {
      const { client } = await begun();
      expect(await rejection(client.accept())).toMatchObject({ reason: 'offers_incomplete' });
      expect(await rejection(client.offer('0.121'))).toMatchObject({ reason: 'offer_exceeds_limit' });
      expect(await rejection(client.offer('1e3'))).toBeInstanceOf(RangeError);
    });
  });

  describe('settle', () => {
    it('haggles on both sides to an amount within both limits', async () => {
      const { client, provider } = await begun();
      const [mine, theirs] = await Promise.all([
        client.settle({ start: '0.02', limit: '0.06' }),
        provider.settle({ start: '0.1', limit: '0.04' }),
      ]);
      expect(mine.amount).toBe(theirs.amount);
      expect(Number(mine.amount)).toBeGreaterThanOrEqual(0.04);
      expect(Number(mine.amount)).toBeLessThanOrEqual(0.06);
    });

    it('gives up at its limit', async () => {
      const { client, provider } = await begun();
      const [mine, theirs] = await Promise.all([
        rejection(client.settle({ start: '0.01', limit: '0.02' })),
        rejection(provider.settle({ start: '0.1', limit: '0.08' })),
      ]);
      expect([mine.reason, theirs.reason]).toEqual(['not_agreed', 'not_agreed']);
    });

    it('wants a keep', async () => {
      const { client } = await begun();
      const a = await connectAgent(here.url, buyer, { keep: undefined as never });
      const again = await a.negotiation(client.id);
      expect(await rejection(again.settle({ start: '0.01', limit: '0.02' }))).toMatchObject({
        reason: 'keep_required',
      });
    });
  });
});

interface Asked {
  readonly start: bigint;
  readonly limit: bigint;
}

describe('haggling', () => {
  /** Plays both sides out. */
  function play(client: Asked, provider: Asked) {
    const plans = { client: planOf('client', 2_000_000n, client), provider: planOf('provider', 2_000_000n, provider) };
    const offers: { client?: bigint; provider?: bigint } = {};
    const counts = { client: 0, provider: 0 };
    let last: 'client' | 'provider' | undefined;
    for (let turn = 0; turn < 100; turn++) {
      const role = turn % 2 === 0 ? 'client' : 'provider';
      const other = role === 'client' ? 'provider' : 'client';
      const isMyTurn = last === other && offers[role] !== undefined;
      const move = nextMove(plans[role], {
        mine: offers[role],
        theirs: offers[other],
        isMyTurn,
        left: 10 - counts[role],
      });
      if (move === 'accept') return { agreed: average(offers.client ?? 0n, offers.provider ?? 0n), counts };
      if (move === 'reject') return { agreed: undefined, counts };
      if (move === 'wait') continue;
      offers[role] = move.offer;
      // The other side may accept what an offer invites.
      const invited = average(offers.client ?? 0n, offers.provider ?? 0n);
      const isPast =
        offers[other] !== undefined && (role === 'client' ? invited > client.limit : invited < provider.limit);
      expect(isPast).toBe(false);
      counts[role]++;
      last = role;
    }
    throw new Error(`neither agreed nor rejected: ${String(Object.values(offers))}, ${last}`);
  }

  it('never goes past a limit, and needs no more offers than each side has', () => {
    const seed = Date.now() % 1_000_000;
    const roll = randomFrom(seed);
    const amount = () => BigInt(1 + Math.floor(roll() * 1_000_000));
    for (let n = 0; n < 2_000; n++) {
      const [low, high] = [amount(), amount()].sort((a, b) => Number(a - b)) as [bigint, bigint];
      const [least, most] = [amount(), amount()].sort((a, b) => Number(a - b)) as [bigint, bigint];
      const { agreed, counts } = play({ start: low, limit: high }, { start: most, limit: least });
      const where = `seed ${seed}, round ${n}`;
      expect([where, counts.client <= 10 && counts.provider <= 10]).toEqual([where, true]);
      // Limits that meet may fail where no amount invites what both could take; those that do not meet never agree.
      if (agreed !== undefined) expect([where, agreed <= high && agreed >= least]).toEqual([where, true]);
    }
  });
});
