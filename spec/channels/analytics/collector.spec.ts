import { COLLECTOR, Collector } from '../../../channels/analytics/collector.ts';
import type { CountedFact } from '../../../channels/analytics/facts.ts';
import { FiguresStore } from '../../../channels/analytics/figures_store.ts';
import { History } from '../../../channels/analytics/history.ts';
import { OwnedAgents } from '../../../channels/analytics/owned_agents.ts';
import { Queries } from '../../../channels/analytics/queries.ts';
import { agentScope, aggregateOf, GLOBAL, type Scope } from '../../../channels/analytics/scope.ts';
import { factText } from '../../../channels/kernel/facts.ts';
import { silentLog } from '../../../server/index.ts';
import { type Store, StoreUnavailable } from '../../../server/store/port.ts';
import { onEveryStore } from '../stores.ts';
import { dice } from './day.ts';

const HOUR_MS = 3_600_000;
const AGENTS = ['a1', 'a2', 'a3'];

let made = 0;
/** Puts facts into the log, some in each commit. */
async function log(store: Store, facts: readonly CountedFact[]): Promise<void> {
  for (let at = 0; at < facts.length; at += 7) {
    const some = facts.slice(at, at + 7).map(factText);
    await store.commit({ kind: 'spec', id: `facts-${++made}` }, 0, { facts: some });
  }
}

function node(store: Store) {
  const figuresStore = new FiguresStore(store, { began() {}, ended() {} });
  const parts = { store, figuresStore, owned: new OwnedAgents(store), present: () => [], log: silentLog };
  return { collector: new Collector(parts), figuresStore, answers: new Queries(new History(store, figuresStore)) };
}

/** A store that fails now and then, before or after it has done what it was asked. */
function failingStore(store: Store, roll: (below: number) => number): Store {
  const failing =
    <A extends unknown[], T>(method: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      if (roll(25) === 0) throw new StoreUnavailable('before');
      const result = await method(...args);
      if (roll(25) === 0) throw new StoreUnavailable('after');
      return result;
    };
  return { ...store, commit: failing(store.commit), trimFacts: failing(store.trimFacts), facts: failing(store.facts) };
}

