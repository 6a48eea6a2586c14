import type { NodeLoad } from '../../../channels/observation/node_load.ts';
import { type Item, type PartChange, Sources } from '../../../channels/observation/sources.ts';
import type { LocalSockets } from '../../../channels/principals/open_sockets.ts';
import { OpenSockets } from '../../../channels/principals/open_sockets.ts';
import { Hub } from '../../../server/index.ts';
import { localNodes } from '../../../server/nodes/local.ts';
import { localPubSub } from '../../../server/pubsub/local.ts';
import { Commits } from '../../../server/store/index.ts';

const NODE = 'n-1';
const load = { node: NODE } as NodeLoad;

function node() {
  const nodes = localNodes({ nodeId: NODE });
  const commits = new Commits();
  const openSockets = new OpenSockets(nodes, 10);
  const meters = { open: 0, closed: 0 };
  const sources = new Sources({
    hub: new Hub(localPubSub({ nodeId: NODE })),
    nodes,
    commits,
    openSockets,
    meter: () => {
      meters.open++;
      return { measure: async () => load, close: () => void meters.closed++ };
    },
  });
  const items: Item[] = [];
  const changes: PartChange[] = [];
  const look = () =>
    sources.parts.look({
      part: (_node, its) => void items.push(...its),
      change: (_node, change) => void changes.push(change),
      gone() {},
      lost() {},
    });
  return { sources, commits, openSockets, meters, items, changes, look };
}

describe('what a node tells those who look', () => {
  it('is nothing while nobody does', async () => {
    const { commits, meters, look, sources } = node();
    expect([commits.isHeard, meters.open]).toEqual([false, 0]);
    const stop = await look();
    expect([commits.isHeard, meters]).toEqual([true, { open: 1, closed: 0 }]);
    stop();
    expect([commits.isHeard, meters]).toEqual([false, { open: 1, closed: 1 }]);
    sources.close();
  });

  it('is its sockets, its load, what it commits, and that it drains', async () => {
    const { commits, openSockets, items, changes, look, sources } = node();
    const opened = await openSockets.open('agent', 'a-1', { isAgentSocket: true });
    await look();
    expect(items).toEqual([{ sockets: expect.objectContaining({ agentId: 'a-1', sockets: 1 }) }]);
    if (opened.ok) opened.close();
    commits.tell({ kind: 'agent', id: 'a-1' }, { fields: { profile: '{}' } }, 4);
    commits.tell({ kind: 'agent', id: 'a-1' }, { fields: { keys: '{}' } }, 5);
    commits.tell({ kind: 'inbox', id: 'a-1' }, {}, undefined);
    commits.tell({ kind: 'payment_channel', id: 'c-1' }, {}, undefined);
    openSockets.drain();
    expect(changes.filter((change) => !('load' in change))).toEqual([
      { sockets: expect.objectContaining({ agentId: 'a-1', sockets: 0 } satisfies Partial<LocalSockets>) },
      { deed: { kind: 'agent', id: 'a-1', version: 4 } },
      { unsure: { kind: 'inbox', id: 'a-1' } },
      { isDraining: true },
    ]);
    await Promise.resolve();
    expect(changes).toContainEqual({ load });
    items.length = 0;
    await look();
    expect(items).toContainEqual({ isDraining: true });
    expect(items).toContainEqual({ load });
    sources.close();
  });

  it('is once in half a minute that a task goes on', async () => {
    const { commits, changes, look, sources } = node();
    await look();
    const touch = (id: string) => commits.tell({ kind: 'task', id }, { fields: { output: '{}' } }, 1);
    for (const id of ['t-1', 't-1', 't-2', 't-1']) touch(id);
    const touched = changes.flatMap((change) => ('deed' in change ? [change.deed.id] : []));
    expect(touched).toEqual(['t-1', 't-2']);
    sources.close();
  });
});
