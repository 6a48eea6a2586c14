import type { Delta } from '../../presence/delta.ts';
import { Entry } from '../../presence/entry.ts';
import { RemoteShard } from '../../presence/remote_shard.ts';
import type { Shard } from '../../presence/shard_store.ts';

const entry = (ref: string) => new Entry({ key: 'k', ref, prev: undefined, atMs: 0, text: `{"phx_ref":"${ref}"}` });
const entries = (refs: string) => [...refs].map(entry);
const shard = (version: number, refs: string): Shard => ({ version, entries: entries(refs) });
const delta = (from: number | null, to: number, joins: string, leaves = ''): Delta => ({
  incarnation: 'n1',
  from,
  to,
  joins: entries(joins),
  leaves: [...leaves],
});

describe("another node's shard of a topic", () => {
  let remote: RemoteShard;
  let changes: string[];
  /** Readings under way, oldest first: each is answered by the spec. */
  let readings: { answer: (shard: Shard | undefined) => Promise<void>; fail: () => Promise<void> }[];

  const open = (adopted?: string) => {
    changes = [];
    readings = [];
    remote = new RemoteShard({
      adopted: adopted === undefined ? undefined : new Map(entries(adopted).map((each) => [each.ref, each])),
      topic: 'room',
      incarnation: 'n1',
      store: {
        isComplete: async () => true,
        read: () =>
          new Promise((resolve, reject) => {
            readings.push({
              answer: (read) => {
                resolve(read);
                return turn();
              },
              fail: () => {
                reject(new Error('away'));
                return turn();
              },
            });
          }),
      },
      target: {
        apply: ({ joins, leaves }) =>
          changes.push([...joins.map(({ ref }) => `+${ref}`), ...leaves.map(({ ref }) => `-${ref}`)].join('')),
      },
    });
  };
  const turn = () => new Promise<void>((done) => setImmediate(done));
  const refs = () => [...remote.entries.keys()].sort().join('');

  async function opened(version: number, known: string) {
    open();
    remote.load().catch(() => {});
    await readings.shift()?.answer(shard(version, known));
    changes = [];
  }

  it('is read, and then kept by deltas', async () => {
    open();
    remote.load().catch(() => {});
    await readings.shift()?.answer(shard(3, 'ab'));
    remote.receive(delta(3, 4, 'c'));
    remote.receive(delta(4, 5, '', 'a'));
    remote.receive(delta(5, 0, '', 'bc'));
    remote.receive(delta(0, 9, 'd'));
    expect(changes).toEqual(['+a+b', '+c', '-a', '-b-c', '+d']);
    expect([remote.version, refs(), readings.length]).toEqual([9, 'd', 0]);
  });

  it('lets deltas wait while it is read, and takes those that follow what was read', async () => {
    open();
    remote.load().catch(() => {});
    remote.receive(delta(1, 2, 'b'));
    remote.receive(delta(2, 3, 'c'));
    await readings.shift()?.answer(shard(2, 'ab'));
    expect([remote.version, refs(), readings.length]).toEqual([3, 'abc', 0]);
  });

  it('is read again after a gap, and when it was read before the gap', async () => {
    await opened(3, 'a');
    remote.receive(delta(4, 5, 'c'));
    expect(readings).toHaveLength(1);
    remote.receive(delta(7, 8, 'f'));
    await readings.shift()?.answer(shard(5, 'abc'));
    expect([refs(), readings.length]).toEqual(['abc', 1]);
    await readings.shift()?.answer(shard(8, 'bf'));
    expect([remote.version, refs(), readings.length]).toEqual([8, 'bf', 0]);
    expect(changes).toEqual(['+b+c', '+f-a-c']);
  });

  it('knows deltas that it has been told of already', async () => {
    await opened(5, 'a');
    remote.receive(delta(3, 5, 'z'));
    remote.receive(delta(2, 3, 'z'));
    remote.receive(delta(4, 0, '', 'a'));
    expect([remote.version, refs(), readings.length, changes]).toEqual([5, 'a', 0, []]);
  });

  it('is read again when told to, whatever the version', async () => {
    await opened(5, 'a');
    remote.receive(delta(null, 0, ''));
    await readings.shift()?.answer(shard(0, ''));
    expect([remote.version, refs(), changes]).toEqual([0, '', ['-a']]);
  });

  it('is read once more if that is asked for while it is read', async () => {
    open();
    remote.load().catch(() => {});
    let again = false;
    remote.reload().then(() => {
      again = true;
    });
    await readings.shift()?.answer(shard(1, 'a'));
    expect([again, readings.length]).toEqual([false, 1]);
    await readings.shift()?.answer(shard(2, 'b'));
    expect([again, refs()]).toEqual([true, 'b']);
  });

  it('is not known until it could be read', async () => {
    open();
    const loading = remote.load();
    await Promise.all([expect(loading).rejects.toThrow('away'), readings.shift()?.fail()]);
    expect(remote.known).toBe(false);
    remote.receive(delta(0, 1, 'z'));
    await readings.shift()?.answer(shard(7, 'ab'));
    expect([remote.known, refs()]).toEqual([true, 'ab']);
  });

  it('shows what a former incarnation had until it can be read, then only what is different', async () => {
    open('abc');
    remote.load().catch(() => {});
    await turn();
    await readings.shift()?.answer(undefined);
    expect([remote.known, refs(), changes]).toEqual([false, 'abc', []]);
    remote.receive(delta(null, 4, ''));
    await turn();
    await readings.shift()?.answer(shard(4, 'bcd'));
    expect([remote.known, refs(), changes]).toEqual([true, 'bcd', ['+d-a']]);
  });

  it('tells nothing once it is stopped', async () => {
    open();
    remote.load().catch(() => {});
    remote.stop();
    await readings.shift()?.answer(shard(1, 'a'));
    remote.receive(delta(1, 2, 'b'));
    expect([changes, refs(), readings.length]).toEqual([[], '', 0]);
  });
});
