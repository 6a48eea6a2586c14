import { Neighbours } from '../../../server/nodes/neighbours.ts';

const node = (id: string, incarnation: string) => ({ id, incarnation, gauges: {} });
const [a1, a2, b1] = [node('a', 'a1'), node('a', 'a2'), node('b', 'b1')];

describe('what has changed among the other nodes', () => {
  let neighbours: Neighbours;
  beforeEach(() => {
    neighbours = new Neighbours();
    neighbours.look([a1, b1], false);
  });

  it('is who joined and who left since the last look', () => {
    expect(neighbours.look([a1, b1], false)).toEqual({ joined: [], left: [] });
    expect(neighbours.look([a2, b1], false)).toEqual({ joined: [a2], left: [a1] });
    expect(neighbours.look([], false)).toEqual({ joined: [], left: [b1, a2] });
    expect(neighbours.all()).toEqual([]);
  });

  // All leases run out while Redis itself is away, and the first to look must not see the others gone.
  it('is nobody gone while they are given time to come back', () => {
    expect(neighbours.look([], true)).toEqual({ joined: [], left: [] });
    expect(neighbours.all()).toEqual([a1, b1]);
    expect(neighbours.look([a2], true)).toEqual({ joined: [a2], left: [a1] });
    expect(neighbours.look([a2], false)).toEqual({ joined: [], left: [b1] });
  });

  it('takes what a node says of itself from the latest look', () => {
    neighbours.look([{ ...a1, gauges: { load: 1 } }, b1], false);
    expect(neighbours.all()).toContainEqual({ ...a1, gauges: { load: 1 } });
  });
});
