import fc from 'fast-check';
import { Tally } from '../../bench/generator/tally.ts';

const SENT = 12;

/** The same by its definition: what is lacking, what is there more than once, what came first after a later one. */
function counted(arrivals: readonly number[]) {
  const first = arrivals.filter((seq, at) => arrivals.indexOf(seq) === at);
  return {
    lost: SENT - first.length,
    repeated: arrivals.length - first.length,
    swapped: first.filter((seq, at) => first.slice(0, at).some((earlier) => earlier > seq)).length,
  };
}

describe('Tally', () => {
  it('counts as the words say, whatever arrives in which order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: SENT }), { maxLength: 30 }), (arrivals) => {
        const tally = new Tally(1);
        const isFirst = arrivals.map((seq) => tally.came(0, seq));
        expect(tally.losses(() => SENT)).toEqual(counted(arrivals));
        expect(isFirst).toEqual(arrivals.map((seq, at) => arrivals.indexOf(seq) === at));
      }),
    );
  });

  it('keeps receivers apart', () => {
    const tally = new Tally(3);
    tally.came(0, 1);
    tally.came(1, 2);
    // The second one lacks 1 of 2, the third one all of 2.
    expect(tally.losses((receiver) => [1, 2, 2][receiver] ?? 0)).toEqual({ lost: 3, repeated: 0, swapped: 0 });
    expect([tally.latest(0), tally.latest(1), tally.latest(2)]).toEqual([1, 2, 0]);
  });
});
