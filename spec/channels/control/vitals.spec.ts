import { eventually } from '../../support/eventually.ts';
import { atHome, onEveryNode, ownedAgent } from './nodes.ts';

onEveryNode('what an agent says of its machine', (nodes) => {
  it('is known where nobody has asked before, though it was said earlier', async () => {
    const { here, there } = nodes();
    const { agent } = await ownedAgent(here);
    const home = await atHome(there, agent);
    await home.topic.push('vitals', { cpu: 1 });
    await eventually(async () => expect((await here.vitals.of([agent.id])).get(agent.id)).toMatchObject({ cpu: 1 }));
    await home.client.close();
  });

  it('is known at every node, the last of it, with null where it said nothing', async () => {
    const { here, there } = nodes();
    const { agent } = await ownedAgent(here);
    const home = await atHome(here, agent);
    expect(await there.vitals.of([agent.id])).toEqual(new Map());
    expect(await home.topic.push('vitals', { cpu: 0.25, memory: 1_024 })).toEqual({});
    const known = async (node = there) => (await node.vitals.of(['nobody', agent.id])).get(agent.id);
    await eventually(async () => expect(await known()).toMatchObject({ cpu: 0.25, memory: 1_024, gpu: null }));
    const storeMs = await there.context.store.nowMs();
    const { atMs = 0 } = (await known()) ?? {};
    expect(atMs).toBeLessThanOrEqual(storeMs);
    expect(atMs).toBeGreaterThan(storeMs - 60_000);
    const second = await eventually(() => home.topic.push('vitals', { gpu: 1 }));
    expect(second).toEqual({});
    for (const node of [here, there]) {
      await eventually(async () => expect(await known(node)).toMatchObject({ cpu: null, memory: null, gpu: 1 }));
    }
    await home.client.close();
  });

  it('is taken once a second and only where it makes sense', async () => {
    const { here } = nodes();
    const { agent } = await ownedAgent(here);
    const home = await atHome(here, agent);
    for (const wrong of [
      { cpu: 1.1 },
      { cpu: -0.1 },
      { memory: 0.5 },
      { memory: 2 ** 53 },
      { gpu: 'all' },
      { cpu: '1' },
    ]) {
      await expect(home.topic.push('vitals', wrong)).rejects.toMatchObject({ reason: 'invalid_payload' });
    }
    const answers = await Promise.allSettled(
      Array.from({ length: 10 }, (_, at) => home.topic.push('vitals', { memory: at })),
    );
    expect(answers[0]).toMatchObject({ status: 'fulfilled' });
    const refused = answers.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ reason: 'rate_limited', details: { retry_after_ms: expect.any(Number) } });
      expect(reason.details.retry_after_ms).toBeLessThanOrEqual(1_000);
    }
    await home.client.close();
  });
});
