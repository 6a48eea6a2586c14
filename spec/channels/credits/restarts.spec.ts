import { USER_CREDITS } from '../../../channels/credits/codec.ts';
import { CreditAccounts } from '../../../channels/credits/credit_accounts.ts';
import { EarningsAccounts } from '../../../channels/credits/earnings_accounts.ts';
import { LEASE_MS } from '../../../channels/credits/feature.ts';
import { openEmbeddedStore } from '../../../server/store/embedded.ts';
import type { Store } from '../../../server/store/port.ts';
import { openRedisStore } from '../../../server/store/redis.ts';
import { ADMIN_TOKEN, type Aerie, folder, onRedis, type Place } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { sharedRedisUrl } from '../../support/redis.ts';
import { stopwatch } from '../../support/stopwatch.ts';
import { ledgerOf, newParties, pay, type SpecPayment, startPayingNode, sumsOf } from './deployments.ts';

/** `KILL_ROUNDS=500 npm run spec -- credits/restarts` looks longer. */
const ROUNDS = Number(process.env.KILL_ROUNDS ?? 6);
const FINISHED_WITHIN_MS = 2_000;

/** The store of a place, as a node that has died would have used it. */
async function openStore({ env }: Place): Promise<Store> {
  if (env.REDIS_URL === undefined) return openEmbeddedStore({ dir: env.DATA_DIR ?? '' });
  const store = openRedisStore({ url: env.REDIS_URL, networkId: env.NETWORK_ID ?? '' });
  await store.ready(5_000);
  return store;
}

describe.each<[string, () => Promise<Place>]>([
  ['the embedded store', folder],
  ['Redis', async () => onRedis(sharedRedisUrl())],
])('a payment in flight, on %s', (_name, makePlace) => {
  let place: Place;
  let node: Aerie;
  beforeEach(async () => {
    place = await makePlace();
    node = await startPayingNode(place);
  });
  afterEach(async () => {
    await node.stop();
    await place.remove();
  });

  async function kill(): Promise<void> {
    node.signal('SIGKILL');
    await node.exit;
  }

  const inFlight = async (userId: string) =>
    (await node.call<{ in_flight: string }>('GET', `/api/users/${userId}/balance`, ADMIN_TOKEN)).body.in_flight;

  /** Part of a payment of 4 that a node has done when it dies, with or without having taken the deadline of it. */
  it.each([
    ['debited', { isEarned: false, isTaken: false }],
    ['debited and credited', { isEarned: true, isTaken: false }],
    ['debited, and about to be finished by a node that dies too', { isEarned: false, isTaken: true }],
  ])(
    'that was %s is finished within 2 s of a start',
    async (_what, { isEarned, isTaken }) => {
      const { user, agent } = await newParties(node, '10');
      await kill();
      const store = await openStore(place);
      const terms = { id: 'p-1', sessionId: 's-1', amountMicro: 4_000_000n };
      await new CreditAccounts(store).apply(user.id, { type: 'debit', ...terms, agentId: agent.id });
      if (isEarned) await new EarningsAccounts(store).apply(agent.id, { type: 'earn', ...terms, userId: user.id });
      if (isTaken) {
        await eventually(async () => expect(await store.claimDue(USER_CREDITS, 10, LEASE_MS)).toMatchObject([{}]));
      }
      await store.close();

      node = await startPayingNode(place);
      const elapsedMs = stopwatch(node.pid);
      await eventually(async () => expect(await inFlight(user.id)).toBe('0'));
      expect(elapsedMs()).toBeLessThan(FINISHED_WITHIN_MS);
      const earnings = await node.call('GET', `/api/agents/${agent.id}/earnings`, ADMIN_TOKEN);
      expect(earnings.body).toEqual({ earned: '4', paid_out: '0', balance: '4' });
      expect((await ledgerOf(node, `/api/agents/${agent.id}`)).map(({ payment_id: id }) => id)).toEqual(['p-1']);
      await eventually(async () =>
        expect(await sumsOf(node)).toMatchObject({ ledger_difference: 0, in_flight_usdc: 0, earnings_unpaid_usdc: 4 }),
      );
    },
    60_000,
  );

  it('is finished after kill -9 at any moment, and no payment is booked twice or on one side', async () => {
    const users = await Promise.all(Array.from({ length: 4 }, () => newParties(node, '1000')));
    const booked = new Set<string>();
    let [left, foundInFlight, slowestMs] = [0, 0, 0];
    for (let round = 0; round < ROUNDS; round++) {
      const payments = users.flatMap(({ user, agent }, of) =>
        Array.from({ length: 25 }, (_, at): SpecPayment => {
          const id = `p-${round}-${of}-${at}`;
          return { id, userId: user.id, agentId: agent.id, sessionId: `s-${at}`, amountMicro: 10_000 };
        }),
      );
      const payAll = () => Promise.allSettled(payments.map((payment) => pay(node, payment)));
      const paying = payAll();
      await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 40));
      await kill();
      await paying;

      const store = await openStore(place);
      const accounts = await new CreditAccounts(store).readMany(users.map(({ user }) => user.id));
      const flying = accounts.flatMap((account) => account?.inFlight ?? []);
      left += flying.length;
      foundInFlight += Number(flying.length > 0);
      await store.close();

      node = await startPayingNode(place);
      const elapsedMs = stopwatch(node.pid);
      await eventually(async () => {
        const found = await Promise.all(users.map(({ user }) => inFlight(user.id)));
        expect(found).toEqual(users.map(() => '0'));
      });
      slowestMs = Math.max(slowestMs, elapsedMs());
      // Whoever lost the answer asks again.
      for (const outcome of await payAll()) expect(outcome).toEqual({ status: 'fulfilled', value: 'booked' });
      for (const { id } of payments) booked.add(id);
    }
    expect(slowestMs).toBeLessThan(FINISHED_WITHIN_MS);
    for (const { user, agent } of users) {
      for (const path of [`/api/users/${user.id}`, `/api/agents/${agent.id}`]) {
        const ids = (await ledgerOf(node, path)).flatMap(({ payment_id: id }) => id ?? []);
        expect(ids).toHaveLength(25 * ROUNDS);
        expect(new Set(ids).size).toBe(ids.length);
        for (const id of ids) expect(booked.has(id)).toBe(true);
      }
    }
    expect(await sumsOf(node)).toMatchObject({ credits_usdc_total: 4_000, ledger_difference: 0, in_flight_usdc: 0 });
    if (process.env.KILL_ROUNDS) {
      const found = `${foundInFlight} of ${ROUNDS} kills left ${left} payments in flight`;
      process.stdout.write(`${found}, the slowest finished ${Math.round(slowestMs)} ms after a start\n`);
    }
  }, 3_600_000);
});
