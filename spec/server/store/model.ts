import fc from 'fast-check';
import type { AggregateId, Change, IndexQuery } from '../../../server/store/port.ts';
import { fresh, type Opened } from './under_test.ts';

/** The port in plain words: what a store without a disk, a network or a second reader would answer. */
class Model {
  readonly #aggregates = new Map<string, Aggregate>();

  read(id: string): Aggregate {
    return (
      this.#aggregates.get(id) ?? { version: 0, fields: {}, streams: {}, index: [], deadlineMs: null, taken: false }
    );
  }

  commit(id: string, expected: number, change: Change) {
    const before = this.read(id);
    if (before.version !== expected) return { ok: false, conflict: true };
    const after: Aggregate = structuredClone(before);
    after.version += 1;
    for (const [field, value] of Object.entries(change.fields ?? {})) put(after.fields, field, value);
    for (const stream of change.dropStreams ?? []) delete after.streams[stream];
    for (const { stream, position, value } of change.entries ?? []) {
      after.streams[stream] ??= {};
      put(after.streams[stream], `${position}`, value);
    }
    if (change.index) after.index = [...change.index];
    if (change.deadlineMs !== undefined && change.deadlineMs !== before.deadlineMs) {
      Object.assign(after, { deadlineMs: change.deadlineMs, taken: false });
    }
    this.#aggregates.set(id, after);
    return { ok: true, version: after.version };
  }

  range(id: string, stream: string, from: number, limit: number) {
    return Object.entries(this.read(id).streams[stream] ?? {})
      .map(([position, value]) => ({ position: Number(position), value }))
      .filter(({ position }) => position >= from)
      .sort((a, b) => a.position - b.position)
      .slice(0, limit);
  }

  lookup(index: string, { from, until, after, limit }: IndexQuery) {
    const hits = new Map<string, { key: string; id: string }>();
    for (const [id, aggregate] of this.#aggregates) {
      for (const place of aggregate.index) {
        if (place.index === index) hits.set(`${place.key}\0${id}`, { key: place.key, id });
      }
    }
    return [...hits]
      .sort(([a], [b]) => bytes(a, b))
      .filter(([place, { key }]) => {
        if (from !== undefined && bytes(key, from) < 0) return false;
        if (until !== undefined && bytes(key, until) >= 0) return false;
        return !after || bytes(place, `${after.key}\0${after.id}`) > 0;
      })
      .map(([, hit]) => hit)
      .slice(0, limit);
  }

  claimAll(nowMs: number) {
    const due = [];
    for (const [id, aggregate] of this.#aggregates) {
      if (aggregate.deadlineMs === null || aggregate.deadlineMs > nowMs || aggregate.taken) continue;
      aggregate.taken = true;
      due.push({ id, deadlineMs: aggregate.deadlineMs });
    }
    return due;
  }
}

interface Aggregate {
  version: number;
  fields: Record<string, string>;
  streams: Record<string, Record<string, string>>;
  index: { index: string; key: string }[];
  deadlineMs: number | null;
  taken: boolean;
}

function put(record: Record<string, string>, name: string, value: string | null) {
  if (value === null) delete record[name];
  else record[name] = value;
}

const bytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

const AHEAD_MS = 9e12;
const LONG_MS = 3_600_000;
const ids = fc.constantFrom('a', 'a0', 'b');
const streamNames = fc.constantFrom('s', 'ss', 't');
const indexNames = fc.constantFrom('i', 'ii');
const keys = fc.oneof(
  fc.constantFrom('a', 'aa', 'a!', 'ä', '\uff5e', '\u{1f600}'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }).filter((key) => !key.includes('\0')),
);
const values = fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.toWellFormed());
const change = fc.record(
  {
    fields: fc.dictionary(fc.constantFrom('f', 'ff', 'constructor', 'g'), fc.option(values), { noNullPrototype: true }),
    entries: fc.array(
      fc.record({ stream: streamNames, position: fc.nat({ max: 12 }), value: fc.option(values, { freq: 3 }) }),
      { maxLength: 6 },
    ),
    dropStreams: fc.uniqueArray(streamNames, { maxLength: 2 }),
    index: fc.array(fc.record({ index: indexNames, key: keys }), { maxLength: 4 }),
    deadlineMs: fc.constantFrom(null, 1, 2_000, 3_000, AHEAD_MS),
  },
  { requiredKeys: [] },
);
const commands = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constant('commit' as const), id: ids, change, stale: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('read' as const), id: ids }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant('range' as const),
        id: ids,
        stream: streamNames,
        from: fc.nat({ max: 13 }),
        limit: fc.nat({ max: 14 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('lookup' as const),
        index: indexNames,
        query: fc
          .record(
            { from: keys, until: keys, after: fc.record({ key: keys, id: ids }), limit: fc.nat({ max: 9 }) },
            { requiredKeys: ['limit'] },
          )
          .map((query) => query as IndexQuery),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('claim' as const) }) },
  ),
  { minLength: 5, maxLength: 40, size: 'max' },
);

export function behavesLikeTheModel(opened: Opened) {
  it('answers any sequence of commands as its model does', async () => {
    const { store, peer } = opened();
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        const model = new Model();
        const [kind, run] = [fresh('kind'), fresh('run')];
        const at = (id: string): AggregateId => ({ kind, id });
        const own = ({ index, ...rest }: Change): Change => ({
          ...rest,
          ...(index && { index: index.map((place) => ({ ...place, index: run + place.index })) }),
        });
        for (const [step, command] of sequence.entries()) {
          const through = step % 3 ? store : peer;
          switch (command.type) {
            case 'commit': {
              const { id, change, stale } = command;
              const expected = Math.max(0, model.read(id).version - (stale && step % 2 ? 1 : 0));
              const decided = model.commit(id, expected, change as Change);
              // One handle writes, so that what it tidies up is gone before anybody looks.
              expect(await store.commit(at(id), expected, own(change as Change))).toMatchObject(decided);
              break;
            }
            case 'read': {
              const { version, fields } = await through.read(at(command.id));
              const expected = model.read(command.id);
              expect({ version, fields: { ...fields } }).toEqual({
                version: expected.version,
                fields: expected.fields,
              });
              break;
            }
            case 'range': {
              const { id, stream, from, limit } = command;
              expect(await through.range(at(id), stream, from, limit)).toEqual(model.range(id, stream, from, limit));
              break;
            }
            case 'lookup': {
              const { index, query } = command;
              expect(await store.lookup(run + index, query)).toEqual(model.lookup(index, query));
              break;
            }
            case 'claim': {
              const due = await through.claimDue(kind, 9, LONG_MS);
              const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
              expect([...due].sort(byId)).toEqual(model.claimAll(await store.nowMs()).sort(byId));
            }
          }
        }
      }),
      { numRuns: 150, endOnFailure: true },
    );
  });
}
