import type { Delta } from '../../presence/delta.ts';
import { Entry } from '../../presence/entry.ts';
import { OwnParts } from '../../presence/local_shard.ts';

const entry = (ref: string) => new Entry({ key: 'k', ref, prev: undefined, atMs: 0, text: '{}' });
const change = (joins: string, leaves = '') => ({ joins: [...joins].map(entry), leaves: [...leaves].map(entry) });
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('the sharing of own presences', () => {
  let own: OwnParts;
  let incarnation: string;
  let connected: boolean;
  /** What was written and told, in order. */
  let log: string[];
  /** Writes under way, oldest first: each is answered by the spec. */
  let writes: { answer: () => Promise<void>; fail: () => Promise<void> }[];

  beforeEach(() => {
    [incarnation, connected, log, writes] = ['i1', true, [], []];
    const write = (line: string) => {
      log.push(line);
      return new Promise<void>((resolve, reject) => {
        writes.push({
          answer: () => {
            resolve();
            return turn();
          },
          fail: () => {
            reject(new Error('away'));
            return turn();
          },
        });
      });
    };
    const refs = (entries: readonly Entry[]) => entries.map(({ ref }) => ref).join('');
    own = new OwnParts({
      parts: {
        get connected() {
          return connected;
        },
        change: (by, _, version, joins, leaves) => write(`${by} ${version}: +${refs(joins)} -${leaves.join('')}`),
        replace: (by, _, version, entries) => write(`${by} ${version}: =${refs(entries)}`),
      },
      incarnation: () => incarnation,
      publish: (_, { from, to, joins, leaves }: Delta) =>
        log.push(`told ${from}-${to}: +${refs(joins)} -${leaves.join('')}`),
    });
  });

  const answer = async () => await writes.shift()?.answer();
  const heard = () => log.splice(0);

  it('is told after it is written, each from where the one before ended', async () => {
    own.change('room', change('ab'));
    own.flush('room');
    expect(heard()).toEqual(['i1 1: +ab -']);
    await answer();
    own.change('room', change('c', 'a'));
    own.flush('room');
    await answer();
    own.change('room', change('', 'bc'));
    own.flush('room');
    await answer();
    own.change('room', change('d'));
    own.flush('room');
    await answer();
    expect(heard()).toEqual([
      'told 0-1: +ab -',
      'i1 2: +c -a',
      'told 1-2: +c -a',
      'i1 0: =',
      'told 2-0: + -bc',
      'i1 4: +d -',
      'told 0-4: +d -',
    ]);
    expect([own.count, own.settled]).toEqual([1, true]);
  });

  it('takes all that has come up while a write was under way with the next', async () => {
    own.change('room', change('a'));
    own.flush('room');
    for (const [joins, leaves] of [
      ['b', ''],
      ['c', 'b'],
      ['', 'a'],
    ] as const) {
      own.change('room', change(joins, leaves));
      own.flush('room');
    }
    await answer();
    expect(writes).toHaveLength(1);
    await answer();
    expect(heard()).toEqual(['i1 1: +a -', 'told 0-1: +a -', 'i1 2: +c -a', 'told 1-2: +c -a']);
  });

  it('does not write what came and went meanwhile', () => {
    own.change('room', change('a'));
    own.change('room', change('', 'a'));
    own.flush('room');
    expect([log, own.count]).toEqual([[], 0]);
  });

  // The write may have had its effect: who goes on from the version before it would miss what it said.
  it('writes the whole after a write of unknown outcome, and has it read again', async () => {
    own.change('room', change('a'));
    own.flush('room');
    await answer();
    own.change('room', change('b'));
    own.flush('room');
    await writes.shift()?.fail();
    expect(own.settled).toBe(false);
    own.change('room', change('c', 'a'));
    own.flush('room');
    await answer();
    expect(heard().slice(3)).toEqual(['i1 3: =bc', 'told null-3: + -']);
  });

  it('writes the whole when all have left after a write of unknown outcome', async () => {
    own.change('room', change('a'));
    own.flush('room');
    await writes.shift()?.fail();
    own.change('room', change('', 'a'));
    own.flush('room');
    await answer();
    expect(heard().slice(1)).toEqual(['i1 0: =', 'told null-0: + -']);
    expect([own.count, own.settled]).toEqual([0, true]);
  });

  it('waits while Redis is away', async () => {
    connected = false;
    own.change('room', change('a'));
    own.flush('room');
    own.change('room', change('b', 'a'));
    own.flush('room');
    expect(log).toEqual([]);
    connected = true;
    own.retry();
    await turn();
    await answer();
    expect(heard()).toEqual(['i1 1: +b -', 'told 0-1: +b -']);
  });

  it('writes everything under a new incarnation, and is complete only then', async () => {
    for (const topic of ['room', 'hall']) {
      own.change(topic, change('a'));
      own.flush(topic);
      await answer();
    }
    heard();
    incarnation = 'i2';
    expect([own.complete, own.settled]).toEqual([false, false]);
    // Found by whatever comes first: a change, before anybody has said that the lease was lost.
    own.change('room', change('b'));
    own.flush('room');
    own.retry();
    await answer();
    expect(own.complete).toBe(false);
    await answer();
    expect(heard()).toEqual(['i2 3: =ab', 'told null-3: + -', 'i2 4: =a', 'told null-4: + -']);
    expect([own.complete, own.settled]).toEqual([true, true]);
  });
});
