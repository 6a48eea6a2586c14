import type { Redis } from 'ioredis';
import { askForView, NOBODY, sameTopology, settle, type View } from '../../../server/redis/topology.ts';

const claim = (port: number, from: number, to: number, epoch: number) => ({ host: 'h', port, from, to, epoch });
const view = (...claims: ReturnType<typeof claim>[]): View => ({ claims, nodes: [] });

/** A node that answers CLUSTER INFO, NODES and SLOTS with these. */
function node(state: string, nodes: string, slots: unknown): Redis {
  const answers: Record<string, unknown> = { INFO: `cluster_state:${state}\r\n`, NODES: nodes, SLOTS: slots };
  const cluster = async (what: string) => answers[what];
  return { cluster, stream: { remoteAddress: '10.0.0.9' } } as unknown as Redis;
}

describe('who has which slot', () => {
  it('is what the latest epoch says, whoever else is late', () => {
    const late = view(claim(1, 0, 9_999, 1), claim(2, 10_000, 16_383, 2));
    const current = view(claim(1, 0, 4_999, 1), claim(3, 5_000, 9_999, 3), claim(2, 10_000, 16_383, 2));
    for (const views of [
      [late, current],
      [current, late, late],
    ]) {
      const { masters, owners } = settle(views);
      const portOf = (slot: number) => masters[owners[slot] as number]?.port;
      expect([0, 4_999, 5_000, 9_999, 10_000, 16_383].map(portOf)).toEqual([1, 1, 3, 3, 2, 2]);
    }
  });

  it('names no master that has nothing, and nobody for a slot that no master has', () => {
    const { masters, owners } = settle([view(claim(1, 0, 99, 1)), view(claim(2, 0, 99, 2))]);
    expect(masters).toEqual([{ host: 'h', port: 2 }]);
    expect([owners[99], owners[100]]).toEqual([0, NOBODY]);
  });

  it('is the same as long as masters and slots are', () => {
    const [a, b] = [claim(1, 0, 99, 1), claim(2, 100, 16_383, 2)];
    expect(sameTopology(settle([view(a, b)]), settle([view(b), view({ ...a, epoch: 7 })]))).toBe(true);
    expect(sameTopology(settle([view(a, b)]), settle([view(a, { ...b, port: 3 })]))).toBe(false);
    expect(sameTopology(settle([view(a, b)]), settle([view(a, b, { ...a, from: 99, epoch: 2, port: 2 })]))).toBe(false);
  });
});

describe('what a node of a Redis Cluster knows', () => {
  const nodes =
    'a1 10.0.0.1:7000@17000,host-a master - 0 1426238316232 4 connected 0-5460 5462 [93-<-b2]\n' +
    'b2 10.0.0.2:7000@17000 myself,master - 0 0 12 connected 5461 5463-16383\n' +
    'c3 10.0.0.3:7000@17000 slave a1 0 1426238316232 4 connected\n';
  const slots = [
    [0, 5_460, ['host-a', 7_000, 'a1', []], ['10.0.0.3', 7_000, 'c3', []]],
    // A node that does not know its own address.
    [5_461, 16_383, [null, 7_000, 'b2', []]],
  ];

  it('is masters with their slots and epochs, and replicas to ask later', async () => {
    expect(await askForView(node('ok', nodes, slots))).toEqual({
      claims: [
        { host: 'host-a', port: 7_000, from: 0, to: 5_460, epoch: 4 },
        { host: '10.0.0.9', port: 7_000, from: 5_461, to: 16_383, epoch: 12 },
      ],
      nodes: ['host-a', '10.0.0.3', '10.0.0.9'].map((host) => ({ host, port: 7_000 })),
    });
  });

  it('is not to be had from one that is cut off: it may have missed a failover', async () => {
    expect(await askForView(node('fail', nodes, slots))).toBeUndefined();
  });
});
