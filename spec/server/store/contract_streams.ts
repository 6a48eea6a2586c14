import { committed, freshAggregate, type Opened } from './under_test.ts';

const entry = (stream: string, position: number, value: string | null) => ({ stream, position, value });

export function streams(opened: Opened) {
  describe('a stream', () => {
    it('is read from a position on, ascending, at most so many', async () => {
      const { store } = opened();
      const task = freshAggregate();
      const positions = [5, 0, 10, 9, 100, Number.MAX_SAFE_INTEGER];
      await committed(store, task, { entries: positions.map((position) => entry('s', position, `v${position}`)) });
      const ascending = [...positions].sort((a, b) => a - b).map((position) => ({ position, value: `v${position}` }));
      expect(await store.range(task, 's', 0, 99)).toEqual(ascending);
      expect(await store.range(task, 's', 9, 99)).toEqual(ascending.slice(2));
      expect(await store.range(task, 's', 11, 1)).toEqual(ascending.slice(4, 5));
      expect(await store.range(task, 's', 0, 0)).toEqual([]);
      expect(await store.range(task, 'none', 0, 9)).toEqual([]);
    });

    it('overwrites a position that is taken and gives one up on null', async () => {
      const { store } = opened();
      const task = freshAggregate();
      await committed(
        store,
        task,
        { entries: [entry('s', 1, 'a'), entry('s', 2, 'a'), entry('s', 3, 'a')] },
        { entries: [entry('s', 2, 'b'), entry('s', 3, null), entry('s', 9, null), entry('s', 4, '')] },
      );
      expect(await store.range(task, 's', 0, 9)).toEqual([
        { position: 1, value: 'a' },
        { position: 2, value: 'b' },
        { position: 4, value: '' },
      ]);
      await committed(store, task, { entries: [entry('s', 1, 'x'), entry('s', 1, 'y')] });
      expect(await store.range(task, 's', 0, 1)).toEqual([{ position: 1, value: 'y' }]);
    });

    it('is dropped whole, before the entries of the same change, and no other with it', async () => {
      const { store } = opened();
      const task = freshAggregate();
      const other = freshAggregate();
      const all = ['s', 'ss', 's:', 't'].flatMap((stream) => [entry(stream, 1, stream), entry(stream, 2, stream)]);
      await committed(store, task, { entries: all });
      await committed(store, other, { entries: all });
      await committed(store, task, { dropStreams: ['s', 't', 'none'], entries: [entry('s', 2, 'new')] });
      expect(await store.range(task, 's', 0, 9)).toEqual([{ position: 2, value: 'new' }]);
      expect(await store.range(task, 't', 0, 9)).toEqual([]);
      expect(await store.range(task, 'ss', 0, 9)).toHaveLength(2);
      expect(await store.range(task, 's:', 0, 9)).toHaveLength(2);
      expect(await store.range(other, 's', 0, 9)).toHaveLength(2);
    });

    it('holds 10,000 entries, is paged through, and is dropped', async () => {
      const { store } = opened();
      const task = freshAggregate();
      for (let at = 0; at < 10_000; at += 2_500) {
        const entries = Array.from({ length: 2_500 }, (_, i) => entry('s', at + i, `value ${at + i}`));
        await committed(store, task, { entries });
      }
      const read: string[] = [];
      for (let from = 0; ; ) {
        const page = await store.range(task, 's', from, 999);
        read.push(...page.map(({ value }) => value));
        const last = page.at(-1);
        if (!last || page.length < 999) break;
        from = last.position + 1;
      }
      expect(read).toEqual(Array.from({ length: 10_000 }, (_, i) => `value ${i}`));
      expect(await store.range(task, 's', 9_999, 5)).toEqual([{ position: 9_999, value: 'value 9999' }]);
      await committed(store, task, { dropStreams: ['s'] });
      expect(await store.range(task, 's', 0, 1)).toEqual([]);
    });

    it('is seen by the next read as soon as its commit resolves', async () => {
      const { store, peer } = opened();
      const task = freshAggregate();
      for (let position = 0; position < 50; position++) {
        expect(await store.commit(task, position, { entries: [entry('s', position, 'v')] })).toMatchObject({
          ok: true,
        });
        expect(await peer.range(task, 's', position, 2)).toEqual([{ position, value: 'v' }]);
      }
    });
  });
}
