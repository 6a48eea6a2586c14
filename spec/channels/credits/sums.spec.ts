import type { CreditAccounts } from '../../../channels/credits/credit_accounts.ts';
import type { EarningsAccounts } from '../../../channels/credits/earnings_accounts.ts';
import { newEarningsAccount } from '../../../channels/credits/state.ts';
import { type Sums, SumsOfAccounts } from '../../../channels/credits/sums.ts';
import { placeKey } from '../../../channels/kernel/lists/order.ts';
import { silentLog } from '../../../server/index.ts';
import { type IndexQuery, StoreUnavailable } from '../../../server/store/port.ts';
import { NOW_MS } from '../kernel/scenario.ts';
import { accountWith } from './fixtures.ts';

const ids = (count: number) => Array.from({ length: count }, (_, at) => `id-${String(at).padStart(5, '0')}`);

/** Sums over so many users who have 1 USDC each, and so many agents with nothing. */
function sumsOver({ users = 0, agents = 0, walkMs = 0, waitsMs = 0 }) {
  const kept: Record<string, string[]> = {
    'user_credits:created': ids(users),
    'agent_earnings:created': ids(agents),
  };
  const world = { nowMs: 0, walks: 0, isAway: false, isUntidy: false };
  const readMany = async <A>(read: readonly string[], account: A) => {
    return read.map((id) => (id === 'id-00001' ? undefined : account));
  };
  const sums = new SumsOfAccounts({
    store: {
      async lookup(index: string, { after, limit }: IndexQuery) {
        if (index === 'user_credits:created' && !after) world.walks++;
        await new Promise((resolve) => setTimeout(resolve, waitsMs));
        world.nowMs += walkMs / 2;
        if (world.isAway) throw new StoreUnavailable('away');
        const all = kept[index] ?? [];
        const from = after ? all.indexOf(after.id) + 1 : 0;
        const key = placeKey(NOW_MS);
        const hits = all.slice(from, from + limit).map((id) => ({ key, id }));
        // As two nodes leave it that were the first to book on one account, in one millisecond and in another one.
        return world.isUntidy && !after
          ? [{ key: placeKey(NOW_MS + 1), id: 'id-00000' }, ...hits.slice(0, 1), ...hits]
          : hits;
      },
    },
    users: { readMany: (read) => readMany(read, accountWith('1')) } satisfies Pick<CreditAccounts, 'readMany'>,
    agents: { readMany: (read) => readMany(read, newEarningsAccount(NOW_MS)) } satisfies Pick<
      EarningsAccounts,
      'readMany'
    >,
    log: silentLog,
    nowMs: () => world.nowMs,
  });
  return { world, sums };
}

const usdcOf = (sums: Sums | undefined) => sums && Number(sums.creditsMicro / 1_000_000n);

describe('the sums of accounts', () => {
  it.each([0, 1, 199, 200, 201, 400, 1_001])('are over all of %i accounts, page by page', async (users) => {
    const { sums } = sumsOver({ users, agents: users });
    // One that an index names is not there.
    expect(usdcOf(await sums.read())).toBe(users > 1 ? users - 1 : users);
  });

  it('count an account once that stands in its index more than once', async () => {
    const { world, sums } = sumsOver({ users: 10, agents: 10 });
    world.isUntidy = true;
    expect(usdcOf(await sums.read())).toBe(9);
  });

  it('are added up once for scrapes that come at once, and kept nine times as long as that took', async () => {
    const { world, sums } = sumsOver({ users: 1, walkMs: 20 });
    await Promise.all([sums.read(), sums.read(), sums.read()]);
    expect([world.walks, world.nowMs]).toEqual([1, 20]);
    for (const [nowMs, walks] of [
      [199, 1],
      [200, 2],
      [399, 2],
      [400, 3],
    ] as const) {
      world.nowMs = nowMs;
      await sums.read();
      expect([nowMs, world.walks]).toEqual([nowMs, walks]);
    }
  });

  it('are the former ones while the store is away, and unknown before there are any', async () => {
    const { world, sums } = sumsOver({ users: 1 });
    world.isAway = true;
    expect(await sums.read()).toBeUndefined();
    world.isAway = false;
    expect(usdcOf(await sums.read())).toBe(1);
    world.isAway = true;
    expect(usdcOf(await sums.read())).toBe(1);
  });

  it('let a scrape wait for at most a second', async () => {
    const { sums } = sumsOver({ users: 1, waitsMs: 700 });
    expect(await sums.read()).toBeUndefined();
    expect(usdcOf(await sums.read())).toBe(1);
  });
});
