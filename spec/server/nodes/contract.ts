import type { Nodes } from '../../../server/nodes/port.ts';
import { eventually } from '../../support/eventually.ts';

/** The nodes of one deployment, all of them alive and known to each other. */
export interface Deployment {
  readonly nodes: readonly Nodes[];
  close(): Promise<void>;
}

export function nodesContract(adapter: string, open: () => Promise<Deployment>) {
  describe(`the ${adapter} nodes`, () => {
    let deployment: Deployment;
    let first: Nodes;

    beforeEach(async () => {
      deployment = await open();
      first = deployment.nodes[0] as Nodes;
    });
    afterEach(() => deployment.close());

    it('shows every node its own and all the others', () => {
      const incarnations = deployment.nodes.map(({ self }) => self.incarnation);
      expect(new Set(incarnations).size).toBe(incarnations.length);
      for (const node of deployment.nodes) {
        expect(node.live()).toContainEqual(node.self);
        expect(node.live().map(({ incarnation }) => incarnation)).toEqual(expect.arrayContaining(incarnations));
        expect(node.live()).toHaveLength(incarnations.length);
      }
    });

    it('sums a tally over all nodes', async () => {
      let sum = 0;
      for (const node of deployment.nodes) {
        expect(await node.tally('sockets:a', 2)).toBe(sum + 2);
        expect(await node.tally('sockets:b', 0)).toBe(0);
        expect(await node.tally('sockets:a', -1)).toBe(sum + 1);
        sum += 1;
      }
      for (const node of deployment.nodes) expect(await node.tally('sockets:a', 0)).toBe(sum);
      for (const node of deployment.nodes) await node.tally('sockets:a', -1);
      expect(await first.tally('sockets:a', 0)).toBe(0);
    });

    it('tells many sums at once', async () => {
      for (const [at, node] of deployment.nodes.entries()) await node.tally('sockets:many', at + 1);
      const all = deployment.nodes.reduce((sum, _, at) => sum + at + 1, 0);
      for (const node of deployment.nodes) {
        expect(await node.sums(['nobody', 'sockets:many', 'id'])).toEqual([0, all, 0]);
        expect(await node.sums([])).toEqual([]);
      }
    });

    it('keeps tallies of any name apart', async () => {
      const names = ['', 'id', 'gauges', '__proto__', 'constructor', 'a:b', 'é😀\n'];
      for (const [index, name] of names.entries()) await first.tally(name, index + 1);
      for (const [index, name] of names.entries())
        expect(await deployment.nodes.at(-1)?.tally(name, 0)).toBe(index + 1);
      const atOnce = names.map((name) => deployment.nodes.at(-1)?.tally(name, 1));
      expect(await Promise.all(atOnce)).toEqual(names.map((_, index) => index + 2));
    });

    // Two sockets that take the last place at once must not both get it.
    it('shows at least one of those that add at the same time all the others', async () => {
      const everywhere = Array.from({ length: 20 }, () => deployment.nodes).flat();
      const sums = await Promise.all(everywhere.map((node) => node.tally('sockets:a', 1)));
      expect(Math.max(...sums)).toBe(everywhere.length);
      expect(sums.filter((sum) => sum <= 1).length).toBeLessThanOrEqual(1);
    });

    it('shows a node its gauges, and the others with its next renewal', async () => {
      first.report({ load: 0.5, connections: 3 });
      expect(first.self.gauges).toEqual({ load: 0.5, connections: 3 });
      first.report({ connections: 4 });
      expect(first.self.gauges).toEqual({ load: 0.5, connections: 4 });
      await eventually(() => {
        for (const node of deployment.nodes) expect(node.live()).toContainEqual(first.self);
      });
    });
  });
}
