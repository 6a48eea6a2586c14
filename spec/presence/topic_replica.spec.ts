import { deltaTopic, encodeDelta } from '../../presence/delta.ts';
import { Entry } from '../../presence/entry.ts';
import type { EntryChange } from '../../presence/group.ts';
import { TopicReplica } from '../../presence/topic_replica.ts';
import type { NodeInfo } from '../../server/nodes/port.ts';
import { localPubSub } from '../../server/pubsub/local.ts';

const entry = (ref: string) => new Entry({ key: ref, ref, prev: undefined, atMs: 0, text: '{}' });
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const node = (id: string, incarnation: string): NodeInfo => ({ id, incarnation, gauges: {} });
const textOf = ({ joins, leaves }: EntryChange) =>
  [...joins.map(({ ref }) => `+${ref}`), ...leaves.map(({ ref }) => `-${ref}`)].join('');
const self = node('self', 's1');
const [a1, a2, b1] = [node('a', 'a1'), node('a', 'a2'), node('b', 'b1')];

describe('a topic that is followed', () => {
  let replica: TopicReplica;
  let live: NodeInfo[];
  /** In Redis, by incarnation: version and refs. */
  let shards: Map<string, [version: number, refs: string]>;
  let leases: Set<string>;
  let complete: Set<string>;
  let changes: string[];
  const broker = localPubSub({ nodeId: 'another' });

  beforeEach(async () => {
    [live, changes, complete, leases] = [[a1, b1], [], new Set(), new Set(['a1', 'a2', 'b1', 'c1'])];
    shards = new Map([
      ['a1', [1, 'xy']],
      ['b1', [1, 'z']],
    ]);
    replica = new TopicReplica({
      topic: 'room',
      // What another node publishes, as it reaches this one.
      pubsub: { ...broker, nodeId: 'self' },
      nodes: { self, live: () => [self, ...live] },
      store: {
        isComplete: async (incarnation) => complete.has(incarnation),
        read: async (incarnation) => {
          if (!leases.has(incarnation)) return undefined;
          const [version, refs] = shards.get(incarnation) ?? [0, ''];
          return { version, entries: [...refs].map(entry) };
        },
      },
      target: {
        apply: (_, change) => changes.push(textOf(change)),
        applySilently: (_, change) => changes.push(`${textOf(change)}?`),
      },
    });
    await replica.load();
  });
  afterEach(() => replica.stop());

  const heard = () => changes.splice(0).sort();
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
    replica.nodesChanged([], [a1, b1]);
    expect(heard()).toEqual(['-x-y-z']);
    publish('a1', 1, 2, 'w');
    replica.nodesChanged([], [a1]);
    expect(heard()).toEqual([]);
  });

  it('reads the part of a node that comes, and believes no node that is not there', async () => {
    heard();
    const c1 = node('c', 'c1');
    shards.set('c1', [4, 'c']);
    publish('c1', 3, 4, 'c');
    await turn();
    expect(heard()).toEqual([]);
    live = [...live, c1];
    replica.nodesChanged([c1], []);
    await turn();
    expect(heard()).toEqual(['+c']);
  });

  // It takes its lease first and then writes its parts: to look between the two must not show everybody gone.
  it('shows what a node had that is back under another incarnation until it has shared it anew', async () => {
    heard();
    live = [a2, b1];
    replica.nodesChanged([a2], [a1]);
    await turn();
    expect(heard()).toEqual([]);
    shards.set('a2', [2, 'yw']);
    publish('a2', null, 2);
    await turn();
    expect(heard()).toEqual(['+w-x']);
  });

  // While nodes are given time to come back, another may have removed what their former incarnations left.
  it('shows what a node had whose lease is gone until that node counts as gone', async () => {
    heard();
    leases.delete('a1');
    shards.delete('a1');
    replica.compare(a1, 0, true);
    await turn();
    expect(heard()).toEqual([]);
    live = [a2, b1];
    shards.set('a2', [2, 'yw']);
    replica.nodesChanged([a2], [a1]);
    await turn();
    expect(heard()).toEqual(['+w-x']);
  });

  it('learns from the comparison that a node that is back has nothing any more, once it has shared everything', async () => {
    heard();
    live = [a2, b1];
    replica.nodesChanged([a2], [a1]);
    replica.compare(a2, 0, false);
    await turn();
    expect(heard()).toEqual([]);
    complete.add('a2');
    replica.compare(a2, 0, false);
    await turn();
    expect(heard()).toEqual(['-x-y']);
  });

  it('reads again what stays behind between two comparisons, and leaves a delta on its way its time', async () => {
    heard();
    shards.set('b1', [3, 'zv']);
    replica.compare(b1, 2, false);
    publish('b1', 1, 2, 'u');
    replica.compare(b1, 3, false);
    await turn();
    expect(heard()).toEqual(['+u']);
    replica.compare(b1, 3, false);
    await turn();
    expect(heard()).toEqual(['+v-u']);
  });

  it('reads at once what is behind after something was lost', async () => {
    heard();
    shards.set('b1', [3, 'v']);
    replica.compare(a1, 1, true);
    replica.compare(b1, 3, true);
    await turn();
    expect(heard()).toEqual(['+v-z']);
  });

  it('gives what it knew when it is followed no more, and tells nothing from then on', async () => {
    heard();
    expect(replica.stop().map(({ ref }) => ref)).toEqual(['x', 'y', 'z']);
    publish('a1', 1, 2, 'w');
    replica.compare(b1, 9, true);
    await turn();
    expect(heard()).toEqual([]);
  });
});
