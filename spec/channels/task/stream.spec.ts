import fc from 'fast-check';
import { includes, including, type Ranges } from '../../../channels/task/ranges.ts';
import { emptyStream, isStored, missing, nextSeq, type Stream, withChunk } from '../../../channels/task/stream.ts';

const seqs = (max: number) => fc.uniqueArray(fc.integer({ min: 0, max }), { maxLength: 200 });
const streamOf = (stored: readonly number[]) =>
  stored.reduce((stream: Stream, seq) => withChunk(stream, seq, seq), emptyStream);

/** A model that follows the contract word for word. */
function model(stored: ReadonlySet<number>) {
  const start = !stored.has(0) && stored.has(1) ? 1 : 0;
  const last = Math.max(-1, ...stored);
  const all = Array.from({ length: Math.max(0, last - start + 1) }, (_, at) => start + at);
  const lacking = all.filter((seq) => !stored.has(seq));
  return { lacking, nextSeq: stored.size === 0 ? 0 : (lacking[0] ?? last + 1) };
}

it('ranges hold what was put in, never touch and stay in order', () => {
  fc.assert(
    fc.property(seqs(300), (numbers) => {
      const ranges = numbers.reduce((all: Ranges, n) => including(all, n), []);
      for (let n = 0; n <= 301; n++) expect(includes(ranges, n)).toBe(numbers.includes(n));
      for (let at = 1; at < ranges.length; at++) {
        const distance = (ranges[at] ?? 0) - (ranges[at - 1] ?? 0);
        expect(distance).toBeGreaterThanOrEqual(at % 2 === 0 ? 2 : 0);
      }
    }),
  );
});

describe('a stream', () => {
  // Above 4,096 so that pages meet.
  it.each([[20], [9_000], [1_048_575]])('knows what it has, what is missing and what comes next, up to %i', (max) => {
    fc.assert(
      fc.property(seqs(max), (stored) => {
        const stream = streamOf(stored);
        const expected = max > 10_000 ? undefined : model(new Set(stored));
        expect(stream.count).toBe(stored.length);
        expect(stream.bytes).toBe(stored.reduce((sum, seq) => sum + seq, 0));
        for (const seq of stored) expect(isStored(stream, seq)).toBe(true);
        if (!expected) return;
        expect(nextSeq(stream)).toBe(expected.nextSeq);
        expect(missing(stream, 100)).toEqual({
          missing: expected.lacking.slice(0, 100),
          count: expected.lacking.length,
        });
      }),
    );
  });

  it('is the same whatever the order of its chunks', () => {
    fc.assert(
      fc.property(
        seqs(9_000).chain((stored) =>
          fc.tuple(fc.constant(stored), fc.shuffledSubarray(stored, { minLength: stored.length })),
        ),
        ([one, other]) => expect(streamOf(one)).toEqual(streamOf(other)),
      ),
    );
  });

  it('starts at 0 or 1', () => {
    expect(nextSeq(streamOf([1, 2]))).toBe(3);
    expect(nextSeq(streamOf([1, 2, 0]))).toBe(3);
    expect(nextSeq(streamOf([2]))).toBe(0);
    expect(missing(streamOf([2]), 100)).toEqual({ missing: [0, 1], count: 2 });
    expect(missing(streamOf([1_048_575]), 2)).toEqual({ missing: [0, 1], count: 1_048_575 });
  });
});
