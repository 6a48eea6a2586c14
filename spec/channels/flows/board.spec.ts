import fc from 'fast-check';
import { Board } from '../../../channels/flows/board.ts';
import { Counts } from '../../../channels/flows/counts.ts';
import type { PartItem } from '../../../channels/flows/parts.ts';
import type { Edge, Flow } from '../../../channels/flows/port.ts';
import { passed, TRAFFIC_KINDS, type Traffic, touched } from '../../../channels/kernel/traffic.ts';
import { plainEdge, plainFlow } from './plain_count.ts';

const AGENTS = ['ada', 'bob', 'cyd', 'dan'];
const START_MS = 1_000_000_000_000;
const pairs = AGENTS.flatMap((from) => AGENTS.filter((to) => from < to).map((to) => [from, to] as const));
const ways = AGENTS.flatMap((from) => AGENTS.filter((to) => from !== to).map((to) => [from, to] as const));

/** As it travels: what is no JSON would get lost. */
const told = (items: Iterable<PartItem>) => JSON.parse(JSON.stringify([...items])) as PartItem[];

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      way: fc.nat(ways.length - 1),
      kind: fc.nat(3),
      node: fc.nat(1),
      what: fc.nat(3),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.oneof(fc.nat(2_000), fc.nat(70_000), fc.nat(700_000)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ask' as const), node: fc.nat(1) }) },
);

class World {
  nowMs = START_MS;
  readonly all: Traffic[] = [];
  readonly nodes = [new Counts(), new Counts()] as const;
  readonly board = new Board();
  /** What a listener has added up. */
  readonly edges = new Map<string, Edge>();
  readonly flows = new Map<string, Flow>();

  constructor() {
    for (const [at, node] of this.nodes.entries()) {
      node.watch(true);
      this.board.takePart(`n${at}`, told(node.part()));
    }
  }

  pass(way: number, kind: number, node: number, what: number): void {
    const [from, to] = ways[way] as readonly [string, string];
    const name = TRAFFIC_KINDS[kind] ?? 'message';
    const settled = { as: what === 2 ? ('acknowledged' as const) : ('rejected' as const), afterMs: this.nowMs % 977 };
    const traffic =
      what === 0
        ? touched(name, from, to, this.nowMs)
        : what === 1
          ? passed(name, from, to, this.nowMs, 100)
          : { ...touched('message' as const, from, to, this.nowMs), settled };
    this.all.push(traffic);
    this.nodes[node === 0 ? 0 : 1].add(traffic);
  }

  tell(): void {
    for (const [at, node] of this.nodes.entries()) {
      for (const item of told(node.takeUntold())) this.board.take(`n${at}`, item);
    }
    const { changed, removed } = this.board.takeEdgeChanges(this.nowMs, true);
    for (const edge of changed) this.edges.set(`${edge.from},${edge.to}`, edge);
    for (const { from, to } of removed) this.edges.delete(`${from},${to}`);
    for (const flow of this.board.takeFlowChanges(this.nowMs, true)) this.flows.set(`${flow.from},${flow.to}`, flow);
  }
}

