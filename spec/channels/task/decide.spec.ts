import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { parse, taskType } from '../../../channels/task/codec.ts';
import type { EndTask, StoreChunk, TaskCommand } from '../../../channels/task/commands.ts';
import { decideTask, isCompletedAs } from '../../../channels/task/decide.ts';
import { deadlineOf, dutiesDue } from '../../../channels/task/duties.ts';
import { streamOf, type TaskState, taskView } from '../../../channels/task/state.ts';
import {
  emptyStream,
  isStored,
  MAX_CHUNKS,
  MAX_STREAM_BYTES,
  type Role,
  startOf,
} from '../../../channels/task/stream.ts';

const NOW_MS = 1_750_000_000_000;
const DAY_MS = 86_400_000;

const create: TaskCommand = {
  type: 'create',
  request: 'digest',
  notices: [{ agentId: 'p-1', id: 'notice-1' }],
  fields: {
    id: 't-1',
    clientAgentId: 'c-1',
    providerAgentId: 'p-1',
    appId: null,
    creatorAgentId: 'c-1',
    capability: null,
    priceMicro: 5n,
    metadata: {},
  },
};
const chunk = (seq: number, text = 'x', by: Role = 'provider'): StoreChunk => ({
  type: 'store_chunk',
  by,
  stream: by === 'provider' ? 'output' : 'input',
  seq,
  chunk: text,
});
const ending = (as: EndTask['as'], by: Role = 'provider'): EndTask => ({ type: 'end', by, as, retentionMs: DAY_MS });
const completed = ending({ status: 'completed', result: 1 });

function decided(state: TaskState | undefined, command: TaskCommand, nowMs = NOW_MS) {
  const decision = decideTask(state, command, nowMs);
  if (!decision.ok) throw new Error(decision.reason);
  return decision;
}
function taskAfter(...commands: TaskCommand[]): TaskState {
  let state: TaskState | undefined;
  for (const command of [create, ...commands]) ({ state } = decided(state, command));
  if (!state) throw new Error('no commands');
  return state;
}
const refused = (state: TaskState, command: TaskCommand) => {
  const decision = decideTask(state, command, NOW_MS);
  return decision.ok ? 'ok' : decision.reason;
};

describe('chunks in any order, with repeats', () => {
  it('are each stored once, under ordinals 0, 1, … in the order in which they came', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 120 }), (seqs) => {
        let state = taskAfter();
        const stored: number[] = [];
        for (const seq of seqs) {
          const { state: next, events, entries } = decided(state, chunk(seq, `chunk ${seq}`));
          if (stored.includes(seq)) {
            expect(next).toBe(state);
            expect(events).toEqual([]);
            continue;
          }
          const ordinal = stored.push(seq) - 1;
          expect(events.at(-1)).toMatchObject({ type: 'chunk_stored', seq, ordinal });
          expect(entries).toEqual([
            { stream: 'output', position: seq, value: `${ordinal}:chunk ${seq}` },
            { stream: 'output.order', position: ordinal, value: `${seq}` },
          ]);
          state = next;
        }
        expect(state.output?.count).toBe(new Set(seqs).size);
      }),
    );
  });

  it('and nothing but them can be summed up to the end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 9 }), { maxLength: 30 }),
        fc.nat(2),
        (chunks, start) => {
          const state = taskAfter(...chunks.map((text, at) => chunk(at + start, text)));
          const checksum = createHash('sha256').update(chunks.join('')).digest('hex');
          const totalSize = Buffer.byteLength(chunks.join(''));
          const complete = { type: 'complete_stream', by: 'provider', stream: 'output', checksum, totalSize } as const;
          const count = chunks.length;
          if (start === 2 && count > 0) {
            return expect(refused(state, { ...complete, found: undefined })).toBe('missing_chunks');
          }
          expect(refused(state, { ...complete, totalSize: totalSize + 1, found: undefined })).toBe('size_mismatch');
          for (const found of [undefined, { count: count + 1, checksum }]) {
            const wanting = decided(state, { ...complete, found });
            expect(wanting).toEqual({ ok: true, state, events: [] });
            const stream = streamOf(wanting.state, 'output');
            expect(isCompletedAs(stream, complete)).toBe(false);
            expect([stream.count, startOf(stream)]).toEqual([count, count === 0 ? 0 : start]);
          }
          expect(refused(state, { ...complete, found: { count, checksum: 'other' } })).toBe('checksum_mismatch');
          const done = decided(state, { ...complete, found: { count, checksum } });
          expect(done.events.at(-1)).toMatchObject({ type: 'stream_completed', ordinal: count });
          expect(isCompletedAs(streamOf(done.state, 'output'), complete)).toBe(true);
          expect(decided(done.state, { ...complete, found: undefined })).toMatchObject({
            state: done.state,
            events: [],
          });
          expect(refused(done.state, chunk(900))).toBe('stream_closed');
        },
      ),
    );
  });

  it('are at most 65,536 and 16 MiB', () => {
    const state = taskAfter();
    const full = { ...emptyStream, count: MAX_CHUNKS - 1, bytes: MAX_STREAM_BYTES - 3 };
    const near = { ...state, output: full };
    expect(refused(near, chunk(7, 'äx'))).toBe('ok');
    expect(refused(near, chunk(7, 'äxx'))).toBe('stream_too_large');
    expect(refused({ ...state, output: { ...full, count: MAX_CHUNKS } }, chunk(7, 'x'))).toBe('stream_too_large');
  });

  it('are read and written a page at a time', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 60 }), (seqs) => {
        const fields: Record<string, string> = {};
        const commit = (state: TaskState, before?: TaskState) => {
          for (const [name, value] of Object.entries(taskType.change(state, before).fields ?? {})) {
            if (value === null) delete fields[name];
            else fields[name] = value;
          }
        };
        commit(taskAfter());
        for (const seq of seqs) {
          const names = taskType.reads?.(chunk(seq)) ?? [];
          expect(names).toHaveLength(3);
          const read = Object.fromEntries(names.flatMap((name) => (fields[name] ? [[name, fields[name]]] : [])));
          const before = parse(read);
          commit(decided(before, chunk(seq)).state, before);
        }
        const { output } = parse(fields);
        expect(output?.count).toBe(seqs.length);
        for (const seq of seqs) expect(output && isStored(output, seq)).toBe(true);
      }),
    );
  });
});

