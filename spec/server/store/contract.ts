import type { Snapshot } from '../../../server/store/port.ts';
import { contendedCommits, counts } from './contract_contention.ts';
import { deadlines } from './contract_deadlines.ts';
import { facts } from './contract_facts.ts';
import { indexes } from './contract_indexes.ts';
import { streams } from './contract_streams.ts';
import { walks } from './contract_walks.ts';
import { behavesLikeTheModel } from './model.ts';
import { committed, fresh, freshAggregate, type Opened, type StoreUnderTest } from './under_test.ts';

/** Specs that every adapter of the port must pass. */
export function storeContract(name: 'embedded' | 'redis', open: () => Promise<StoreUnderTest>) {
  describe(`the ${name} store`, () => {
    let opened: StoreUnderTest;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.discard());
    const current = () => opened;

    aggregates(name, current);
    contendedCommits(current);
    streams(current);
    indexes(current);
    walks(current);
    deadlines(current);
    counts(current);
    facts(current);
    probes(current);
    behavesLikeTheModel(current);
  });
}

function probes(opened: Opened) {
  it('a probe writes again and again, for each node, and changes nothing that anybody reads', async () => {
    const { store, peer } = opened();
    const counter = fresh('probe');
    await store.increment(counter, 3);
    await Promise.all([store.probe('n1'), peer.probe('n2'), store.probe('n1')]);
    await store.probe('n1');
    expect(await peer.increment(counter, 0)).toBe(3);
    expect(await store.increment('probe', 0)).toBe(0);
    expect((await store.read({ kind: 'probe', id: 'n1' })).version).toBe(0);
  });
}

const fieldsOf = ({ fields }: Snapshot) => Object.entries(fields).sort();

function aggregates(name: string, opened: Opened) {
  describe('an aggregate', () => {
    it('is at version 0 and without fields before its first commit', async () => {
      const { store } = opened();
      expect(store.name).toBe(name);
      expect(await store.read(freshAggregate())).toMatchObject({ version: 0 });
      expect(fieldsOf(await store.read(freshAggregate()))).toEqual([]);
    });

    it('keeps the fields a change does not name, sets those it names and removes those set to null', async () => {
      const { store } = opened();
      const task = freshAggregate();
      await committed(store, task, { fields: { kept: '1', changed: '1', gone: '1' } });
      await committed(store, task, { fields: { changed: '2', gone: null, never: null, added: '' } });
      const read = await store.read(task);
      expect(read.version).toBe(2);
      expect(fieldsOf(read)).toEqual([
        ['added', ''],
        ['changed', '2'],
        ['kept', '1'],
      ]);
    });

    it('is read whole, or only the fields that are wanted', async () => {
      const { store } = opened();
      const task = freshAggregate();
      await committed(store, task, { fields: { a: '1', b: '2', __proto__x: '3', constructor: '4' } });
      const read = await store.read(task, ['b', 'constructor', 'absent']);
      expect(read.version).toBe(1);
      expect(fieldsOf(read)).toEqual([
        ['b', '2'],
        ['constructor', '4'],
      ]);
      expect(fieldsOf(await store.read(task, []))).toEqual([]);
      expect((await store.read(task, [])).version).toBe(1);
      expect((await store.read(freshAggregate(), ['a'])).version).toBe(0);
    });

    it('grows by one version with a change of nothing', async () => {
      const { store } = opened();
      const task = freshAggregate();
      expect(await committed(store, task, {}, {}, { fields: { a: 'x' } }, {})).toBe(4);
      expect(await store.read(task)).toMatchObject({ version: 4, fields: { a: 'x' } });
    });

    it('takes names of object prototypes as names like any other', async () => {
      const { store } = opened();
      const task = freshAggregate();
      expect((await store.read(task)).fields.constructor).toBeUndefined();
      await committed(store, task, { fields: { ['__proto__']: 'a', constructor: 'b', toString: 'c' } });
      const { fields } = await store.read(task);
      expect(Object.entries(fields).sort()).toEqual([
        ['__proto__', 'a'],
        ['constructor', 'b'],
        ['toString', 'c'],
      ]);
      await committed(store, task, { fields: { ['__proto__']: null, constructor: null } });
      const after = await store.read(task);
      expect(fieldsOf(after)).toEqual([['toString', 'c']]);
      expect(after.fields.constructor).toBeUndefined();
    });

    it('gives every text back as it was: empty, control characters, all planes of Unicode, 256 KiB', async () => {
      const { store } = opened();
      const task = freshAggregate();
      const texts = {
        empty: '',
        control: '\u0000\u0001\n\r\u007f',
        planes: 'ä€😀\ufeff\uffff',
        big: '€'.repeat(87_381),
        ascii: 'x'.repeat(262_144),
      };
      await committed(store, task, {
        fields: texts,
        entries: Object.values(texts).map((value, position) => ({ stream: 's', position, value })),
      });
      expect({ ...(await store.read(task)).fields }).toEqual(texts);
      expect((await store.range(task, 's', 0, 10)).map(({ value }) => value)).toEqual(Object.values(texts));
    });

    it('is not mixed up with another whose id it starts with, nor with one of another kind', async () => {
      const { store } = opened();
      const id = fresh('t');
      const all = [id, `${id}.`, `${id}-1`, `${id}0`].flatMap((id) => [
        { kind: 'task', id },
        { kind: 'tasks', id },
      ]);
      const label = ({ kind, id }: { kind: string; id: string }) => `${kind} ${id}`;
      for (const each of all) {
        await committed(store, each, {
          fields: { f: label(each) },
          entries: [{ stream: 's', position: 1, value: label(each) }],
        });
      }
      for (const each of all) {
        expect(fieldsOf(await store.read(each))).toEqual([['f', label(each)]]);
        expect(await store.range(each, 's', 0, 9)).toEqual([{ position: 1, value: label(each) }]);
      }
    });

    it('comes with the clock of the store, which goes on', async () => {
      const { store, peer } = opened();
      const first = await store.nowMs();
      const { nowMs } = await store.read(freshAggregate());
      expect(nowMs).toBeGreaterThanOrEqual(first);
      expect(await peer.nowMs()).toBeGreaterThanOrEqual(nowMs);
      expect(Math.abs(first - Date.now())).toBeLessThan(60_000);
    });

    it('is read with many, in the order asked for, absent and repeated ones too', async () => {
      const { store } = opened();
      const [a, b, absent] = [freshAggregate(), freshAggregate(), freshAggregate()];
      await committed(store, a, { fields: { is: 'a' } });
      await committed(store, b, { fields: { is: 'b' } }, {});
      const read = await store.readMany('task', [b.id, absent.id, a.id, b.id]);
      expect(read.map(({ version, fields }) => [version, fields.is])).toEqual([
        [2, 'b'],
        [0, undefined],
        [1, 'a'],
        [2, 'b'],
      ]);
      expect(await store.readMany('task', [])).toEqual([]);
    });
  });
}
