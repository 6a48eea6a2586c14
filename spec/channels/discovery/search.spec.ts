import fc from 'fast-check';
import { type Directory, type Search, search } from '../../../channels/discovery/search.ts';
import type { Agent } from '../../../channels/principals/agent.ts';
import { capabilityIndex, placesOf } from '../../../channels/principals/rank.ts';
import type { IndexHit } from '../../../server/store/index.ts';
import { agentFields } from '../principals/fixtures.ts';

const CAPABILITY = 'chat';

function agent(at: number, reputationHundredths: number, priceMicro: bigint): Agent {
  const fields = agentFields({
    capabilities: [{ name: CAPABILITY, priceMicro }],
    pinnedReputation: reputationHundredths,
  });
  const id = `a-${String(at).padStart(6, '0')}`;
  return { ...fields, id, insertedAtMs: 0, registration: '', firstKeyId: '', keys: [] };
}

interface Place extends IndexHit {
  readonly agent: Agent;
}

const place = (agent: Agent): Place => ({
  agent,
  id: agent.id,
  key: placesOf(agent).find(({ index }) => index === capabilityIndex(CAPABILITY))?.key ?? '',
});

/** A directory of these agents in memory, none of them present, and counts of what was read. */
function directoryOf(agents: readonly Agent[]) {
  const read = { places: 0, agents: 0 };
  const placeText = ({ key, id }: IndexHit) => `${key}\0${id}`;
  const places = agents.map(place).sort((one, other) => (placeText(one) < placeText(other) ? -1 : 1));
  const byId = new Map(agents.map((agent) => [agent.id, agent]));
  const directory: Directory = {
    async lookup(_index, { from, until, after, limit }) {
      const first = places.findIndex(
        (hit) => (!from || hit.key >= from) && (!after || placeText(hit) > placeText(after)),
      );
      const hits = (first < 0 ? [] : places.slice(first, first + limit)).filter(({ key }) => !until || key < until);
      read.places += hits.length;
      return hits.map(({ key, id }) => ({ key, id }));
    },
    async readMany(ids) {
      read.agents += ids.length;
      return ids.map((id) => byId.get(id));
    },
    statusOf: () => 'offline',
    present: () => [],
  };
  return { directory, places, read };
}

const every = { status: undefined, minReputation: undefined, maxPriceMicro: undefined, after: undefined } as const;

async function allPages(query: Omit<Search, 'after'>, directory: Directory): Promise<string[]> {
  const ids: string[] = [];
  for (let after: IndexHit | undefined; ; ) {
    const found = await search({ ...query, after }, directory);
    const page = found.slice(0, query.limit);
    ids.push(...page.map(({ agent }) => agent.id));
    after = found.length > query.limit ? page.at(-1)?.hit : undefined;
    if (!after) return ids;
  }
}

describe('a search', () => {
  it('finds all that fit, each once and in order, whatever the page, the price and the reputation', async () => {
    const ranks = fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.bigInt({ min: 0n, max: 9n })), {
      maxLength: 120,
    });
    const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
    const conditions = fc.record({
      maxPriceMicro: optional(fc.bigInt({ min: 0n, max: 9n })),
      minReputation: optional(fc.integer({ min: 0, max: 8 }).map((hundredths) => hundredths / 100)),
      limit: fc.integer({ min: 1, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(ranks, conditions, async (ranks, { maxPriceMicro, minReputation, limit }) => {
        const agents = ranks.map(([reputation, price], at) => agent(at, reputation, price));
        const { directory, places } = directoryOf(agents);
        const fits = ({ agent: { pinnedReputation, capabilities } }: Place) =>
          (minReputation === undefined || (pinnedReputation ?? 0) >= Math.round(minReputation * 100)) &&
          (maxPriceMicro === undefined || (capabilities[0]?.priceMicro ?? 0n) <= maxPriceMicro);
        const query = { ...every, capability: CAPABILITY, maxPriceMicro, minReputation, limit };
        expect(await allPages(query, directory)).toEqual(places.filter(fits).map(({ id }) => id));
      }),
    );
  });

  it('reads no more than its page, on whichever page', async () => {
    const { directory, places, read } = directoryOf(
      Array.from({ length: 1_000 }, (_, at) => agent(at, 250, BigInt(at))),
    );
    for (const after of [undefined, places[500]]) {
      read.places = read.agents = 0;
      await search({ ...every, after, capability: CAPABILITY, limit: 20 }, directory);
      expect(read).toEqual({ places: 21, agents: 21 });
    }
  });

  it('passes over all that ask too much, one step for each reputation', async () => {
    const agents = Array.from({ length: 10_000 }, (_, at) => agent(at, 100 * (at % 5), BigInt(at)));
    const { directory, read } = directoryOf(agents);
    const query = { ...every, capability: CAPABILITY, maxPriceMicro: 4n, limit: 20 };
    const found = await search(query, directory);
    expect(found.map(({ agent }) => agent.id)).toEqual([4, 3, 2, 1, 0].map((at) => agents[at]?.id));
    expect(read.agents).toBe(5);
    expect(read.places).toBeLessThanOrEqual(5 * 21);
  });
});
