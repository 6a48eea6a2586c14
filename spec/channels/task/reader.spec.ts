import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import type { Chunk } from '../../../channels/task/chunks.ts';
import { StreamReader } from '../../../channels/task/reader.ts';
import { emptyStream, type Stream, withChunk } from '../../../channels/task/stream.ts';
import { silentLog } from '../../../server/index.ts';
import { eventually } from '../../support/eventually.ts';

interface Push {
  readonly event: string;
  readonly payload: { readonly seq: number };
}

/** A stream in memory whose reads take a few turns, and a member that takes what it is sent at random speed. */
function stage(turns: () => number) {
  const stored: Chunk[] = [];
  let head: Stream = emptyStream;
  const pushed: Push[] = [];
  const pause = async () => {
    for (let left = turns(); left > 0; left--) await nextTurn();
  };
  const read = async <T>(now: () => T): Promise<T> => {
    await pause();
    const found = now();
    await pause();
    return found;
  };
  return {
    pushed,
    store(seq: number): Chunk {
      const chunk = { seq, ordinal: stored.length, chunk: `chunk ${seq}` };
      stored.push(chunk);
      head = withChunk(head, seq, chunk.chunk.length);
      return chunk;
    },
    complete(): number {
      head = { ...head, completion: { checksum: 'c', totalSize: 1 } };
      return stored.length;
    },
    chunks: {
      head: () => read(() => head),
      from: (_id: string, _stream: string, from: number, limit: number) =>
        read(() =>
          stored
            .filter(({ seq }) => seq >= from)
            .sort((a, b) => a.seq - b.seq)
            .slice(0, limit),
        ),
      inOrder: (_id: string, _stream: string, ordinal: number, limit: number) =>
        read(() => stored.slice(ordinal, ordinal + limit)),
    },
    socket: {
      id: 't-1',
      ended: false,
      push: (event: string, payload: unknown) => void pushed.push({ event, payload: payload as Push['payload'] }),
      pushSnapshot: (event: string, json: string) => void pushed.push({ event, payload: JSON.parse(json) }),
      writable: () => (turns() > 1 ? pause() : undefined),
    },
  };
}

const arbitrary = fc.record({
  seqs: fc.uniqueArray(fc.nat(80), { minLength: 1, maxLength: 40 }),
  /** Number of chunks that are stored before the member joins. */
  before: fc.nat(40),
  /** The fate of each broadcast. */
  fates: fc.array(fc.constantFrom('told', 'told', 'lost', 'late', 'twice'), { minLength: 40, maxLength: 40 }),
  turns: fc.array(fc.nat(3), { minLength: 1, maxLength: 30 }),
  resume: fc.option(fc.nat(80)),
  completes: fc.boolean(),
});

it('every chunk comes once, however reads, broadcasts and the member’s speed interleave', async () => {
  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ seqs, before, fates, turns, resume, completes }) => {
      let turn = 0;
      const on = stage(() => turns[turn++ % turns.length] ?? 0);
      const earlier = seqs.slice(0, before);
      // Who resumes has everything up to that seq.
      const later = seqs.slice(before).filter((seq) => seq > (resume ?? -1));
      for (const seq of earlier) on.store(seq);
      const reader = new StreamReader('client', resume ?? -1, { chunks: on.chunks, log: silentLog });
      reader.start(on.socket);
      const late: Chunk[] = [];
      for (const [at, seq] of later.entries()) {
        const chunk = on.store(seq);
        const fate = fates[at];
        if (fate === 'late') late.push(chunk);
        if (fate === 'told' || fate === 'twice') reader.chunkStored(chunk);
        if (fate === 'twice') reader.heardOf(chunk.ordinal);
        for (let left = turns[at % turns.length] ?? 0; left > 0; left--) await nextTurn();
      }
      for (const chunk of late) reader.chunkStored(chunk);
      if (completes) {
        const ordinal = on.complete();
        if (fates[0] !== 'lost') reader.completed(ordinal, { checksum: 'c', total_size: 1 });
      }
      // As when a node is gone: what was lost is found in the store.
      await reader.look();

      const replayed = earlier.filter((seq) => seq > (resume ?? -1));
      const total = replayed.length + later.length + (completes ? 1 : 0);
      await eventually(() => expect(on.pushed.length).toBeGreaterThanOrEqual(total));
      for (let quiet = 0; quiet < 20; quiet++) await nextTurn();
      const chunks = on.pushed.filter(({ event }) => event === 'output_stream').map(({ payload }) => payload.seq);
      const atJoin = chunks.slice(0, replayed.length);
      expect([...chunks].sort((a, b) => a - b)).toEqual([...replayed, ...later].sort((a, b) => a - b));
      // Stored while the head was being read, a chunk may count for either part; the replay is ascending all the same.
      expect(atJoin.filter((seq) => replayed.includes(seq))).toEqual(
        atJoin.filter((seq) => replayed.includes(seq)).sort((a, b) => a - b),
      );
      const completions = on.pushed.filter(({ event }) => event === 'output_complete');
      expect(completions).toHaveLength(completes ? 1 : 0);
      if (completes) expect(on.pushed.at(-1)?.event).toBe('output_complete');
    }),
    { numRuns: 300 },
  );
}, 60_000);

it('replays nothing if that is wanted, but what comes then and the completion', async () => {
  const on = stage(() => 1);
  for (const seq of [0, 1, 2]) on.store(seq);
  const reader = new StreamReader('client', undefined, { chunks: on.chunks, log: silentLog });
  reader.start(on.socket);
  for (let turns = 0; turns < 20; turns++) await nextTurn();
  reader.chunkStored(on.store(3));
  reader.completed(on.complete(), { checksum: '0'.repeat(64), total_size: 0 });
  await eventually(() => expect(on.pushed.map(({ event }) => event)).toEqual(['output_stream', 'output_complete']));
});

it('waits for a store that is out of reach and sends nothing twice', async () => {
  const on = stage(() => 0);
  for (let seq = 0; seq < 30; seq++) on.store(seq);
  let reads = 0;
  const from: typeof on.chunks.from = (...page) => {
    if (++reads === 3) return Promise.reject(new Error('away'));
    return on.chunks.from(...page);
  };
  const reader = new StreamReader('client', -1, { chunks: { ...on.chunks, from }, log: silentLog });
  reader.start(on.socket);
  await eventually(() => expect(on.pushed).toHaveLength(30));
  expect(on.pushed.map(({ payload }) => payload.seq)).toEqual(Array.from({ length: 30 }, (_, seq) => seq));
});
