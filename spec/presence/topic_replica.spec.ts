import { encodeDelta } from '../../presence/delta.ts';
import { Entry } from '../../presence/entry.ts';
import { deltaTopic, Followed } from '../../presence/topic_replica.ts';
import type { NodeInfo } from '../../server/nodes/port.ts';
import { localPubSub } from '../../server/pubsub/local.ts';

const entry = (ref: string) => new Entry({ key: ref, ref, prev: undefined, atMs: 0, text: '{}' });
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const node = (id: string, incarnation: string): NodeInfo => ({ id, incarnation, gauges: {} });
const [a1, a2, b1] = [node('a', 'a1'), node('a', 'a2'), node('b', 'b1')];

describe('a topic that is followed', () => {
  let followed: Followed;
  let live: NodeInfo[];
  /** In Redis, by incarnation: version and refs. */
  let parts: Map<string, [version: number, refs: string]>;
  let leases: Set<string>;
  let complete: Set<string>;
  let told: string[];
  const broker = localPubSub({ nodeId: 'another' });

  beforeEach(async () => {
    [live, told, complete, leases] = [[a1, b1], [], new Set(), new Set(['a1', 'a2', 'b1', 'c1'])];
    parts = new Map([
      ['a1', [1, 'xy']],
      ['b1', [1, 'z']],
    ]);
    followed = new Followed({
      topic: 'room',
      // What another node publishes, as it reaches this one.
      pubsub: { ...broker, nodeId: 'self' },
      others: () => live,
      parts: {
        isComplete: async (incarnation) => complete.has(incarnation),
        read: async (incarnation) => {
          if (!leases.has(incarnation)) return undefined;
          const [version, refs] = parts.get(incarnation) ?? [0, ''];
          return { version, entries: [...refs].map(entry) };
        },
      },
      remote: ({ joins, leaves }, silent) =>
        told.push(
          [...joins.map(({ ref }) => `+${ref}`), ...leaves.map(({ ref }) => `-${ref}`), silent ? '?' : ''].join(''),
        ),
    });
    await followed.load();
  });
  afterEach(() => followed.stop());

  const heard = () => told.splice(0).sort();
  const publish = (incarnation: string, from: number | null, to: number, joins = '', leaves = '') =>
    broker.publish(deltaTopic('room'), {
      event: 'delta',
      payload: encodeDelta({ incarnation, from, to, joins: [...joins].map(entry), leaves: [...leaves] }),
    });

  it('is loaded silently, then tells of changes', () => {
    expect(heard()).toEqual(['+x+y?', '+z?']);
    publish('a1', 1, 2, 'w', 'x');
    expect(heard()).toEqual(['+w-x']);
  });

  it('tells at once, and in one change, of all that dead nodes had', () => {
    heard();
    live = [];
    followed.nodesChanged([], [a1, b1]);
    expect(heard()).toEqual(['-x-y-z']);
    publish('a1', 1, 2, 'w');
    followed.nodesChanged([], [a1]);
    expect(heard()).toEqual([]);
  });

  it('reads the part of a node that comes, and believes no node that is not there', async () => {
    heard();
    const c1 = node('c', 'c1');
    parts.set('c1', [4, 'c']);
    publish('c1', 3, 4, 'c');
    await turn();
    expect(heard()).toEqual([]);
    live = [...live, c1];
    followed.nodesChanged([c1], []);
    await turn();
    expect(heard()).toEqual(['+c']);
  });

  // It takes its lease first and then writes its parts: to look between the two must not show everybody gone.
  it('shows what a node had that is back under another incarnation until it has shared it anew', async () => {
    heard();
    live = [a2, b1];
    followed.nodesChanged([a2], [a1]);
    await turn();
    expect(heard()).toEqual([]);
    parts.set('a2', [2, 'yw']);
    publish('a2', null, 2);
    await turn();
    expect(heard()).toEqual(['+w-x']);
  });

  // While nodes are given time to come back, another may have removed what their former incarnations left.
  it('shows what a node had whose lease is gone until that node counts as gone', async () => {
    heard();
    leases.delete('a1');
    parts.delete('a1');
    followed.compare(a1, 0, true);
    await turn();
    expect(heard()).toEqual([]);
    live = [a2, b1];
    parts.set('a2', [2, 'yw']);
    followed.nodesChanged([a2], [a1]);
    await turn();
    expect(heard()).toEqual(['+w-x']);
  });

  it('learns from the comparison that a node that is back has nothing any more, once it has shared everything', async () => {
    heard();
    live = [a2, b1];
    followed.nodesChanged([a2], [a1]);
    followed.compare(a2, 0, false);
    await turn();
    expect(heard()).toEqual([]);
    complete.add('a2');
    followed.compare(a2, 0, false);
    await turn();
    expect(heard()).toEqual(['-x-y']);
  });

  it('reads again what stays behind between two comparisons, and leaves a delta on its way its time', async () => {
    heard();
    parts.set('b1', [3, 'zv']);
    followed.compare(b1, 2, false);
    publish('b1', 1, 2, 'u');
    followed.compare(b1, 3, false);
    await turn();
    expect(heard()).toEqual(['+u']);
    followed.compare(b1, 3, false);
    await turn();
    expect(heard()).toEqual(['+v-u']);
  });

  it('reads at once what is behind after something was lost', async () => {
    heard();
    parts.set('b1', [3, 'v']);
    followed.compare(a1, 1, true);
    followed.compare(b1, 3, true);
    await turn();
    expect(heard()).toEqual(['+v-z']);
  });

  it('gives what it knew when it is followed no more, and tells nothing from then on', async () => {
    heard();
    expect(followed.stop().map(({ ref }) => ref)).toEqual(['x', 'y', 'z']);
    publish('a1', 1, 2, 'w');
    followed.compare(b1, 9, true);
    await turn();
    expect(heard()).toEqual([]);
  });
});
