import { type Place, registerAgent, type TestAgent } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { places, type Seen, WatchingNode } from '../flows/watching.ts';

const RATE_HZ = 30;
const TIMEOUT_MS = 240_000;
const REPLACED_WITHIN_MS = 10_000;

const apart = (one: Seen['places'][number][1], other: Seen['places'][number][1]) =>
  Math.hypot(one.x - other.x, one.y - other.y, one.z - other.z);

/** A deployment of one case: all cases stand beside each other, as they wait most of the time. */
class Deployment {
  nodes: WatchingNode[] = [];
  agents: TestAgent[] = [];
  readonly place: Place;
  readonly nodeCount: number;

  constructor(place: Place, nodeCount: number) {
    this.place = place;
    this.nodeCount = nodeCount;
  }

  get here(): WatchingNode {
    return this.nodes[0] as WatchingNode;
  }

  get there(): WatchingNode {
    return this.nodes.at(-1) as WatchingNode;
  }

  start = (env: Record<string, string> = {}) => WatchingNode.start(this.place, { VIS_RATE_HZ: `${RATE_HZ}`, ...env });

  begin = async (env: Record<string, string> = {}): Promise<void> => {
    this.nodes = await Promise.all(Array.from({ length: this.nodeCount }, () => this.start(env)));
    for (let at = 0; at < 5; at++) this.agents.push(await registerAgent(this.here.aerie));
  };

  end = async (): Promise<void> => {
    await Promise.all(this.nodes.map(({ aerie }) => aerie.stop()));
    await this.place.remove();
  };

  send = (from: TestAgent | undefined, to: TestAgent | undefined) =>
    this.here.aerie.call('POST', '/api/messages', from?.apiKey, { to_agent_id: to?.id, type: 'note', payload: {} });

  all = () => this.agents.map(({ id }) => id).sort();

  /** Resolves when a node has places of all, none of which moves. */
  rested = (node: WatchingNode) =>
    eventually(async () => {
      const seen = await node.seen();
      expect(idsOf(seen)).toEqual(this.all());
      for (const [, { vx, vy, vz }] of seen.places) expect([vx, vy, vz]).toEqual([0, 0, 0]);
      const { moves } = seen;
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect((await node.seen()).moves).toBe(moves);
      return seen;
    }, 60_000);
}

const idsOf = ({ places: known }: Pick<Seen, 'places'>) => known.map(([id]) => id).sort();

