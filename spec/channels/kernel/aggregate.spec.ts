import { Aggregates, type AggregateType, type Decision, ok } from '../../../channels/kernel/aggregate.ts';
import { refuse } from '../../../channels/kernel/reasons.ts';
import { type Store, StoreUnavailable } from '../../../server/store/port.ts';
import { onEveryStore, tamperedStore } from '../stores.ts';

interface Tally {
  readonly sum: number;
  readonly atMs: number;
}
interface Add {
  readonly by: number;
  readonly note?: string;
}
interface Added {
  readonly type: 'added';
  readonly by: number;
}

const LIMIT = 1_000;

function decide(state: Tally | undefined, { by, note }: Add, nowMs: number): Decision<Tally, Added> {
  const { sum } = state ?? { sum: 0 };
  if (sum + by > LIMIT) return refuse('conflict', { sum });
  if (by === 0 && state) return ok({ state, events: [] });
  return ok({
    state: { sum: sum + by, atMs: nowMs },
    events: [{ type: 'added', by }],
    ...(note && { entries: [{ stream: 'notes', position: sum + by, value: note }] }),
  });
}

const tallyType: AggregateType<Tally, Add, Added> = {
  kind: 'tally',
  parse: (fields) => ({ sum: Number(fields.sum), atMs: Number(fields.at_ms) }),
  change: ({ sum, atMs }) => ({
    fields: { sum: String(sum), at_ms: String(atMs) },
    index: [{ index: 'tallies', key: String(sum).padStart(4, '0') }],
  }),
  decide,
};

let made = 0;
const freshId = () => `t${++made}`;