describe('the collector', () => {
  onEveryStore((opened) => {
    it('counts each fact once, however often it fails and whoever races', async () => {
      const { store, peer } = opened();
      const { roll, two } = dice('collector');
      const nowMs = await store.nowMs();
      let expected = 0n;
      const counted = new Map<string, number>(AGENTS.map((agent) => [agent, 0]));
      const collectors = [store, peer, store].map((each) => node(failingStore(each, roll)).collector);
      for (let round = 0; round < 15; round++) {
        const facts = Array.from({ length: roll(60) }, (): CountedFact => {
          const [from, to] = two(AGENTS);
          const micro = BigInt(roll(1_000));
          expected += micro;
          for (const agent of [from, to]) counted.set(agent, (counted.get(agent) ?? 0) + 1);
          // Of any time, also of hours and days that were closed before.
          const atMs = nowMs - roll(6) * 5 * HOUR_MS - roll(HOUR_MS);
          return { type: 'transfer_executed', atMs, from, to, amountMicro: String(micro) };
        });
        await log(store, facts);
        await Promise.all(collectors.map((collector) => collector.collect().catch(() => {})));
      }
      await node(store).collector.collect();
      await node(peer).collector.collect();

      const { answers } = node(peer);
      const all = await answers.metrics([GLOBAL], '7d', nowMs + 60_000, true);
      expect(BigInt(Math.round(Number(all.payments.volume) * 1e6))).toBe(expected);
      for (const agent of AGENTS) {
        const own = await answers.metrics([agentScope(agent)], '7d', nowMs + 60_000, false);
        expect(own.payments.transfers).toBe(counted.get(agent));
      }
    });

    it('keeps the sums of minutes in the hours and days that they become, and forgets in time', async () => {
      const { store } = opened();
      const { collector, figuresStore, answers } = node(store);
      const nowMs = await store.nowMs();
      const client = 'old';
      const created = (atMs: number): CountedFact => ({ type: 'task_created', atMs, client, provider: 'other' });
      // Of at least five days at any hour.
      const hoursAgo = [24 * 40, 24 * 29, 24 * 29 - 3, 24 * 6, 24 * 3, 60, 59, 20, 3, 0];
      await log(
        store,
        hoursAgo.map((hours) => created(nowMs - hours * HOUR_MS)),
      );
      await collector.collect();
      const tasks = async (period: '24h' | '7d' | '30d') =>
        (await answers.metrics([agentScope(client)], period, nowMs, false)).tasks.created;
      const figures = async () => [await tasks('24h'), await tasks('7d'), await tasks('30d')];
      expect(await figures()).toEqual([3, 7, 9]);
      for (let again = 0; again < 2; again++) {
        await figuresStore.look(agentScope(client), async (alerts) => alerts);
        expect(await figures()).toEqual([3, 7, 9]);
      }
      await log(store, [created(nowMs)]);
      await collector.collect();
      expect(await figures()).toEqual([4, 8, 10]);
      const kept = async (stream: string) =>
        (await store.range(aggregateOf(agentScope(client)), stream, 0, 100)).map(({ value }) => value).length;
      expect(await kept('hours')).toBeGreaterThan(6);
      expect(await kept('days')).toBeGreaterThan(4);
    });

    it('keeps of each bucket the thousand that brought most, and of all only sums', async () => {
      const { store } = opened();
      const { collector, figuresStore, answers } = node(store);
      const nowMs = await store.nowMs();
      const names = Array.from({ length: 1_200 }, (_, at) => `n${at}`);
      const about = { atMs: nowMs - HOUR_MS, client: 'rich', provider: 'popular' };
      const ended = { type: 'task_completed', wasRunning: false, durationMs: 1 } as const;
      await log(
        store,
        names.flatMap((name, at): CountedFact[] => [
          { type: 'transfer_executed', atMs: nowMs - HOUR_MS, from: name, to: 'popular', amountMicro: String(at + 1) },
          { ...ended, ...about, capability: name, priceMicro: String(at + 1) },
        ]),
      );
      await collector.collect();
      await figuresStore.look(agentScope('popular'), async (alerts) => alerts);
      const kept = async (scope: Scope) =>
        (await store.range(aggregateOf(scope), 'minutes', Math.floor(nowMs / 60_000) - 61, 62)).map(({ value }) => {
          const { p = [], k = [] } = JSON.parse(value) as { p?: [string][]; k?: [string][] };
          return [p.length, k.length];
        });
      expect(await kept(agentScope('popular'))).toEqual([[1_000, 1_000]]);
      expect((await kept(GLOBAL)).flat().every((named) => named === 0)).toBe(true);
      const { total, by_counterparty, by_capability } = await answers.revenue([agentScope('popular')], '24h', nowMs);
      expect(total).toBe('0.7206');
      expect([by_counterparty.length, by_capability.length]).toEqual([1_000, 1_000]);
      expect([by_counterparty[0], by_counterparty.at(-1)]).toEqual([
        { agent_id: 'n1199', amount: '0.0012', transfers: 1 },
        { agent_id: 'n200', amount: '0.000201', transfers: 1 },
      ]);
    });

    it('names who is online in a minute again where the commit has failed', async () => {
      const { store } = opened();
      const figuresStore = new FiguresStore(store, { began() {}, ended() {} });
      let isFailing = true;
      const failing: Store = {
        ...store,
        async commit(aggregate, version, change) {
          if (isFailing && change.facts) throw new StoreUnavailable('before');
          return store.commit(aggregate, version, change);
        },
      };
      const present = () => ['seen'];
      const collector = new Collector({
        store: failing,
        figuresStore,
        owned: new OwnedAgents(store),
        present,
        log: silentLog,
      });
      // Whoever has looked before: it is time again.
      const { version } = await store.read({ kind: COLLECTOR, id: 'analytics' });
      await store.commit({ kind: COLLECTOR, id: 'analytics' }, version, { fields: { looked: '0' } });
      await expect(collector.collect()).rejects.toThrow(StoreUnavailable);
      isFailing = false;
      await collector.collect();
      await collector.collect();
      const { points } = await node(store).answers.series(
        [agentScope('seen')],
        'online_agents',
        '1h',
        '1h',
        await store.nowMs(),
      );
      expect(points.some(({ value }) => Number(value) > 0)).toBe(true);
    });

    it('goes on where its deadline was lost', async () => {
      const { store } = opened();
      const { collector } = node(store);
      await collector.begin();
      const { version } = await store.read({ kind: COLLECTOR, id: 'analytics' });
      await store.commit({ kind: COLLECTOR, id: 'analytics' }, version, { deadlineMs: null });
      expect(await store.claimDue(COLLECTOR, 10, 1)).toEqual([]);
      await collector.begin();
      expect(await store.claimDue(COLLECTOR, 10, 1)).toMatchObject([{ id: 'analytics' }]);
    });

    it('leaves out what it cannot read, and what it does not know', async () => {
      const { store } = opened();
      const { collector, answers } = node(store);
      const nowMs = await store.nowMs();
      const unknown = JSON.stringify({ type: 'from_a_later_version', atMs: nowMs });
      const known = factText({ type: 'message_sent', atMs: nowMs, from: 'writer' });
      await store.commit({ kind: 'spec', id: `facts-${++made}` }, 0, { facts: ['{', unknown, known] });
      await collector.collect();
      const { messages } = await answers.metrics([agentScope('writer')], '1h', nowMs, false);
      expect(messages.sent).toBe(1);
    });
  });
});