describe.each(places)('the layout, %s', (_name, nodeCount, makePlace) => {
  function example(name: string, run: (deployment: Deployment) => Promise<void>) {
    it.concurrent(
      name,
      async () => {
        const deployment = new Deployment(await makePlace(), nodeCount);
        await run(deployment).finally(deployment.end);
      },
      TIMEOUT_MS,
    );
  }

  example(
    'is computed on one node while somebody watches, the same numbers on all, and says nothing at rest',
    async (deployment) => {
      const { begin, send, rested } = deployment;
      await begin();
      const { here, there, agents } = deployment;
      await send(agents[0], agents[1]);
      const threads = (await here.seen()).threads;
      for (const node of deployment.nodes) expect(await node.seen()).toMatchObject({ isComputing: false, places: [] });
      for (const node of deployment.nodes) await node.watch({ layout: true });
      await eventually(async () => expect((await here.seen()).isComputing).toBe(true));
      expect((await here.seen()).threads).toBeGreaterThan(threads);
      if (nodeCount > 1) expect((await there.seen()).isComputing).toBe(false);
      for (const node of deployment.nodes) {
        const { moves, stopped, places: known } = await rested(node);
        expect(moves).toBeGreaterThan(10);
        expect(stopped).toBeGreaterThanOrEqual(agents.length);
        expect(known).toEqual((await here.seen()).places);
      }
      const { places: before } = await here.seen();
      await send(agents[3], agents[4]);
      await eventually(async () => expect((await there.seen()).places).not.toEqual(before), 30_000);
      for (const node of deployment.nodes) expect((await rested(node)).places).toEqual((await here.seen()).places);
      for (const node of deployment.nodes) await node.watch({ layout: false });
      await eventually(async () => expect(await here.seen()).toMatchObject({ isComputing: false, threads }));
    },
  );

  example('goes on from its last places when the first viewer comes back, and after a restart', async (deployment) => {
    const { begin, rested, all, start } = deployment;
    await begin();
    const { here, there } = deployment;
    await here.watch({ layout: true });
    const { places: last } = await rested(here);
    await here.watch({ layout: false });
    await eventually(async () => expect((await here.seen()).isComputing).toBe(false));
    const again = new Map((await there.watch({ layout: true })).places);
    for (const [id, each] of last) expect(apart(again.get(id) ?? each, each)).toBeLessThan(1);
    expect([...again.keys()].sort()).toEqual(all());
    const { places: then } = await rested(there);
    await Promise.all(deployment.nodes.map(({ aerie }) => aerie.stop()));
    deployment.nodes = [await start()];
    const after = new Map((await deployment.here.watch({ layout: true })).places);
    for (const [id, each] of then) expect(apart(after.get(id) as typeof each, each)).toBeLessThan(1);
  });

  example('is gone on with within 10 s when the node that computes it is killed', async (deployment) => {
    const { begin, rested, start } = deployment;
    await begin();
    const { here, there, agents } = deployment;
    await here.watch({ layout: true });
    await rested(here);
    const { places: last } = await here.seen();
    await eventually(async () => {
      const stored = new Map(await here.stored());
      for (const [id, { x, y, z }] of last) expect(stored.get(id)).toMatchObject({ x, y, z });
    });
    if (nodeCount > 1) {
      await there.watch({ layout: true });
      await eventually(async () => expect((await there.seen()).places).toEqual(last));
    }
    await here.kill();
    const killedMs = performance.now();
    const next = nodeCount > 1 ? there : await start();
    if (nodeCount === 1) deployment.nodes = [next];
    if (nodeCount === 1) await next.watch({ layout: true });
    await eventually(async () => expect((await next.seen()).isComputing).toBe(true));
    if (nodeCount > 1) expect(performance.now() - killedMs).toBeLessThan(REPLACED_WITHIN_MS);
    const known = new Map((await next.seen()).places);
    for (const [id, each] of last) expect(apart(known.get(id) as typeof each, each)).toBeLessThan(20);
    agents.push(await registerAgent(next.aerie));
    await rested(next);
  });

  example('has VIS_LAYOUT_MAX_AGENTS agents, those that were active last, and no more', async (deployment) => {
    const { begin, send } = deployment;
    await begin({ VIS_LAYOUT_MAX_AGENTS: '3' });
    const { there, agents } = deployment;
    await send(agents[0], agents[1]);
    await there.watch({ layout: true });
    await eventually(async () => {
      const ids = idsOf(await there.seen());
      expect(ids).toHaveLength(3);
      expect(ids).toEqual(expect.arrayContaining([agents[0]?.id, agents[1]?.id]));
    });
    const settled = async () => idsOf(await there.seen());
    await send(agents[2], agents[3]);
    // The newest edges come first.
    await eventually(async () =>
      expect(await settled()).toEqual(expect.arrayContaining([agents[2]?.id, agents[3]?.id])),
    );
    expect(await settled()).toHaveLength(3);
  });

  example('is told VIS_RATE_HZ times a second at most', async (deployment) => {
    const { begin } = deployment;
    await begin({ VIS_RATE_HZ: '2' });
    const { there } = deployment;
    await there.watch({ layout: true });
    await eventually(async () => expect((await there.seen()).moves).toBeGreaterThan(0));
    const [first, atMs] = [(await there.seen()).moves, performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const { moves } = await there.seen();
    expect(moves - first).toBeLessThanOrEqual(((performance.now() - atMs) / 1_000) * 2 + 2);
  });
});