describe('a task', () => {
  it('is created once; the same request finds it, another is a conflict', () => {
    const state = taskAfter();
    expect(decided(state, create)).toMatchObject({ state, events: [] });
    expect(refused(state, { ...create, request: 'another' } as TaskCommand)).toBe('conflict');
    expect(decideTask(undefined, chunk(0), NOW_MS)).toMatchObject({ reason: 'not_found' });
  });

  it('is read as it was written', () => {
    const state = taskAfter(chunk(0), chunk(9_000), chunk(0, 'a', 'client'), {
      type: 'report_progress',
      by: 'provider',
      percent: 1,
      message: undefined,
    });
    expect(parse(taskType.change(state, undefined).fields as Record<string, string>)).toEqual(state);
  });

  it('is started by the provider alone', () => {
    expect(taskAfter(chunk(0, 'x', 'client')).task).toMatchObject({ status: 'pending', startedAtMs: null });
    expect(taskAfter(chunk(0)).task).toMatchObject({ status: 'in_progress', startedAtMs: NOW_MS });
    expect(taskAfter(completed).task).toMatchObject({ status: 'completed', startedAtMs: NOW_MS, finishedAtMs: NOW_MS });
    expect(taskAfter(ending({ status: 'cancelled', reason: 'x' })).task.startedAtMs).toBeNull();
  });

  it('ends once, and only the same end may come again', () => {
    const endings = [
      completed,
      ending({ status: 'failed', error: { type: 'x', details: [1] } }),
      ending({ status: 'cancelled', reason: 'x' }),
      ending({ status: 'cancelled', reason: 'x' }, 'client'),
    ];
    for (const one of endings) {
      const state = taskAfter(chunk(3), one);
      for (const other of endings) {
        if (one === other) expect(decided(state, other)).toMatchObject({ events: [] });
        else expect(refused(state, other)).toBe('task_closed');
      }
      expect(refused(state, chunk(4))).toBe('task_closed');
      expect(decided(state, chunk(3))).toEqual({ ok: true, state, events: [] });
    }
    expect(refused(taskAfter(), { ...completed, by: 'client' })).toBe('forbidden');
  });

  it('has its duties seen to by its deadline, one after the other', () => {
    const born = taskAfter();
    expect(deadlineOf(born.task)).toBeNull();
    const ended = decided(born, completed).state;
    expect(dutiesDue(ended.task, NOW_MS)).toEqual([]);
    expect(dutiesDue(ended.task, NOW_MS + 10_000)).toEqual(['conclude']);
    const counted = decided(ended, { type: 'settle_end' }, NOW_MS + 1).state;
    expect(decided(counted, { type: 'settle_end' })).toMatchObject({ state: counted, events: [] });
    expect(dutiesDue(counted.task, NOW_MS + 10_000)).toEqual([]);
    expect(dutiesDue(counted.task, NOW_MS + 60_000)).toEqual(['forget']);
    const forgotten = decided(counted, { type: 'settle_forgetting' }).state;
    expect(deadlineOf(forgotten.task)).toBe(NOW_MS + DAY_MS);
    expect(decided(forgotten, { type: 'drop_streams' }, NOW_MS + DAY_MS - 1).events).toEqual([]);
    const dropped = decided(forgotten, { type: 'drop_streams' }, NOW_MS + DAY_MS);
    expect(dropped.dropStreams).toHaveLength(5);
    expect(deadlineOf(dropped.state.task)).toBeNull();
    // Nothing is counted of a cancelled one, but it has had its notices.
    const cancelled = decided(born, ending({ status: 'cancelled', reason: '' })).state;
    expect(dutiesDue(cancelled.task, NOW_MS + 10_000)).toEqual(['conclude']);
    expect(deadlineOf(decided(cancelled, { type: 'settle_end' }).state.task)).toBe(NOW_MS + DAY_MS);
  });

  it('keeps what joins show of its streams when those are dropped, but stores and repeats nothing', () => {
    const state = taskAfter(chunk(1), chunk(2), completed);
    const dropped = decided(state, { type: 'drop_streams' }, NOW_MS + DAY_MS).state;
    expect(dropped.output).toMatchObject({ count: 2, droppedAtSeq: 3 });
    expect(refused(dropped, chunk(1))).toBe('task_closed');
    expect(taskView({ ...dropped, contents: state.contents })).toEqual(taskView(state));
  });
});
