import fc from 'fast-check';
import { decodeMoves, encodeMoves, type Moves, type Table } from '../../../channels/layout/frames.ts';
import { Mirror } from '../../../channels/layout/mirror.ts';
import type { Place } from '../../../channels/observation/scene.ts';

const place = (x: number): Place => ({ x: Math.fround(x), y: 0, z: 0, vx: 0, vy: 0, vz: 0 });

type Message = { readonly table: Table } | { readonly moves: Moves };

/** The node that computes: what it tells is numbered, and it knows what it has told. */
class Source {
  readonly places = new Map<string, Place>();
  readonly #numbers = new Map<string, number>();
  readonly #epoch: number;
  #sequence = 0;

  constructor(epoch: number) {
    this.#epoch = epoch;
  }

  whole(): Message[] {
    const entries = [...this.#numbers].map(([id, number]) => [number, id] as const);
    const moves = entries.flatMap(([number, id]) => {
      const known = this.places.get(id);
      return known ? [[number, known] as const] : [];
    });
    return [this.#table(true, entries, []), this.#moves(moves)];
  }

  enter(number: number): Message[] {
    const id = `agent-${number}`;
    if (this.#numbers.has(id)) return [];
    this.#numbers.set(id, number);
    return [this.#table(false, [[number, id]], [])];
  }

  leave(number: number): Message[] {
    const id = `agent-${number}`;
    if (!this.#numbers.delete(id)) return [];
    this.places.delete(id);
    return [this.#table(false, [], [number])];
  }

  move(number: number, x: number): Message[] {
    const id = `agent-${number}`;
    if (!this.#numbers.has(id)) return [];
    this.places.set(id, place(x));
    return [this.#moves([[number, place(x)]])];
  }

  #table(isWhole: boolean, entries: Table['entries'], gone: readonly number[]): Message {
    return { table: { epoch: this.#epoch, sequence: ++this.#sequence, isWhole, entries, gone } };
  }

  #moves(moves: Moves['moves']): Message {
    return { moves: { epoch: this.#epoch, sequence: ++this.#sequence, moves } };
  }
}

const take = (mirror: Mirror, message: Message) =>
  'table' in message
    ? mirror.takeTable(JSON.parse(JSON.stringify(message.table)))
    : mirror.takeMoves(decodeMoves(encodeMoves(message.moves)));

const step = fc.record({
  what: fc.constantFrom('enter', 'leave', 'move', 'move', 'move', 'whole', 'takeover'),
  number: fc.nat(4),
  x: fc.integer({ min: -100, max: 100 }),
  isLost: fc.boolean(),
});

describe('a node that follows the layout', () => {
  it('has the numbers that were told, or knows that it has missed some', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let epoch = 1;
        let source = new Source(epoch);
        const mirror = new Mirror();
        const added = new Map<string, Place>();
        for (const { what, number, x, isLost } of steps) {
          if (what === 'takeover') source = new Source(++epoch);
          const messages =
            what === 'enter'
              ? source.enter(number)
              : what === 'leave'
                ? source.leave(number)
                : what === 'move'
                  ? source.move(number, x)
                  : source.whole();
          for (const message of messages) {
            if (isLost) continue;
            const taken = take(mirror, message);
            if (taken === 'missed') expect(mirror.isFollowing).toBe(false);
            else for (const [id, moved] of taken) added.set(id, moved);
          }
          // What was lost last is missed with the next.
          if (messages.length === 0 || isLost || !mirror.isFollowing) continue;
          expect(new Map([...mirror.places].sort())).toEqual(new Map([...source.places].sort()));
          for (const [id, known] of mirror.places) expect(added.get(id)).toEqual(known);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('does not hear a node that was replaced', () => {
    const mirror = new Mirror();
    const [old, next] = [new Source(1), new Source(2)];
    old.enter(0);
    next.enter(0);
    for (const message of [...old.whole(), ...old.move(0, 1), ...next.whole(), ...next.move(0, 2)])
      take(mirror, message);
    const late = [...old.move(0, 3), ...old.whole()].map((message) => take(mirror, message));
    expect(late.every((taken) => taken !== 'missed' && taken.size === 0)).toBe(true);
    expect(mirror.places).toEqual(new Map([['agent-0', place(2)]]));
    expect(mirror.isFollowing).toBe(true);
  });

  it('shows places of before until it is told', () => {
    const mirror = new Mirror();
    mirror.begin(
      new Map([
        ['agent-0', place(7)],
        ['agent-9', place(8)],
      ]),
    );
    expect(mirror.places.get('agent-0')).toEqual(place(7));
    const source = new Source(5);
    source.enter(0);
    for (const message of source.whole()) take(mirror, message);
    expect([...mirror.places.keys()]).toEqual(['agent-0']);
    mirror.begin(new Map());
    expect([...mirror.places.keys()]).toEqual(['agent-0']);
  });
});