describe('the board of a node that watches', () => {
  it('agrees with a plain count of what passed on two nodes, and so does what it told', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 80 }), (steps) => {
        const world = new World();
        for (const each of steps) {
          if (each.do === 'pass') world.pass(each.way, each.kind, each.node, each.what);
          if (each.do === 'wait') world.nowMs += each.ms;
          // A node that was not heard for a while tells all anew.
          if (each.do === 'ask') {
            const node = world.nodes[each.node === 0 ? 0 : 1];
            node.takeUntold();
            node.tidy(world.nowMs);
            world.board.takePart(`n${each.node}`, told(node.part()));
          }
        }
        world.tell();
        // No flow is told twice within a second.
        world.nowMs += 1_000;
        world.tell();
        const edges = new Map([...world.board.edges(world.nowMs)].map((edge) => [`${edge.from},${edge.to}`, edge]));
        for (const [from, to] of pairs) {
          const expected = plainEdge(world.all, from, to, world.nowMs);
          const edge = edges.get(`${from},${to}`);
          expect(edge && { ...edge, sent: 0 }).toEqual(expected && { ...expected, sent: 0 });
          expect(world.edges.get(`${from},${to}`)?.kinds).toEqual(expected?.kinds);
        }
        for (const [from, to] of ways) {
          const expected = plainFlow(world.all, from, to, world.nowMs);
          const flow = world.flows.get(`${from},${to}`);
          if (!expected) expect(flow?.statistics.messageCount ?? 0).toBe(0);
          else {
            expect({ ...flow?.statistics, averageLatency: 0 }).toEqual({ ...expected.statistics, averageLatency: 0 });
            expect(flow?.statistics.averageLatency ?? 0).toBeCloseTo(expected.statistics.averageLatency ?? 0, 6);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('tells an edge when it is new, when it has another kind, and when it is over after ten minutes', () => {
    const board = new Board();
    const take = (kind: number, atMs: number) => {
      const times = [0, 0, 0, 0];
      times[kind] = atMs;
      return board.take('n', ['pair', 'ada', 'bob', times, 1]);
    };
    expect(take(0, START_MS)).toEqual([['ada', 'bob']]);
    expect(take(0, START_MS + 1)).toEqual([]);
    const changes = (nowMs: number) => board.takeEdgeChanges(nowMs, true);
    expect(changes(START_MS + 1)).toEqual({
      changed: [{ from: 'ada', to: 'bob', kinds: ['message'], lastActivityMs: START_MS + 1, sent: 1 }],
      removed: [],
    });
    expect(changes(START_MS + 2)).toEqual({ changed: [], removed: [] });
    take(3, START_MS + 300_000);
    expect(changes(START_MS + 300_000).changed).toMatchObject([{ kinds: ['message', 'payment'] }]);
    expect(changes(START_MS + 600_000)).toEqual({ changed: [], removed: [] });
    expect(changes(START_MS + 600_001).changed).toMatchObject([{ kinds: ['payment'] }]);
    expect(changes(START_MS + 899_999)).toEqual({ changed: [], removed: [] });
    expect(changes(START_MS + 900_000)).toEqual({ changed: [], removed: [{ from: 'ada', to: 'bob' }] });
    expect([...board.edges(START_MS + 900_000)]).toEqual([]);
  });

  it('counts nothing of a node that is forgotten, whose edges stay', () => {
    const board = new Board();
    const node = new Counts();
    node.add(passed('task', 'ada', 'bob', START_MS, 100));
    for (const name of ['n', 'n, come back']) board.takePart(name, told(node.part()));
    expect([...board.edges(START_MS)]).toMatchObject([{ sent: 2 }]);
    board.forgetNode('n');
    expect(board.takeFlowChanges(START_MS, true)).toMatchObject([{ statistics: { messageCount: 1 } }]);
    board.forgetNode('n, come back');
    expect(board.takeFlowChanges(START_MS + 1_000, true)).toMatchObject([{ statistics: { messageCount: 0 } }]);
    expect([...board.edges(START_MS)]).toMatchObject([{ from: 'ada', to: 'bob', sent: 0 }]);
  });

  it('tells a flow once a second at most, the busiest first, and once more with nothing', () => {
    const board = new Board();
    const node = new Counts();
    node.watch(true);
    const pass = (from: string, atMs: number) => node.add(passed('task', from, 'zoe', atMs, 6_000));
    const flows = (nowMs: number) => {
      for (const item of node.takeUntold()) board.take('n', item);
      return board
        .takeFlowChanges(nowMs, true)
        .map(({ from, statistics }) => [from, statistics.messageCount, statistics.bandwidth]);
    };
    pass('ada', START_MS);
    for (let at = 0; at < 3; at++) pass('bob', START_MS);
    expect(flows(START_MS)).toEqual([
      ['bob', 3, 0.3],
      ['ada', 1, 0.1],
    ]);
    pass('ada', START_MS + 200);
    expect(flows(START_MS + 999)).toEqual([]);
    expect(flows(START_MS + 1_000)).toEqual([['ada', 2, 0.2]]);
    expect(flows(START_MS + 59_999)).toEqual([]);
    expect(flows(START_MS + 60_000)).toEqual([
      ['ada', 0, 0],
      ['bob', 0, 0],
    ]);
    expect(flows(START_MS + 70_000)).toEqual([]);
  });
});
