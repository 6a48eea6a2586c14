import type { Due, Store } from '../../../server/store/port.ts';
import { eventually } from '../../support/eventually.ts';
import { committed, fresh, type Opened } from './under_test.ts';

const LONG_MS = 3_600_000;

export function deadlines(opened: Opened) {
  describe('a deadline', () => {
    it('is handed out when it has passed, the earliest first, and not before', async () => {
      const { store } = opened();
      const kind = fresh('kind');
      const nowMs = await store.nowMs();
      await committed(store, { kind, id: 'third' }, { deadlineMs: nowMs });
      await committed(store, { kind, id: 'first' }, { deadlineMs: 1 });
      await committed(store, { kind, id: 'second' }, { deadlineMs: nowMs - 5_000 });
      await committed(store, { kind, id: 'ahead' }, { deadlineMs: nowMs + LONG_MS });
      await committed(store, { kind: fresh('kind'), id: 'other' }, { deadlineMs: 1 });
      expect(await store.claimDue(kind, 1, LONG_MS)).toEqual([{ id: 'first', deadlineMs: 1 }]);
      expect(await store.claimDue(kind, 0, LONG_MS)).toEqual([]);
      expect(await store.claimDue(kind, 9, LONG_MS)).toEqual([
        { id: 'second', deadlineMs: nowMs - 5_000 },
        { id: 'third', deadlineMs: nowMs },
      ]);
      expect(await store.claimDue(kind, 9, LONG_MS)).toEqual([]);
      expect(await store.claimDue(fresh('kind'), 9, LONG_MS)).toEqual([]);
    });

    it('is handed out once, to one of many who ask at once', async () => {
      const { store, peer } = opened();
      const kind = fresh('kind');
      const ids = Array.from({ length: 100 }, (_, i) => `a${i}`);
      await Promise.all(ids.map((id, i) => committed(store, { kind, id }, { deadlineMs: 1_000 + i })));
      const claims = Array.from({ length: 40 }, (_, i) => (i % 2 ? store : peer).claimDue(kind, 7, LONG_MS));
      const claimed = (await Promise.all(claims)).flat();
      expect(claimed.map(({ id }) => id).sort()).toEqual([...ids].sort());
    });

    it('is handed out again when its lease has run out, as often as that happens', async () => {
      const { store, peer } = opened();
      const kind = fresh('kind');
      await committed(store, { kind, id: 'a' }, { deadlineMs: 5 });
      expect(await store.claimDue(kind, 9, 1)).toEqual([{ id: 'a', deadlineMs: 5 }]);
      expect(await claimedBy(peer, kind, 1)).toEqual([{ id: 'a', deadlineMs: 5 }]);
      expect(await claimedBy(store, kind, LONG_MS)).toEqual([{ id: 'a', deadlineMs: 5 }]);
      expect(await peer.claimDue(kind, 9, LONG_MS)).toEqual([]);
    });

    it('is settled by whoever took it: cleared, or moved and handed out anew', async () => {
      const { store, peer } = opened();
      const kind = fresh('kind');
      const [cleared, moved, ahead] = ['cleared', 'moved', 'ahead'].map((id) => ({ kind, id })) as [Id, Id, Id];
      for (const each of [cleared, moved, ahead]) await committed(store, each, { deadlineMs: 1_000 });
      expect(await store.claimDue(kind, 9, 1)).toHaveLength(3);
      await committed(store, cleared, { deadlineMs: null });
      await committed(store, moved, { deadlineMs: 2_000 });
      await committed(store, ahead, { deadlineMs: (await store.nowMs()) + LONG_MS });
      expect(await claimedBy(peer, kind, LONG_MS)).toEqual([{ id: 'moved', deadlineMs: 2_000 }]);
      expect(await store.claimDue(kind, 9, LONG_MS)).toEqual([]);
    });

    it('can come back to the time it had while it was leased', async () => {
      const { store } = opened();
      const kind = fresh('kind');
      await committed(store, { kind, id: 'a' }, { deadlineMs: 1_000 });
      expect(await store.claimDue(kind, 9, LONG_MS)).toHaveLength(1);
      await committed(store, { kind, id: 'a' }, { deadlineMs: null }, { deadlineMs: 1_000 });
      expect(await store.claimDue(kind, 9, LONG_MS)).toEqual([{ id: 'a', deadlineMs: 1_000 }]);
    });

    it('stays as it is, lease included, when a change leaves it out or repeats it', async () => {
      const { store } = opened();
      const kind = fresh('kind');
      await committed(store, { kind, id: 'a' }, { deadlineMs: 1_000 }, { fields: { a: '1' } }, { deadlineMs: 1_000 });
      expect(await store.claimDue(kind, 9, LONG_MS)).toEqual([{ id: 'a', deadlineMs: 1_000 }]);
      await committed(store, { kind, id: 'a' }, { fields: { a: '2' } }, { deadlineMs: 1_000, index: [] });
      expect(await store.claimDue(kind, 9, LONG_MS)).toEqual([]);
    });

    it('is forgotten when it is moved ahead or cleared before anybody took it', async () => {
      const { store } = opened();
      const kind = fresh('kind');
      await committed(store, { kind, id: 'ahead' }, { deadlineMs: 1_000 }, { deadlineMs: 9e12 });
      await committed(store, { kind, id: 'cleared' }, { deadlineMs: 1_000 }, { deadlineMs: null });
      await committed(store, { kind, id: 'earlier' }, { deadlineMs: 9e12 }, { deadlineMs: 1_000 });
      expect(await store.claimDue(kind, 9, LONG_MS)).toEqual([{ id: 'earlier', deadlineMs: 1_000 }]);
    });

    it('is not lost when it is asked for while its commit is on the way', async () => {
      const { store, peer } = opened();
      const kind = fresh('kind');
      const ids = Array.from({ length: 50 }, (_, i) => `a${i}`);
      const claimed: Due[] = [];
      const commits = ids.map((id) => committed(store, { kind, id }, { deadlineMs: 1 }));
      await eventually(async () => {
        claimed.push(...(await peer.claimDue(kind, 9, LONG_MS)));
        expect(claimed.length).toBeGreaterThanOrEqual(ids.length);
      }, 10_000);
      await Promise.all(commits);
      expect(claimed.map(({ id }) => id).sort()).toEqual([...ids].sort());
    });
  });
}

type Id = { kind: string; id: string };

/** Asks until something is handed out. */
const claimedBy = (store: Store, kind: string, leaseMs: number) =>
  eventually(async () => {
    const due = await store.claimDue(kind, 9, leaseMs);
    expect(due).not.toEqual([]);
    return due;
  });
