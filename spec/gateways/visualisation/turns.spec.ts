import { jest } from '@jest/globals';
import fc from 'fast-check';
import { AudienceFeed } from '../../../gateways/visualisation/audience_feed.ts';
import type { Moment } from '../../../gateways/visualisation/moment.ts';
import type { SharedSnapshot } from '../../../gateways/visualisation/snapshot.ts';
import { Turns, type Work } from '../../../gateways/visualisation/turns.ts';
import type { Viewing } from '../../../gateways/visualisation/viewing.ts';
import { seen } from './stage.ts';

describe('the process’s time', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it.each([
    { pieceMs: 0.125, inOneTurn: 8 },
    { pieceMs: 1, inOneTurn: 4 },
  ])('is shared: of pieces of $pieceMs ms $inOneTurn in a turn of the event loop, all works by turns', async (of) => {
    const { pieceMs, inOneTurn } = of;
    let nowMs = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const turns = new Turns();
    const done: string[] = [];
    const work = (name: string): Work => {
      let left = 1.5 * inOneTurn;
      return () => {
        nowMs += pieceMs;
        done.push(name);
        return --left > 0;
      };
    };
    turns.run(work('a'));
    expect(done).toEqual(Array(inOneTurn).fill('a'));
    turns.run(work('b'));
    expect(done.length).toBe(inOneTurn);
    const lengths: number[] = [];
    while (done.length < 3 * inOneTurn) {
      await new Promise(setImmediate);
      lengths.push(done.length);
    }
    expect(lengths).toEqual([2 * inOneTurn, 3 * inOneTurn]);
    expect(done.slice(inOneTurn, inOneTurn + 4)).toEqual(['a', 'b', 'a', 'b']);
    await new Promise(setImmediate);
    const stopped = work('c');
    for (const each of [work('d'), stopped]) turns.run(each);
    turns.stop(stopped);
    const before = done.filter((name) => name === 'c').length;
    while (done.filter((name) => name === 'd').length < 1.5 * inOneTurn) await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(done.filter((name) => name === 'c').length).toBe(before);
  });
});

/** A socket that notes what it gets: `at 3` for a snapshot with three events in it, then the numbers of events. */
class Notebook {
  readonly notes: (string | number)[] = [];
  readonly viewing = {
    begin: (shared: SharedSnapshot) => this.notes.push(`at ${JSON.parse(shared.complete('agents').payload).agents}`),
    take: (moment: Moment) => {
      for (const { payload } of moment.messages('agents')) this.notes.push(JSON.parse(payload).alert);
    },
  } as unknown as Viewing;
}

describe('what one audience is told, socket by socket', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('see' as const), count: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('work' as const), count: fc.integer({ min: 1, max: 9 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('join', 'show', 'leave'), count: fc.nat({ max: 9 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('many' as const), count: fc.constant(1_100) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('lost' as const), count: fc.constant(0) }) },
  );

  it('follows its snapshot without a gap, in order, and is never in it already', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let work: Work = () => false;
        const turns = {
          run(given: Work) {
            work = given;
          },
          stop() {},
        } as unknown as Turns;
        const feed = new AudienceFeed(10, turns);
        let happened = 0;
        const agents = () => Array.from({ length: happened }, (_, at) => seen(at + 1));
        feed.scene = {
          audience: { kind: 'admin' },
          snapshot: () => ({ atMs: 0, agents: agents(), edges: [] }),
          close: () => {},
        };
        const sockets: Notebook[] = [];
        const present = new Set<Notebook>();
        const see = (count: number) =>
          feed.see(
            Array.from({ length: count }, () => {
              const payload = { alert: ++happened };
              return { kind: 'alert', atMs: 0, level: 'info', agentId: null, payload } as const;
            }),
          );
        for (const { do: what, count } of steps) {
          const one = sockets[count % Math.max(1, sockets.length)];
          if (what === 'see' || what === 'many') see(count);
          if (what === 'work') for (let at = 0; at < count; at++) work();
          if (what === 'lost') feed.lost();
          if (what === 'join') {
            const socket = new Notebook();
            sockets.push(socket);
            present.add(socket);
            feed.join(socket.viewing, () => {});
          }
          if (what === 'show' && one) feed.show(one.viewing);
          if (what === 'leave' && one) {
            present.delete(one);
            feed.leave(one.viewing);
          }
        }
        while (work());
        for (const socket of sockets) {
          let last = Number.NaN;
          for (const note of socket.notes) {
            if (typeof note === 'number') expect(note).toBe(last + 1);
            last = typeof note === 'number' ? note : Number(note.slice(3));
          }
          if (present.has(socket)) expect(last).toBe(happened);
        }
      }),
      { numRuns: 300 },
    );
  });
});
