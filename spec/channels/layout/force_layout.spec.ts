import fc from 'fast-check';
import {
  ForceLayout,
  LEAST_MOVE,
  type Link,
  MAX_COORDINATE,
  MAX_VELOCITY,
  type Placed,
  RECORD,
  strengthOf,
} from '../../../channels/layout/force_layout.ts';

const RATE_HZ = 10;
/** By then it rests, whatever it is made of. */
const MAX_ROUNDS = 1_000;

type Numbers = readonly [agent: number, x: number, y: number, z: number, vx: number, vy: number, vz: number];

const recordsOf = (records: Float64Array): Numbers[] =>
  Array.from({ length: records.length / RECORD }, (_, at) => [
    ...records.subarray(at * RECORD, (at + 1) * RECORD),
  ]) as never;

function rest(layout: ForceLayout): Numbers[][] {
  const rounds: Numbers[][] = [];
  while (!layout.isAtRest) {
    rounds.push(recordsOf(layout.round()));
    if (rounds.length > MAX_ROUNDS) throw new Error('it does not come to rest');
  }
  return rounds;
}

const agents = (count: number): Placed[] => Array.from({ length: count }, (_, at) => [at]);
const places = (layout: ForceLayout) => new Map(recordsOf(layout.all()).map(([agent, x, y, z]) => [agent, [x, y, z]]));
const apart = (layout: ForceLayout, one: number, other: number) => {
  const [a, b] = [places(layout).get(one), places(layout).get(other)] as [number[], number[]];
  return Math.hypot(...a.map((each, at) => each - (b[at] ?? 0)));
};

const coordinate = fc.oneof(
  fc.double({ min: -50, max: 50, noNaN: true }),
  fc.constantFrom(0, 1e9, -1e9, Number.NaN, Number.POSITIVE_INFINITY, 10_000, -10_000),
);
const placed = fc.tuple(fc.nat(20), fc.option(fc.tuple(coordinate, coordinate, coordinate), { nil: undefined }));
const link = fc.tuple(fc.nat(25), fc.nat(25), fc.oneof(fc.nat(100), fc.constant(1e12)));
const change = fc.record({
  agents: fc.uniqueArray(placed, { selector: ([agent]) => agent, maxLength: 15 }),
  links: fc.array(link, { maxLength: 30 }),
  rounds: fc.nat(12),
});

describe('the layout', () => {
  it('keeps its bounds whatever is put in, and is never NaN', () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const layout = new ForceLayout(RATE_HZ);
        const told = new Map<number, Numbers>();
        for (const { agents: wanted, links, rounds } of changes) {
          layout.set(
            wanted.map(([agent, place]) => (place ? [agent, ...place] : [agent]) as Placed),
            links as Link[],
          );
          for (const agent of [...told.keys()]) if (!wanted.some(([id]) => id === agent)) told.delete(agent);
          for (let round = 0; round < rounds; round++) {
            for (const record of recordsOf(layout.round())) {
              const [agent, x, y, z, ...velocity] = record;
              expect(record.every(Number.isFinite)).toBe(true);
              expect(Math.max(Math.abs(x), Math.abs(y), Math.abs(z))).toBeLessThanOrEqual(MAX_COORDINATE);
              expect(Math.hypot(...velocity)).toBeLessThanOrEqual(MAX_VELOCITY * (1 + 1e-9));
              const before = told.get(agent);
              told.set(agent, record);
              // Told again only if it has moved far enough, or has stopped.
              const isFar = !before || Math.hypot(x - before[1], y - before[2], z - before[3]) >= LEAST_MOVE - 1e-9;
              expect(isFar || velocity.every((each) => each === 0)).toBe(true);
            }
          }
          expect([...places(layout).keys()].sort()).toEqual(wanted.map(([agent]) => agent).sort());
        }
      }),
      { numRuns: 150 },
    );
  });

  it('gets agents apart that are at almost one place', () => {
    const layout = new ForceLayout(RATE_HZ);
    layout.set(
      [
        [0, 0, 0, 0],
        [1, 0, 0, 0],
        [2, 1e-200, 0, -1e-310],
        [3, 0, 5e-324, 0],
        [4, -10_000, 0, 0],
      ],
      [
        [0, 2, 1],
        [1, 3, 1],
      ],
    );
    rest(layout);
    for (const [one, other] of [
      [0, 1],
      [0, 2],
      [2, 3],
    ] as const) {
      expect(apart(layout, one, other)).toBeGreaterThan(0.1);
    }
  });

  it('comes to rest, says of each that it has stopped, and then says nothing until something changes', () => {
    const layout = new ForceLayout(RATE_HZ);
    const links: Link[] = [
      [0, 1, 3],
      [1, 2, 9],
      [3, 4, 1],
    ];
    layout.set(agents(8), links);
    const last = new Map(rest(layout).flatMap((records) => records.map((record) => [record[0], record] as const)));
    expect([...last.keys()].sort()).toEqual(agents(8).map(([agent]) => agent));
    for (const record of last.values()) expect(record.slice(4)).toEqual([0, 0, 0]);
    expect(layout.round()).toHaveLength(0);
    layout.set(agents(8), links);
    expect(layout.isAtRest).toBe(true);
    // The same strength by the logarithm.
    layout.set(agents(8), [
      [0, 1, 3],
      [1, 2, 10],
      [3, 4, 1],
    ]);
    expect(layout.isAtRest).toBe(true);
    layout.set(agents(8), [...links, [5, 6, 1]]);
    expect(layout.isAtRest).toBe(false);
    rest(layout);
  });

  it('draws together those that exchange something, and more those that exchange more', () => {
    expect([0, 1, 3, 15, 1e9].map(strengthOf)).toEqual([1, 1.25, 1.5, 2, 5]);
    const layout = new ForceLayout(RATE_HZ);
    layout.set(agents(8), [
      [0, 1, 1],
      [2, 3, 100_000],
    ]);
    rest(layout);
    expect(apart(layout, 2, 3)).toBeLessThan(apart(layout, 0, 1));
    expect(apart(layout, 0, 1)).toBeLessThan(apart(layout, 4, 5));
  });

  it('goes on from the places that it is given', () => {
    const before = new ForceLayout(RATE_HZ);
    before.set(agents(6), [[0, 1, 1]]);
    rest(before);
    const after = new ForceLayout(RATE_HZ);
    const given = recordsOf(before.all()).map(([agent, x, y, z]) => [agent, x, y, z] as const);
    after.set(
      [...given, [6]],
      [
        [0, 1, 1],
        [5, 6, 1],
      ],
    );
    const first = recordsOf(after.round());
    for (const [agent, x, y, z] of given) {
      const place = places(after).get(agent) as number[];
      expect(Math.hypot(x - (place[0] ?? 0), y - (place[1] ?? 0), z - (place[2] ?? 0))).toBeLessThan(10);
    }
    expect(first.map(([agent]) => agent)).toContain(6);
    expect(apart(after, 5, 6)).toBeLessThan(100);
  });
});
