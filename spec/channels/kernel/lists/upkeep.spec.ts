import { isNeverCollected } from '../../../../channels/analytics/collector.ts';
import { placeKey } from '../../../../channels/kernel/lists/order.ts';
import { LISTING_GAUGES, Upkeep } from '../../../../channels/kernel/lists/upkeep.ts';
import { Messages } from '../../../../channels/messages/messages.ts';
import { Negotiations } from '../../../../channels/negotiation/negotiations.ts';
import { openPrincipals } from '../../../../channels/principals/principals.ts';
import { silentLog } from '../../../../server/log.ts';
import type { NodeInfo } from '../../../../server/nodes/port.ts';
import { type Store, StoreUnavailable } from '../../../../server/store/port.ts';
import { eventually } from '../../../support/eventually.ts';
import { embeddedStore, onEveryStore } from '../../stores.ts';

const node = (gauges: NodeInfo['gauges']): NodeInfo => ({ id: 'n', incarnation: 'n', gauges });
const now = node(LISTING_GAUGES);
const before = node({ cpu: 0.5 });

/** The store as an earlier version used it, which knew no indexes by creation. */
const asBefore = (store: Store): Store => ({
  ...store,
  commit(aggregate, expected, { index, ...change }) {
    const known = index?.filter((place) => place.index === 'agents' || place.index.startsWith('capability:'));
    return store.commit(aggregate, expected, { ...change, ...(known && { index: known }) });
  },
});

const idsIn = async (store: Store, index: string) => (await store.lookup(index, { limit: 9_999 })).map(({ id }) => id);

function placeablesOf(store: Store) {
  const { users, apps, agents } = openPrincipals(store);
  const messages = new Messages({ store, agents, log: silentLog, onPlaced() {}, onSettled() {} });
  return [users, apps, agents].map(({ placeable }) => placeable).concat(messages.placeable);
}

function upkeepOf(store: Store, live: () => readonly NodeInfo[] = () => [now], isNew = async () => false) {
  return new Upkeep({ store, nodes: { live }, placeables: placeablesOf(store), isNew, log: silentLog });
}

onEveryStore((opened) => {
  it('has nothing to do on a new store, and everything on one that was used', async () => {
    const fresh = await embeddedStore();
    expect(await isNeverCollected(fresh.store)).toBe(true);
    const upkeep = upkeepOf(
      fresh.store,
      () => [before],
      () => isNeverCollected(fresh.store),
    );
    await upkeep.begin();
    expect(await upkeep.isDone()).toBe(true);
    await upkeep.stop();
    await fresh.discard();
  });

  it('lists what an earlier version made once its last node is gone, and on every node that asks', async () => {
    const { store, peer } = opened();
    const old = openPrincipals(asBefore(store));
    const owner = await old.users.register('admin', undefined, { name: 'Owner' });
    if (!owner.ok) throw new Error('no user');
    const made: string[] = [];
    for (let at = 0; at < 20; at++) {
      const described = { publicKey: '', capabilities: [], metadata: {}, userId: owner.state.id, name: `${at}` };
      const untried = { status: 'active', pinnedReputation: null, completed: 0, failed: 0 } as const;
      const agent = await old.agents.register('admin', undefined, { ...described, ...untried });
      if (agent.ok) made.unshift(agent.state.id);
    }
    const send = new Messages({
      store: asBefore(store),
      agents: old.agents,
      log: silentLog,
      onPlaced() {},
      onSettled() {},
    });
    const [from = '', to = ''] = made;
    const sent = await send.send(from, { to_agent_id: to, type: 'note', payload: 1 });
    expect(sent.ok).toBe(true);
    expect(await idsIn(store, 'agents:created')).toEqual([]);

    let nodes = [now, before];
    const [here, there] = [upkeepOf(store, () => nodes), upkeepOf(peer, () => nodes)];
    await Promise.all([here.begin(), there.begin()]);
    expect(await here.isDone()).toBe(false);
    expect(await idsIn(store, 'agents:created')).toEqual([]);

    nodes = [now, now];
    await eventually(async () => expect([await here.isDone(), await there.isDone()]).toEqual([true, true]), 10_000);
    const listed = await idsIn(store, 'agents:created');
    expect(listed.sort()).toEqual([...made].sort());
    expect((await idsIn(store, `agents:owner:${owner.state.id}`)).sort()).toEqual([...made].sort());
    expect(await idsIn(store, 'users:created')).toEqual([owner.state.id]);
    expect(await idsIn(store, `messages:out:${from}`)).toHaveLength(1);
    expect(await idsIn(store, `messages:in:${to}`)).toHaveLength(1);
    // Where `discover` looks they stay.
    expect((await idsIn(store, 'agents')).sort()).toEqual([...made].sort());
    await Promise.all([here.stop(), there.stop()]);
  });
});

describe('upkeep', () => {
  it('begins anew where a walk was interrupted', async () => {
    const { store, discard } = await embeddedStore();
    const { apps } = openPrincipals(asBefore(store));
    await apps.register('admin', 'app-1', { name: 'App' });
    let walks = 0;
    const flaky: Store = {
      ...store,
      async *scan(kinds) {
        if (++walks === 1) throw new StoreUnavailable('gone');
        yield* store.scan(kinds);
      },
    };
    const upkeep = upkeepOf(flaky);
    await upkeep.begin();
    await eventually(async () => expect(await upkeep.isDone()).toBe(true), 10_000);
    expect(walks).toBe(2);
    expect(await idsIn(store, 'apps:created')).toEqual(['app-1']);
    await upkeep.stop();
    await discard();
  });

  it('knows when a negotiation was made that says only by when it was to be announced', async () => {
    const { store, discard } = await embeddedStore();
    const terms = JSON.stringify({
      id: 'n-1',
      clientAgentId: 'a',
      providerAgentId: 'b',
      announceByMs: 1_700_000_005_000,
    });
    const course = JSON.stringify({ status: 'open', history: [], isAnnounced: true });
    await store.commit({ kind: 'negotiation', id: 'n-1' }, 0, { fields: { terms, course } });
    await new Negotiations(store, { acknowledge: async () => {} }).placeable.placeAnew('n-1');
    expect(await store.lookup('negotiations', { limit: 9 })).toEqual([{ key: placeKey(1_700_000_000_000), id: 'n-1' }]);
    await discard();
  });
});
