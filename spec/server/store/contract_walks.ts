import type { AggregateId } from '../../../server/store/port.ts';
import { fresh, type Opened } from './under_test.ts';

export function walks(opened: Opened) {
  describe('a walk', () => {
    const walked = async (kinds: readonly string[]) => {
      const found = new Map<string, readonly object[]>();
      for await (const page of opened().peer.scan(kinds)) {
        for (const { kind, id, index } of page) found.set(`${kind} ${id}`, index);
      }
      return found;
    };

    it('finds all aggregates of the kinds that are asked for, and where they can be found', async () => {
      const { store } = opened();
      const [one, other, third] = [fresh('kind'), fresh('kind'), fresh('kind')];
      const ids = Array.from({ length: 1_234 }, (_, at) => `id-${at}`);
      const put = (aggregate: AggregateId, index: string[]) =>
        store.commit(aggregate, 0, {
          fields: { a: '1' },
          entries: [{ stream: 's}', position: 1, value: 'x' }],
          index: index.map((key) => ({ index: `i-${one}`, key })),
        });
      await Promise.all(ids.map((id) => put({ kind: one, id }, [])));
      await put({ kind: other, id: 'x' }, ['k1', 'k2']);
      await put({ kind: third, id: 'y' }, []);
      const found = await walked([one, other]);
      expect(found.size).toBe(ids.length + 1);
      for (const id of ids) expect(found.get(`${one} ${id}`)).toEqual([]);
      expect(found.get(`${other} x`)).toEqual([
        { index: `i-${one}`, key: 'k1' },
        { index: `i-${one}`, key: 'k2' },
      ]);
      expect(await walked([fresh('kind')])).toEqual(new Map());
      expect(await walked([])).toEqual(new Map());
    });
  });

  it('many aggregates are read with the fields that are wanted', async () => {
    const { store } = opened();
    const kind = fresh('kind');
    await store.commit({ kind, id: 'a' }, 0, { fields: { x: '1', y: '2' } });
    await store.commit({ kind, id: 'b' }, 0, { fields: { y: '3' } });
    const read = await store.readMany(kind, ['b', 'a', 'c'], ['x']);
    expect(read.map(({ version, fields }) => [version, { ...fields }])).toEqual([
      [1, {}],
      [1, { x: '1' }],
      [0, {}],
    ]);
  });
}
