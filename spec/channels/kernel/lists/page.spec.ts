import fc from 'fast-check';
import { byCreation, type ListPosition, placeKey } from '../../../../channels/kernel/lists/order.ts';
import { readPage, type Source } from '../../../../channels/kernel/lists/page.ts';
import type { Store } from '../../../../server/store/port.ts';
import { onEveryStore } from '../../stores.ts';

interface Thing {
  readonly id: string;
  readonly atMs: number;
  readonly owners: readonly string[];
}

let runs = 0;

onEveryStore((opened) => {
  /** Things in one index of all and one for each owner. */
  async function filled(things: readonly Thing[]) {
    const run = `list${++runs}`;
    const { store } = opened();
    await Promise.all(
      things.map(({ id, atMs, owners }) => {
        const key = placeKey(atMs);
        const index = [{ index: run, key }, ...owners.map((owner) => ({ index: `${run}:${owner}`, key }))];
        return store.commit({ kind: run, id }, 0, { fields: { at: `${atMs}` }, index });
      }),
    );
    return { run, store };
  }

  const sourceOf = (run: string, store: Store, indexes: readonly string[], wanted = (_id: string) => true) => {
    const read: string[] = [];
    const source: Source<string> = {
      indexes,
      order: byCreation,
      async read(ids) {
        read.push(...ids);
        const found = await store.readMany(run, ids);
        return ids.map((id, at) => {
          const atMs = found[at]?.fields.at;
          return atMs === undefined || !wanted(id) ? undefined : { item: id, insertedAtMs: Number(atMs) };
        });
      },
    };
    return { source, read };
  };

  async function pagesOf(source: Source<string>, limit: number, store: Store, between = async () => {}) {
    const pages: (readonly string[])[] = [];
    let after: ListPosition | undefined;
    do {
      const { items, next } = await readPage(source, { after, limit }, store);
      pages.push(items);
      after = next;
      if (next) await between();
    } while (after);
    return pages;
  }

  const byNewest = (one: Thing, other: Thing) => other.atMs - one.atMs || (one.id < other.id ? -1 : 1);

  it('pages of several lists are one list: newest first, then by id, each thing once, the last page full or the end', async () => {
    const thing = fc.record({
      id: fc.stringMatching(/^[a-c][a-c.-]{0,3}$/),
      atMs: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_003 }),
      owners: fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { minLength: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(thing, { selector: ({ id }) => id, maxLength: 40 }),
        fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }),
        fc.integer({ min: 1, max: 9 }),
        async (things, owners, limit) => {
          const { run, store } = await filled(things);
          const { source } = sourceOf(
            run,
            store,
            owners.map((owner) => `${run}:${owner}`),
          );
          const pages = await pagesOf(source, limit, store);
          const mine = things.filter((each) => each.owners.some((owner) => owners.includes(owner)));
          expect(pages.flat()).toEqual(mine.sort(byNewest).map(({ id }) => id));
          for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
          if (mine.length > 0) expect(pages.at(-1)?.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('a long list is not overtaken by what stands behind it in another one', async () => {
    const things = Array.from({ length: 120 }, (_, at) => ({
      id: `t${String(at).padStart(3, '0')}`,
      atMs: 1_700_000_000_000 + at,
      owners: [at < 60 ? 'old' : 'new'],
    }));
    const { run, store } = await filled(things);
    const { source } = sourceOf(run, store, [`${run}:old`, `${run}:new`], (id) => Number(id.slice(1)) % 3 === 0);
    const wanted = things.filter((_, at) => at % 3 === 0).sort(byNewest);
    expect((await pagesOf(source, 15, store)).flat()).toEqual(wanted.map(({ id }) => id));
  });

  it('nothing comes twice and nothing is missing, whatever is made, removed or moved between two pages', async () => {
    const things = Array.from({ length: 30 }, (_, at) => ({
      id: `t${at}`,
      atMs: 1_700_000_000_000 + Math.floor(at / 4),
      owners: ['x'],
    }));
    const { run, store } = await filled(things);
    const { source } = sourceOf(run, store, [run]);
    let turn = 0;
    const pages = await pagesOf(source, 4, store, async () => {
      turn++;
      const made = { id: `new${turn}`, atMs: 1_700_000_009_000 + turn };
      const index = [{ index: run, key: placeKey(made.atMs) }];
      await store.commit({ kind: run, id: made.id }, 0, { fields: { at: `${made.atMs}` }, index });
      await store.commit({ kind: run, id: 't0' }, turn, { fields: { turn: `${turn}` } });
    });
    expect(pages.flat()).toEqual(things.sort(byNewest).map(({ id }) => id));
  });

  it('a thing is listed where it stands, not where an index still names it', async () => {
    const { run, store } = await filled([{ id: 'moved', atMs: 1_700_000_000_005, owners: ['x'] }]);
    const stale = { index: run, key: placeKey(1_700_000_000_001) };
    await store.commit({ kind: run, id: 'moved' }, 1, {
      index: [stale, { index: run, key: placeKey(1_700_000_000_005) }],
    });
    const { source } = sourceOf(run, store, [run]);
    expect((await pagesOf(source, 1, store)).flat()).toEqual(['moved']);
  });

  it('a page reads a bounded part where matches are rare, and the next one goes on', async () => {
    const things = Array.from({ length: 1_700 }, (_, at) => ({
      id: `t${at}`,
      atMs: 1_700_000_000_000 + at,
      owners: [],
    }));
    const { run, store } = await filled(things);
    const { source, read } = sourceOf(run, store, [run], (id) => id === 't3' || id === 't1600');
    const { items, next } = await readPage(source, { after: undefined, limit: 20 }, store);
    expect(items).toEqual(['t1600']);
    expect(next).toBeDefined();
    expect(read.length).toBeLessThanOrEqual(600);
    const pages = await pagesOf(source, 20, store);
    expect(pages.flat()).toEqual(['t1600', 't3']);
    expect(pages.length).toBeLessThan(6);

    // What a hit itself shows costs no reading.
    const shown = sourceOf(run, store, [run]);
    const likely = { ...shown.source, isLikely: ({ id }: { id: string }) => id === 't3' };
    expect(await readPage(likely, { after: undefined, limit: 20 }, store)).toEqual({ items: ['t3'], next: undefined });
    expect(shown.read).toEqual(['t3']);
  });
});
