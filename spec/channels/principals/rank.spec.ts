import fc from 'fast-check';
import { placeKey } from '../../../channels/kernel/lists/order.ts';
import { MAX_AMOUNT_MICRO } from '../../../channels/kernel/money.ts';
import { agentView, lowestPriceMicro, reputation } from '../../../channels/principals/agent.ts';
import { AGENTS_INDEX, capabilityIndex, parseRankKey, placesOf, rankKey } from '../../../channels/principals/rank.ts';
import { agentFields } from './fixtures.ts';

const anyReputation = fc.integer({ min: 0, max: 500 }).map((hundredths) => hundredths / 100);
const anyPrice = fc.option(fc.bigInt({ min: 0n, max: MAX_AMOUNT_MICRO }), { nil: undefined });
const account = { id: 'a-1', insertedAtMs: 0, registration: '', firstKeyId: '', keys: [] };

describe('a rank key', () => {
  it('reads back as it was', () => {
    fc.assert(
      fc.property(anyReputation, anyPrice, (best, priceMicro) => {
        expect(parseRankKey(rankKey(best, priceMicro))).toEqual({ reputation: best, priceMicro });
      }),
    );
  });

  it('sorts best reputation first, then lowest price, then those without a price', () => {
    const rank = fc.tuple(anyReputation, anyPrice);
    fc.assert(
      fc.property(rank, rank, ([reputationA, priceA], [reputationB, priceB]) => {
        const byPrice = Number((priceA ?? MAX_AMOUNT_MICRO + 1n) - (priceB ?? MAX_AMOUNT_MICRO + 1n));
        const expected = Math.sign(reputationB - reputationA || byPrice);
        const [a, b] = [rankKey(reputationA, priceA), rankKey(reputationB, priceB)];
        expect(Buffer.compare(Buffer.from(a), Buffer.from(b))).toBe(expected);
      }),
    );
  });
});

describe('an agent', () => {
  it.each([
    [0, 0, 2.5],
    [1, 0, 3.33],
    [0, 1, 1.67],
    [98, 0, 4.95],
    [1_000_000, 0, 5],
    [0, 1_000_000, 0],
    [1, 2, 2],
  ])('with %i tasks completed and %i failed has a reputation of %d', (completed, failed, expected) => {
    expect(reputation({ completed, failed, pinnedReputation: null })).toBe(expected);
    expect(reputation({ completed, failed, pinnedReputation: 123 })).toBe(1.23);
  });

  it('stands among all agents by its lowest price and under each capability by that one’s', () => {
    const capabilities = [
      { name: 'chat', priceMicro: 50_000n },
      { name: 'draw', priceMicro: 20_000n },
    ];
    const agent = { ...account, ...agentFields({ capabilities }) };
    expect(lowestPriceMicro(agent)).toBe(20_000n);
    const created = { index: 'agents:created', key: placeKey(agent.insertedAtMs) };
    expect(placesOf(agent)).toEqual([
      created,
      { index: AGENTS_INDEX, key: rankKey(2.5, 20_000n) },
      { index: 'capability:chat', key: rankKey(2.5, 50_000n) },
      { index: 'capability:draw', key: rankKey(2.5, 20_000n) },
    ]);
    expect(placesOf({ ...agent, capabilities: [] })).toEqual([
      created,
      { index: AGENTS_INDEX, key: rankKey(2.5, undefined) },
    ]);
    expect(placesOf({ ...agent, status: 'suspended', userId: 'u-1' })).toEqual([
      created,
      { index: 'agents:owner:u-1', key: placeKey(agent.insertedAtMs) },
    ]);
  });

  it('has an index for any capability, free of U+0000 and its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (a, b) => {
        expect(capabilityIndex(a)).not.toContain('\u0000');
        expect(capabilityIndex(a) === capabilityIndex(b)).toBe(a === b);
      }),
    );
    expect(capabilityIndex('a\u0000b')).not.toBe(capabilityIndex('a%00b'));
  });

  it('is shown with canonical prices, a description only where there is one, and nothing of its keys', () => {
    const capabilities = [
      { name: 'chat', priceMicro: 50_000n, description: 'Talks' },
      { name: 'draw', priceMicro: 0n },
    ];
    const agent = { ...account, ...agentFields({ capabilities, metadata: { region: 'eu' } }), insertedAtMs: 1_500 };
    expect(agentView(agent)).toEqual({
      id: 'a-1',
      name: agent.name,
      public_key: agent.publicKey,
      user_id: null,
      capabilities: [
        { name: 'chat', price: '0.05', description: 'Talks' },
        { name: 'draw', price: '0' },
      ],
      metadata: { region: 'eu' },
      reputation: 2.5,
      status: 'active',
      inserted_at: '1970-01-01T00:00:01.500Z',
    });
  });
});
