import type { CreditAccounts } from '../../../channels/credits/credit_accounts.ts';
import type { EarningsAccounts } from '../../../channels/credits/earnings_accounts.ts';
import { newEarningsAccount } from '../../../channels/credits/state.ts';
import { type Sums, SumsOfAccounts } from '../../../channels/credits/sums.ts';
import { silentLog } from '../../../server/index.ts';
import { type IndexQuery, StoreUnavailable } from '../../../server/store/port.ts';
import { NOW_MS } from '../kernel/scenario.ts';
import { accountWith } from './fixtures.ts';

const ids = (count: number) => Array.from({ length: count }, (_, at) => `id-${String(at).padStart(5, '0')}`);

/** Sums over so many users who have 1 USDC each, and so many agents with nothing. */
function sumsOver({ users = 0, agents = 0, walkMs = 0 }) {
  const kept: Record<string, string[]> = {
    'user_credits:created': ids(users),
    'agent_earnings:created': ids(agents),
  };
  const world = { reads: 0, isAway: false, kept };
  const readMany = async <A>(read: readonly string[], account: A) => {
    world.reads++;
    return read.map((id) => (id === 'id-00001' ? undefined : account));
  };
  const sums = new SumsOfAccounts({
    store: {
      async lookup(index: string, { after, limit }: IndexQuery) {
        await new Promise((resolve) => setTimeout(resolve, walkMs));
        if (world.isAway) throw new StoreUnavailable('away');
        const all = kept[index] ?? [];
        const from = after ? all.indexOf(after.id) + 1 : 0;
        return all.slice(from, from + limit).map((id) => ({ key: 'k', id }));
      },
    },
    users: { readMany: (read) => readMany(read, accountWith('1')) } satisfies Pick<CreditAccounts, 'readMany'>,
    agents: { readMany: (read) => readMany(read, newEarningsAccount(NOW_MS)) } satisfies Pick<
      EarningsAccounts,
      'readMany'
    >,
    log: silentLog,
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

  it('are added up once for scrapes that come at once, and kept nine times as long as that took', async () => {
    const { world, sums } = sumsOver({ users: 1, walkMs: 20 });
    await Promise.all([sums.read(), sums.read(), sums.read()]);
    await sums.read();
    expect(world.reads).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await sums.read();
    expect(world.reads).toBe(2);
  });

  it('are the former ones while the store is away, and unknown before there are any', async () => {
    const { world, sums } = sumsOver({ users: 1 });
    world.isAway = true;
    expect(await sums.read()).toBeUndefined();
    world.isAway = false;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(usdcOf(await sums.read())).toBe(1);
    world.isAway = true;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(usdcOf(await sums.read())).toBe(1);
  });

  it('let a scrape wait for at most a second', async () => {
    const { sums } = sumsOver({ users: 1, walkMs: 700 });
    expect(await sums.read()).toBeUndefined();
    expect(usdcOf(await sums.read())).toBe(1);
  });
});
