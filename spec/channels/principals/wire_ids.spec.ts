import { Upkeep } from '../../../channels/kernel/lists/upkeep.ts';
import { openPrincipals } from '../../../channels/principals/principals.ts';
import { silentLog } from '../../../server/log.ts';
import type { Store } from '../../../server/store/port.ts';
import { onEveryStore } from '../stores.ts';
import { accepted, agentFields, freshId } from './fixtures.ts';

/** Has the store marked as one whose lists are whole. */
async function listed(store: Store): Promise<void> {
  const upkeep = new Upkeep({
    store,
    nodes: { live: () => [] },
    placeables: [],
    isNew: async () => true,
    log: silentLog,
  });
  await upkeep.begin();
  await upkeep.stop();
}

onEveryStore((opened) => {
  const register = async ({ agents }: ReturnType<typeof openPrincipals>, id = freshId('w')) =>
    (await accepted(agents.register('admin', id, agentFields()))).state;

  // A store is shared by the examples of this file: numbers go on.
  it('are given to agents of an earlier version oldest first, and then to new ones, on any node, once each', async () => {
    const [here, there] = [openPrincipals(opened().store), openPrincipals(opened().peer)];
    await listed(opened().store);
    const old: string[] = [];
    for (let at = 0; at < 6; at++) {
      // An earlier version wrote none, and so does this one until all have theirs.
      old.push((await register(here)).id);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const numbersOf = async (ids: readonly string[]) =>
      (await there.agents.readProfiles(ids)).map((agent) => agent?.wireId);
    expect(await numbersOf(old)).toEqual(old.map(() => undefined));
    await here.wireIds.begin();
    expect(await here.wireIds.isFilled()).toBe(false);
    await Promise.all([here.wireIds.fill(here.agents), there.wireIds.fill(there.agents)]);
    const numbers = (await numbersOf(old)) as number[];
    expect(numbers.every((number) => Number.isInteger(number) && number >= 1)).toBe(true);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(old.length);

    const last = Math.max(...numbers);
    const [first, second] = [await register(there), await register(here)];
    expect(first.wireId).toBeGreaterThan(last);
    expect(second.wireId).toBeGreaterThan(first.wireId ?? 0);
    await here.wireIds.fill(here.agents);
    expect(await numbersOf([first.id, ...old])).toEqual([first.wireId, ...numbers]);
  });

  it('are kept whatever else changes in an agent, also where another one would be given', async () => {
    const { agents, wireIds } = openPrincipals(opened().store);
    await wireIds.begin();
    await wireIds.fill(agents);
    const agent = await register({ agents } as ReturnType<typeof openPrincipals>);
    await agents.patch(agent.id, { name: 'Another' });
    await agents.giveWireId(agent.id, 4_000_000);
    expect((await agents.read(agent.id))?.wireId).toBe(agent.wireId);
  });

  it('come with the same registration again unchanged', async () => {
    const principals = openPrincipals(opened().store);
    await principals.wireIds.fill(principals.agents);
    const id = freshId('w');
    const fields = agentFields();
    const one = await accepted(principals.agents.register('admin', id, fields));
    const again = await accepted(principals.agents.register('admin', id, fields));
    expect(again.state.wireId).toBe(one.state.wireId);
    expect(one.state.wireId).toBeGreaterThan(0);
  });
});
