import { decodeDelta } from '../../presence/delta.ts';
import { Entry } from '../../presence/entry.ts';
import { LocalShards } from '../../presence/local_shard.ts';

const entry = (ref: string) => new Entry({ key: 'k', ref, prev: undefined, atMs: 0, text: '{}' });
const change = (joins: string, leaves = '') => ({ joins: [...joins].map(entry), leaves: [...leaves].map(entry) });
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('the sharing of own presences', () => {
  let local: LocalShards;
  let incarnation: string;
  let connected: boolean;
  /** Writes and publishes, in order. */
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
    local = new LocalShards({
      store: {
        get connected() {
          return connected;
        },
        change: (by, _, version, joins, leaves) => write(`${by} ${version}: +${refs(joins)} -${leaves.join('')}`),
        replace: (by, _, version, entries) => write(`${by} ${version}: =${refs(entries)}`),
      },
      nodes: {
        get self() {
          return { id: 'n', incarnation, gauges: {} };
        },
      },
      pubsub: {
        publish(_, { payload }) {
          const { from = null, to, joins = [], leaves = [] } = decodeDelta(payload) ?? {};
          log.push(`published ${from}-${to}: +${refs(joins)} -${leaves.join('')}`);
        },
      },
    });
  });

  const answer = async () => await writes.shift()?.answer();
  const heard = () => log.splice(0);

  it('is published after it is written, each from where the one before ended', async () => {
    local.change('room', change('ab'));
    local.flush('room');
    expect(heard()).toEqual(['i1 1: +ab -']);
    await answer();
    local.change('room', change('c', 'a'));
    local.flush('room');
    await answer();
    local.change('room', change('', 'bc'));
    local.flush('room');
    await answer();
    local.change('room', change('d'));
    local.flush('room');
    await answer();
    expect(heard()).toEqual([
      'published 0-1: +ab -',
      'i1 2: +c -a',
      'published 1-2: +c -a',
      'i1 0: =',
      'published 2-0: + -bc',
      'i1 4: +d -',
      'published 0-4: +d -',
    ]);
    expect([local.count, local.settled]).toEqual([1, true]);
  });

  it('takes all that has come up while a write was under way with the next', async () => {
    local.change('room', change('a'));
    local.flush('room');
    for (const [joins, leaves] of [
      ['b', ''],
      ['c', 'b'],
      ['', 'a'],
    ] as const) {
      local.change('room', change(joins, leaves));
      local.flush('room');
    }
    await answer();
    expect(writes).toHaveLength(1);
    await answer();
    expect(heard()).toEqual(['i1 1: +a -', 'published 0-1: +a -', 'i1 2: +c -a', 'published 1-2: +c -a']);
  });

  it('does not write what came and went meanwhile', () => {
    local.change('room', change('a'));
    local.change('room', change('', 'a'));
    local.flush('room');
    expect([log, local.count]).toEqual([[], 0]);
  });

  // The write may have had its effect: who goes on from the version before it would miss what it said.
  it('writes the whole after a write of unknown outcome, and has it read again', async () => {
    local.change('room', change('a'));
    local.flush('room');
    await answer();
    local.change('room', change('b'));
    local.flush('room');
    await writes.shift()?.fail();
    expect(local.settled).toBe(false);
    local.change('room', change('c', 'a'));
    local.flush('room');
    await answer();
    expect(heard().slice(3)).toEqual(['i1 3: =bc', 'published null-3: + -']);
  });

  it('writes the whole when all have left after a write of unknown outcome', async () => {
    local.change('room', change('a'));
    local.flush('room');
    await writes.shift()?.fail();
    local.change('room', change('', 'a'));
    local.flush('room');
    await answer();
    expect(heard().slice(1)).toEqual(['i1 0: =', 'published null-0: + -']);
    expect([local.count, local.settled]).toEqual([0, true]);
  });

  it('waits while Redis is away', async () => {
    connected = false;
    local.change('room', change('a'));
    local.flush('room');
    local.change('room', change('b', 'a'));
    local.flush('room');
    expect(log).toEqual([]);
    connected = true;
    local.retry();
    await turn();
    await answer();
    expect(heard()).toEqual(['i1 1: +b -', 'published 0-1: +b -']);
  });

  it('writes everything under a new incarnation, and is complete only then', async () => {
    for (const topic of ['room', 'hall']) {
      local.change(topic, change('a'));
      local.flush(topic);
      await answer();
    }
    heard();
    incarnation = 'i2';
    expect([local.complete, local.settled]).toEqual([false, false]);
    // Found by whatever comes first: a change, before anybody has said that the lease was lost.
    local.change('room', change('b'));
    local.flush('room');
    local.retry();
    await answer();
    expect(local.complete).toBe(false);
    await answer();
    expect(heard()).toEqual(['i2 3: =ab', 'published null-3: + -', 'i2 4: =a', 'published null-4: + -']);
    expect([local.complete, local.settled]).toEqual([true, true]);
  });
});
