import { committed, fresh, type Opened } from './under_test.ts';

/** Sorted by UTF-8 bytes, which is not the order of UTF-16: U+FF5E comes before U+1F600. */
const KEYS = ['!', 'a', 'a!', 'a:', 'aa', 'ab', 'b', 'z', '~', '\u007f', 'ä', 'ä!', '€', '\uff5e', '\u{1f600}'];

export function indexes(opened: Opened) {
  describe('an index', () => {
    it('is in the order of the bytes of key, then of id', async () => {
      const { store } = opened();
      const { index, hits } = await filled(opened);
      expect(await store.lookup(index, { limit: 99 })).toEqual(hits);
      expect(await store.lookup(fresh('index'), { limit: 9 })).toEqual([]);
      expect(await store.lookup(index, { limit: 0 })).toEqual([]);
    });

    it('is read from one key, inclusive, until another, exclusive', async () => {
      const { store } = opened();
      const { index, hits } = await filled(opened);
      const bounds = [undefined, '', 'A', 'a!!', ...KEYS, 'zz', '\u{10ffff}'];
      for (const from of bounds) {
        for (const until of bounds) {
          const query = { ...(from !== undefined && { from }), ...(until !== undefined && { until }), limit: 99 };
          const expected = hits.filter(
            ({ key }) =>
              (from === undefined || bytes(key, from) >= 0) && (until === undefined || bytes(key, until) < 0),
          );
          expect([query, await store.lookup(index, query)]).toEqual([query, expected]);
        }
      }
    });

    it('goes on behind a hit, whether that is still there or not', async () => {
      const { store } = opened();
      const { index, hits } = await filled(opened);
      for (const limit of [1, 2, 7]) {
        const paged = [];
        for (let after: { key: string; id: string } | undefined; ; ) {
          const page = await store.lookup(index, { limit, ...(after && { after }) });
          expect(page.length).toBeLessThanOrEqual(limit);
          paged.push(...page);
          after = page.at(-1);
          if (!after) break;
        }
        expect(paged).toEqual(hits);
      }
      const behind = (key: string, id: string) => store.lookup(index, { after: { key, id }, limit: 1 });
      expect(await behind('a', 'a00')).toEqual([{ key: 'a', id: 'b' }]);
      expect(await behind('a', 'zzz')).toEqual([{ key: 'a!', id: 'a' }]);
      expect(await behind('aaa', 'b')).toEqual([{ key: 'ab', id: 'a' }]);
      expect(await behind('\u{1f600}', 'b')).toEqual([]);
    });

    it('takes the further of from and after', async () => {
      const { store } = opened();
      const { index } = await filled(opened);
      const after = { key: 'ab', id: 'a' };
      expect(await store.lookup(index, { from: 'a', after, limit: 1 })).toEqual([{ key: 'ab', id: 'a0' }]);
      expect(await store.lookup(index, { from: 'ab', after, limit: 1 })).toEqual([{ key: 'ab', id: 'a0' }]);
      expect(await store.lookup(index, { from: 'b', after, limit: 1 })).toEqual([{ key: 'b', id: 'a' }]);
      expect(await store.lookup(index, { from: '\uff5e', after: { key: '\u{1f600}', id: 'a0' }, limit: 9 })).toEqual([
        { key: '\u{1f600}', id: 'b' },
      ]);
      expect(await store.lookup(index, { after, until: 'ab', limit: 9 })).toEqual([]);
      expect(await store.lookup(index, { after, until: 'b', limit: 9 })).toEqual([
        { key: 'ab', id: 'a0' },
        { key: 'ab', id: 'b' },
      ]);
    });

    it('gives up earlier places that a change does not name, keeps them when it names none', async () => {
      const { store } = opened();
      const [one, two] = [fresh('index'), fresh('index')];
      const aggregate = { kind: 'agent', id: fresh('a') };
      const { id } = aggregate;
      const found = async () => [await store.lookup(one, { limit: 9 }), await store.lookup(two, { limit: 9 })];
      const place = (index: string, key: string) => ({ index, key });

      await committed(store, aggregate, { index: [place(one, 'a'), place(one, 'b'), place(two, 'a')] });
      expect(await found()).toEqual([
        [
          { key: 'a', id },
          { key: 'b', id },
        ],
        [{ key: 'a', id }],
      ]);
      await committed(store, aggregate, { fields: { unrelated: '1' }, deadlineMs: 9e12 });
      expect(await found()).toEqual([
        [
          { key: 'a', id },
          { key: 'b', id },
        ],
        [{ key: 'a', id }],
      ]);
      await committed(store, aggregate, {
        index: [place(two, 'a'), place(one, 'c'), place(two, 'a'), place(one, 'b')],
      });
      expect(await found()).toEqual([
        [
          { key: 'b', id },
          { key: 'c', id },
        ],
        [{ key: 'a', id }],
      ]);
      await committed(store, aggregate, { index: [place(one, 'b'), place(one, 'c'), place(two, 'a')] });
      expect(await found()).toEqual([
        [
          { key: 'b', id },
          { key: 'c', id },
        ],
        [{ key: 'a', id }],
      ]);
      await committed(store, aggregate, { index: [] });
      expect(await found()).toEqual([[], []]);
      await committed(store, aggregate, { index: [place(one, 'a')] });
      expect(await found()).toEqual([[{ key: 'a', id }], []]);
    });

    it('names an aggregate once for a place, however often it went and came back', async () => {
      const { store } = opened();
      const index = fresh('index');
      const aggregate = { kind: 'agent', id: fresh('a') };
      const changes = Array.from({ length: 20 }, (_, i) => ({ index: [{ index, key: i % 2 ? 'odd' : 'even' }] }));
      await committed(store, aggregate, ...changes);
      expect(await store.lookup(index, { limit: 9 })).toEqual([{ key: 'odd', id: aggregate.id }]);
    });
  });
}

const bytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** An index in which three aggregates have every key, and another one that has to stay out of sight. */
async function filled(opened: Opened) {
  const { store } = opened();
  const [index, kind] = [fresh('index'), fresh('kind')];
  const ids = ['b', 'a0', 'a'];
  await Promise.all(
    ids.map((id) => committed(store, { kind, id }, { index: [...KEYS].reverse().map((key) => ({ index, key })) })),
  );
  await committed(store, { kind, id: 'c' }, { index: [{ index: `${index}!`, key: 'a' }] });
  return { index, hits: KEYS.flatMap((key) => ['a', 'a0', 'b'].map((id) => ({ key, id }))) };
}
