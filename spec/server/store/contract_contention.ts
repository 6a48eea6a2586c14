import { eventually } from '../../support/eventually.ts';
import { fresh, freshAggregate, type Opened } from './under_test.ts';

export function contendedCommits(opened: Opened) {
  describe('commits that compete', () => {
    it('let exactly one win per version', async () => {
      const { store, peer } = opened();
      const task = freshAggregate();
      for (let version = 0; version < 5; version++) {
        const results = await Promise.all(
          Array.from({ length: 40 }, (_, writer) =>
            (writer % 2 ? store : peer).commit(task, version, {
              fields: { by: `${writer}`, [`w${writer}`]: `${version}` },
            }),
          ),
        );
        const winners = results.flatMap((result, writer) => (result.ok ? [writer] : []));
        expect(winners).toHaveLength(1);
        expect(results[winners[0] ?? -1]).toMatchObject({ ok: true, version: version + 1 });
        expect(results.filter((result) => !result.ok)[0]).toEqual({ ok: false, conflict: true });
        const read = await store.read(task);
        expect(read).toMatchObject({ version: version + 1, fields: { by: `${winners[0]}` } });
        expect(Object.values(read.fields).filter((value) => value === `${version}`)).toContain(`${version}`);
      }
    });

    it('lose no step of writers who decide again', async () => {
      const { store, peer } = opened();
      const task = freshAggregate();
      const writer = async (through: typeof store) => {
        for (let done = 0; done < 10; ) {
          const { version, fields } = await through.read(task);
          const sum = Number(fields.sum ?? 0) + 1;
          const { ok } = await through.commit(task, version, {
            fields: { sum: `${sum}` },
            entries: [{ stream: 'steps', position: sum, value: `${version}` }],
          });
          if (ok) done += 1;
        }
      };
      await Promise.all([store, peer, store, peer, store, peer].map(writer));
      expect(await peer.read(task)).toMatchObject({ version: 60, fields: { sum: '60' } });
      const steps = Array.from({ length: 60 }, (_, i) => ({ position: i + 1, value: `${i}` }));
      expect(await store.range(task, 'steps', 0, 100)).toEqual(steps);
    });

    it('change nothing at all when they lose: no field, stream, index or deadline', async () => {
      const { store } = opened();
      const [kind, index] = [fresh('kind'), fresh('index')];
      const aggregate = { kind, id: 'a' };
      const first = {
        fields: { a: '1' },
        entries: [{ stream: 's', position: 1, value: 'one' }],
        index: [{ index, key: 'first' }],
        deadlineMs: 1_000,
      };
      expect(await store.commit(aggregate, 0, first)).toMatchObject({ ok: true, version: 1 });
      const late = {
        fields: { a: null, b: '2' },
        entries: [{ stream: 's', position: 2, value: 'two' }],
        dropStreams: ['s'],
        index: [{ index, key: 'second' }],
        deadlineMs: 2_000,
      };
      for (const stale of [0, 2, 3, 1_000_000]) {
        expect(await store.commit(aggregate, stale, late)).toEqual({ ok: false, conflict: true });
      }
      expect(await store.read(aggregate)).toMatchObject({ version: 1, fields: { a: '1' } });
      expect((await store.read(aggregate)).fields.b).toBeUndefined();
      expect(await store.range(aggregate, 's', 0, 9)).toEqual([{ position: 1, value: 'one' }]);
      expect(await store.lookup(index, { limit: 9 })).toEqual([{ key: 'first', id: 'a' }]);
      expect(await store.claimDue(kind, 9, 60_000)).toEqual([{ id: 'a', deadlineMs: 1_000 }]);
    });

    it('leave the places of the winner in the indexes, and no others', async () => {
      const { store, peer, isSpread } = opened();
      const index = fresh('index');
      const task = freshAggregate();
      for (let version = 0; version < 5; version++) {
        const results = await Promise.all(
          Array.from({ length: 10 }, (_, writer) =>
            (writer % 2 ? store : peer).commit(task, version, {
              index: [
                { index, key: 'always' },
                { index, key: `writer${(version + writer) % 10}` },
              ],
            }),
          ),
        );
        const winner = results.findIndex(({ ok }) => ok);
        const isTidy = async () =>
          expect(await store.lookup(index, { limit: 99 })).toEqual([
            { key: 'always', id: task.id },
            { key: `writer${(version + winner) % 10}`, id: task.id },
          ]);
        // Each handle tidies up after itself before it does anything that comes later on the same master.
        await Promise.all([store.nowMs(), peer.nowMs()]);
        await (isSpread ? eventually(isTidy) : isTidy());
      }
    });

    it('never wait for each other: many aggregates at once all win', async () => {
      const { store, peer } = opened();
      const kind = fresh('kind');
      const ids = Array.from({ length: 300 }, (_, i) => `a${i}`);
      const results = await Promise.all(
        ids.map((id, i) => (i % 2 ? store : peer).commit({ kind, id }, 0, { fields: { id } })),
      );
      expect(results.every(({ ok }) => ok)).toBe(true);
      expect((await store.readMany(kind, ids)).map(({ fields }) => fields.id)).toEqual(ids);
    });
  });
}

export function counts(opened: Opened) {
  describe('a counter', () => {
    it('starts at 0 and adds what is asked for, negative and zero too', async () => {
      const { store, peer } = opened();
      const counter = fresh('counter');
      expect(await store.increment(counter, 0)).toBe(0);
      expect(await store.increment(counter, 5)).toBe(5);
      expect(await peer.increment(counter, -7)).toBe(-2);
      expect(await store.increment(counter, 0)).toBe(-2);
      expect(await store.increment(fresh('counter'), 0)).toBe(0);
    });

    it('gives each of many at once a value of its own', async () => {
      const { store, peer } = opened();
      const counter = fresh('counter');
      const values = await Promise.all(
        Array.from({ length: 200 }, (_, i) => (i % 2 ? store : peer).increment(counter, 1)),
      );
      expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
      expect(await peer.increment(counter, 0)).toBe(200);
    });

    it('counts while aggregates are committed', async () => {
      const { store } = opened();
      const [kind, counter] = [fresh('kind'), fresh('counter')];
      const work = Array.from({ length: 50 }, (_, i) => [
        store.commit({ kind, id: `${i}` }, 0, { fields: { i: `${i}` } }),
        store.increment(counter, 2),
      ]);
      await Promise.all(work.flat());
      expect(await store.increment(counter, 0)).toBe(100);
      const read = await store.readMany(kind, ['0', '49']);
      expect(read.map(({ fields }) => fields.i)).toEqual(['0', '49']);
    });
  });
}