describe('an aggregate', () => {
  onEveryStore((opened) => {
    const tallies = (store: Store = opened().store) => new Aggregates(store, tallyType);

    it('is not there before its first command', async () => {
      expect(await tallies().read(freshId())).toBeUndefined();
    });

    it('takes commands one after the other, by the clock of the store', async () => {
      const id = freshId();
      const before = await opened().store.nowMs();
      expect(await tallies().apply(id, { by: 3 })).toMatchObject({ ok: true, state: { sum: 3 }, events: [{ by: 3 }] });
      expect(await tallies().apply(id, { by: 4 })).toMatchObject({ ok: true, state: { sum: 7 } });
      const kept = await tallies(opened().peer).read(id);
      expect(kept?.sum).toBe(7);
      expect(kept?.atMs).toBeGreaterThanOrEqual(before);
      expect(kept?.atMs).toBeLessThanOrEqual(await opened().store.nowMs());
    });

    it('commits state, entries and places together', async () => {
      const id = freshId();
      await tallies().apply(id, { by: 5, note: 'five' });
      expect(await opened().store.range({ kind: 'tally', id }, 'notes', 0, 10)).toEqual([
        { position: 5, value: 'five' },
      ]);
      expect(await opened().store.lookup('tallies', { from: '0005', until: '0006', limit: 10 })).toContainEqual({
        key: '0005',
        id,
      });
    });

    it('logs the facts of what changed, of every command of a commit, and none where nothing did', async () => {
      const { store } = opened();
      const id = freshId();
      const type: typeof tallyType = {
        ...tallyType,
        facts: (events, { sum }, { id: from, before, nowMs: atMs }) =>
          events.map(({ by }) => ({ type: 'message_sent', atMs, from: `${from} ${before?.sum ?? 0} ${by} ${sum}` })),
      };
      const counting = new Aggregates(store, type);
      await counting.apply(id, { by: 2 });
      await Promise.all([3, 0, LIMIT, 4].map((by) => counting.apply(id, { by })));
      await counting.apply(id, { by: 0 });
      const facts = (await store.facts(undefined, 1_000)).map(({ fact }) => JSON.parse(fact));
      const own = facts.filter(({ from }) => from.startsWith(`${id} `));
      expect(own.map(({ from }) => from)).toEqual([`${id} 0 2 2`, `${id} 2 3 5`, `${id} 5 4 9`]);
      expect(own.map(({ version }) => version)).toEqual([0, 1, 1]);
      for (const { atMs } of own) expect(Math.abs(atMs - (await store.nowMs()))).toBeLessThan(60_000);
    });

    it('decides commands that come at once in their order and commits them together', async () => {
      const id = freshId();
      const store = opened().store;
      let commits = 0;
      const counting = {
        ...store,
        commit(...change: Parameters<Store['commit']>) {
          commits++;
          return store.commit(...change);
        },
      };
      const aggregates = tallies(counting);
      const applied = await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          aggregates.apply(id, at === 25 ? { by: LIMIT } : { by: 1, note: `${at}` }),
        ),
      );
      const sums = applied.map((one) => (one.ok ? one.state.sum : one.reason));
      expect(sums).toEqual([
        ...Array.from({ length: 25 }, (_, at) => at + 1),
        'conflict',
        ...Array.from({ length: 24 }, (_, at) => at + 26),
      ]);
      expect(commits).toBeLessThanOrEqual(2);
      expect((await store.range({ kind: 'tally', id }, 'notes', 0, 100)).map(({ position }) => position)).toEqual(
        Array.from({ length: 49 }, (_, at) => at + 1),
      );
    });

    it('reads whole no more what it has committed twice in a row, and sees what others commit', async () => {
      const { store, peer } = opened();
      const id = freshId();
      let parsed = 0;
      const type: typeof tallyType = {
        ...tallyType,
        remembers: ({ sum }) => sum < 10,
        parse(fields) {
          parsed++;
          return tallyType.parse(fields);
        },
      };
      const remembering = new Aggregates(store, type);
      await remembering.apply(id, { by: 1 });
      await remembering.apply(id, { by: 1 });
      expect(parsed).toBe(1);
      for (let sum = 3; sum <= 5; sum++) {
        await remembering.apply(id, { by: 1 });
        expect((await remembering.read(id))?.sum).toBe(sum);
      }
      expect(parsed).toBe(1);
      await tallies(peer).apply(id, { by: 2 });
      expect(await remembering.apply(id, { by: 1 })).toMatchObject({ ok: true, state: { sum: 8 } });
      await remembering.apply(id, { by: 0, note: 'x' });
      await tallies(peer).apply(id, { by: 1 });
      expect((await remembering.read(id))?.sum).toBe(9);
      await remembering.apply(id, { by: 1 });
      await remembering.apply(id, { by: 1 });
      parsed = 0;
      await remembering.read(id);
      expect(parsed).toBe(1);
    });

    it('commits onto what it remembers only if its own commit is still the last', async () => {
      const { store } = opened();
      const id = freshId();
      const made: unknown[] = [];
      const demanded: unknown[] = [];
      const remembering = new Aggregates(
        {
          ...store,
          async commit(aggregate, expected, change, lastCommitId) {
            const result = await store.commit(aggregate, expected, change, lastCommitId);
            if (result.ok) made.push(result.commitId);
            demanded.push(lastCommitId);
            return result;
          },
        },
        { ...tallyType, remembers: () => true },
      );
      for (let turn = 0; turn < 4; turn++) await remembering.apply(id, { by: 1 });
      expect(demanded).toEqual([undefined, undefined, made[1], made[2]]);
      expect(new Set(made).size).toBe(store.name === 'redis' ? 4 : 1);
    });

    it('remembers nothing of what two nodes change in turn', async () => {
      const { store, peer } = opened();
      const id = freshId();
      let lost = 0;
      const counting = (its: Store): Store => ({
        ...its,
        async commit(...asked) {
          const result = await its.commit(...asked);
          if (!result.ok) lost++;
          return result;
        },
      });
      const nodes = [store, peer].map((its) => new Aggregates(counting(its), { ...tallyType, remembers: () => true }));
      for (let turn = 0; turn < 10; turn++) await nodes[turn % 2]?.apply(id, { by: 1 });
      expect((await nodes[0]?.read(id))?.sum).toBe(10);
      expect(lost).toBe(0);
    });

    it('decides nothing for good on what it remembers, where somebody else has committed since', async () => {
      const { peer } = opened();
      const id = freshId();
      const remembering = new Aggregates(opened().store, { ...tallyType, remembers: () => true });
      const addTwice = async (by: number) => {
        await remembering.apply(id, { by });
        await remembering.apply(id, { by });
      };
      await addTwice(LIMIT / 2 - 1);
      await tallies(peer).apply(id, { by: -10 });
      expect(await remembering.apply(id, { by: 5 })).toMatchObject({ ok: true, state: { sum: LIMIT - 7 } });
      await addTwice(1);
      await tallies(peer).apply(id, { by: 1 });
      expect(await remembering.apply(id, { by: 0 })).toMatchObject({ ok: true, state: { sum: LIMIT - 4 }, events: [] });
      await addTwice(1);
      await tallies(peer).apply(id, { by: 2 });
      expect(await remembering.apply(id, { by: 1 })).toMatchObject({ ok: false, details: { sum: LIMIT } });
    });

    it('recalls what it has committed twice in a row, and reads else', async () => {
      const { store, peer } = opened();
      const id = freshId();
      const remembering = new Aggregates(store, { ...tallyType, remembers: () => true });
      expect(await remembering.recall(id)).toBeUndefined();
      await remembering.apply(id, { by: 1 });
      await remembering.apply(id, { by: 1 });
      await tallies(peer).apply(id, { by: 1 });
      expect((await remembering.recall(id))?.sum).toBe(2);
      expect((await remembering.read(id))?.sum).toBe(3);
    });

    it('commits nothing for a refusal, nor where nothing changes', async () => {
      const id = freshId();
      await tallies().apply(id, { by: LIMIT });
      expect(await tallies().apply(id, { by: 1 })).toMatchObject({
        ok: false,
        reason: 'conflict',
        details: { sum: LIMIT },
      });
      expect(await tallies().apply(id, { by: 0 })).toMatchObject({ ok: true, state: { sum: LIMIT }, events: [] });
      expect((await opened().store.read({ kind: 'tally', id })).version).toBe(1);
    });

    it('loses none of many commands at once, and breaks no rule, on two nodes', async () => {
      const id = freshId();
      const nodes = [tallies(), tallies(opened().peer)];
      const applied = await Promise.all(
        Array.from({ length: 120 }, (_, at) => nodes[at % 2]?.apply(id, { by: 10, note: `${at}` })),
      );
      expect(applied.filter((answer) => answer?.ok)).toHaveLength(100);
      expect((await tallies().read(id))?.sum).toBe(LIMIT);
      expect(await opened().store.range({ kind: 'tally', id }, 'notes', 0, 1_000)).toHaveLength(100);
    });

    it('decides again when somebody else was faster', async () => {
      const id = freshId();
      let meddled = 0;
      const store = tamperedStore(opened().store, async () => {
        if (++meddled <= 3) await tallies(opened().peer).apply(id, { by: 100 });
      });
      expect(await tallies(store).apply(id, { by: 1 })).toMatchObject({ ok: true, state: { sum: 301 } });
      expect(meddled).toBe(4);
    });

    it('lets no failed command hold up the next one', async () => {
      const id = freshId();
      let commits = 0;
      const store = tamperedStore(opened().store, async () => {
        if (++commits === 1) throw new StoreUnavailable('away');
      });
      const node = tallies(store);
      const answers = await Promise.allSettled([node.apply(id, { by: 1 }), node.apply(id, { by: 2 })]);
      expect(answers).toMatchObject([
        { status: 'rejected', reason: { name: 'StoreUnavailable' } },
        { status: 'fulfilled', value: { ok: true, state: { sum: 2 } } },
      ]);
    });

    it('reads many in the order asked for, missing and malformed ids included', async () => {
      const [a, b] = [freshId(), freshId()];
      await tallies().apply(a, { by: 1 });
      await tallies().apply(b, { by: 2 });
      const found = await tallies().readMany([b, 'nobody', 'bad id', a, 'a\u0000b', b]);
      expect(found.map((tally) => tally?.sum)).toEqual([2, undefined, undefined, 1, undefined, 2]);
    });

    it('is never there under a malformed id', async () => {
      for (const id of ['', 'a\u0000b', '../x', 'toString']) {
        expect(await tallies().read(id)).toBeUndefined();
        expect(() => tallies().apply(id, { by: 1 })).toThrow(RangeError);
      }
    });
  });
});
