import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LoggedFact, Store } from '../../../server/store/port.ts';
import { committed, fresh, freshAggregate, type Opened } from './under_test.ts';

/** Facts behind a position until there are none: the log is one for all examples. */
async function factsAfter(store: Store, after: string | undefined, limit = 1_000): Promise<LoggedFact[]> {
  const found: LoggedFact[] = [];
  for (let position = after; ; position = found.at(-1)?.position) {
    const page = await store.facts(position, limit);
    found.push(...page);
    if (page.length < limit) return found;
  }
}

export const endOfLog = async (store: Store) => (await factsAfter(store, undefined)).at(-1)?.position;

const texts = (facts: readonly LoggedFact[]) => facts.map(({ fact }) => fact);

export function facts(opened: Opened) {
  describe('the log of facts', () => {
    it('has the facts of commits in their order, to be read on from any position', async () => {
      const { store, peer } = opened();
      const from = await endOfLog(store);
      const [one, other] = [freshAggregate(), freshAggregate()];
      const said = ['first', 'second', '"third" with {anything} in it: €\u0000\n', 'fourth', 'fifth'].map(fresh);
      const [a = '', b = '', c = '', d = '', e = ''] = said;
      await committed(store, one, { fields: { n: '1' }, facts: [a, b] });
      await committed(peer, other, { facts: [c], deadlineMs: 9_999_999_999_999, index: [{ index: 'i', key: 'k' }] });
      await committed(store, one, { facts: [] }, { facts: [d, e] });

      const logged = await factsAfter(peer, from);
      expect(texts(logged)).toEqual(said);
      const positions = logged.map(({ position }) => position);
      expect([...positions].sort()).toEqual(positions);
      expect(new Set(positions).size).toBe(5);
      for (const [at, { position }] of logged.entries()) {
        expect(texts(await store.facts(position, 2))).toEqual(said.slice(at + 1, at + 3));
      }
      expect(texts(await factsAfter(store, from, 2))).toEqual(said);
      expect(await store.facts(logged.at(-1)?.position, 10)).toEqual([]);
    });

    it('has nothing of a commit that lost', async () => {
      const { store, peer } = opened();
      const from = await endOfLog(store);
      const task = freshAggregate();
      await committed(store, task, { fields: { n: '1' } });
      const [won, lost] = [fresh('won'), fresh('lost')];
      const results = await Promise.all([
        store.commit(task, 1, { fields: { n: '2' }, facts: [won] }),
        peer.commit(task, 0, { fields: { n: '3' }, facts: [lost] }),
        peer.commit(task, 7, { deadlineMs: 1_000, facts: [lost] }),
      ]);
      expect(results.map(({ ok }) => ok)).toEqual([true, false, false]);
      expect(texts(await factsAfter(store, from))).toEqual([won]);
    });

    it('has one fact for each of many commits that contend, in the order in which they won', async () => {
      const { store, peer, isSpread } = opened();
      const from = await endOfLog(store);
      const task = freshAggregate();
      const add = async (through: Store) => {
        for (;;) {
          const { version } = await through.read(task);
          const { ok } = await through.commit(task, version, { facts: [String(version)] });
          if (ok) return;
        }
      };
      await Promise.all(Array.from({ length: 40 }, (_, at) => add(at % 2 ? store : peer)));
      const logged = texts(await factsAfter(store, from));
      expect(isSpread ? logged.sort((a, b) => Number(a) - Number(b)) : logged).toEqual(
        Array.from({ length: 40 }, (_, at) => String(at)),
      );
    });

    it('lets a reader that goes on from its last position miss nothing that is written meanwhile', async () => {
      const { store, peer } = opened();
      let position = await endOfLog(store);
      const read: string[] = [];
      let isWriting = true;
      const reading = (async () => {
        for (let wasWriting = true; wasWriting; ) {
          wasWriting = isWriting;
          await nextTurn();
          const page = await peer.facts(position, 1_000);
          read.push(...texts(page));
          position = page.at(-1)?.position ?? position;
        }
      })();
      const written = Array.from({ length: 200 }, (_, at) => fresh(`f${at}-`));
      await Promise.all(
        written.map((fact, at) => (at % 2 ? store : peer).commit(freshAggregate(), 0, { facts: [fact] })),
      );
      isWriting = false;
      await reading;
      expect([...read].sort()).toEqual([...written].sort());
    });

    it('forgets up to a position, and never gives out a position again', async () => {
      const { store, peer } = opened();
      await committed(store, freshAggregate(), { facts: ['a', 'b', 'c'].map(fresh) });
      const [first, second, third] = (await factsAfter(store, undefined)).slice(-3);
      await peer.trimFacts(second?.position ?? '');
      expect(await store.facts(undefined, 10)).toEqual([third]);
      await store.trimFacts(first?.position ?? '');
      expect(await store.facts(first?.position, 10)).toEqual([third]);
      await store.trimFacts(third?.position ?? '');
      expect(await store.facts(undefined, 10)).toEqual([]);
      await committed(store, freshAggregate(), { facts: ['later'] });
      const [later] = await store.facts(third?.position, 10);
      expect(later?.fact).toBe('later');
    });
  });
}
