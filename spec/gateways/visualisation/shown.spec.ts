import type { SeenMessage, Sighting } from '../../../channels/observation/scene.ts';
import { encodings } from '../../../gateways/visualisation/message.ts';
import { eventually } from '../../support/eventually.ts';
import { makeReader, type ReadFrame } from './reader.ts';
import {
  figures,
  type JsonMessage,
  PATHS,
  type ScriptedScene,
  type StagedNode,
  seen,
  startStage,
  Wire,
} from './stage.ts';

const place = { x: 1, y: 2, z: 3, vx: 0, vy: 0, vz: 1 };
const edge = (from: string, to: string) =>
  ({ from, to, fromWireId: 1, toWireId: 2, kinds: ['task'], lastActivityMs: 5_000 }) as const;

let node: StagedNode;
let read: Awaited<ReturnType<typeof makeReader>>;
beforeEach(async () => {
  node = await startStage();
  read ??= await makeReader();
});
afterEach(() => node.stop());

const scene = (): ScriptedScene => node.observation.admin;
const framesOf = (wire: Wire): ReadFrame[] => wire.binary.flatMap((frame) => read(frame));
/** Types of all frames so far, in order. */
const order = (wire: Wire) =>
  wire.socket.frames.flatMap((frame) =>
    typeof frame === 'string' ? [(JSON.parse(frame) as JsonMessage).type] : read(frame).map(({ name }) => name),
  );

describe('what comes after the handshake', () => {
  it('is the whole picture in order, and what happens meanwhile comes after it', async () => {
    const performance = figures({ tasksCompleted: 3 });
    node.observation.agents = [
      seen(1, { place, performance, metadata: { running: 2 } }),
      seen(2, { full: false, place }),
      seen(3),
    ];
    node.observation.edges = [edge('agent-1', 'agent-2')];
    let open = () => {};
    node.observation.opening = new Promise((resolve) => {
      open = resolve;
    });
    const [agents, graph, plain] = await Promise.all([
      Wire.open(node),
      Wire.open(node, PATHS.graph),
      Wire.open(node, PATHS.graph),
    ]);
    await Promise.all([agents.shakeHands(), graph.shakeHands(), plain.shakeHands([])]);
    open();
    await eventually(() => expect(scene().snapshots).toBe(1));
    scene().see({ kind: 'hidden', atMs: 3_000, agentId: 'agent-3', wireId: 3 });
    await Promise.all([agents, graph, plain].map((wire) => wire.next('agent.hidden')));
    const begin = ['handshake_ack', 'agent.registered'];
    const end = ['snapshot.complete', 'agent.hidden'];
    expect(order(agents)).toEqual([...begin, 'states', 'positions', 'performance', ...end]);
    expect(order(graph)).toEqual([...begin, 'graph.edges', 'positions', ...end]);
    expect(order(plain)).toEqual([...begin, 'graph.edges', ...end]);
    expect(framesOf(agents).map(({ records }) => records.map(({ id }) => id))).toEqual([[1, 2, 3], [1, 2], [1]]);
    expect(agents.json.slice(1)).toEqual([
      {
        id: 'msg-1',
        type: 'agent.registered',
        timestamp: '1970-01-01T00:00:02.000Z',
        payload: {
          agents: [1, 2, 3].map((wireId) => ({
            agentId: `agent-${wireId}`,
            wireId,
            name: `Agent ${wireId}`,
            namespace: 'u-1',
            capabilities: ['math'],
            state: 'IDLE',
            full: wireId !== 2,
            registeredAt: '1970-01-01T00:00:01.000Z',
          })),
        },
      },
      {
        id: 'msg-2',
        type: 'snapshot.complete',
        timestamp: '1970-01-01T00:00:02.000Z',
        payload: { agents: 3, edges: 0, at: '1970-01-01T00:00:02.000Z' },
      },
      {
        id: 'msg-3',
        type: 'agent.hidden',
        timestamp: '1970-01-01T00:00:03.000Z',
        payload: { agentId: 'agent-3', wireId: 3 },
      },
    ]);
    const [edges] = graph.of('graph.edges');
    const { lastActivityMs: _, ...shown } = edge('agent-1', 'agent-2');
    expect(edges?.payload).toEqual({
      edges: [{ ...shown, lastActivity: '1970-01-01T00:00:05.000Z' }],
      removed: [],
    });
    expect(graph.of('snapshot.complete')[0]?.payload).toMatchObject({ agents: 3, edges: 1 });
    // Every address has its numbers of its own.
    expect(graph.json.slice(1).map(({ id }) => id)).toEqual(['msg-1', 'msg-2', 'msg-3', 'msg-4']);
  });

  it('is cut: 500 agents and 256 KiB, 1,000 edges', async () => {
    const long = 'é'.repeat(1_000);
    node.observation.agents = [
      ...Array.from({ length: 1_200 }, (_, at) => seen(at + 1)),
      ...Array.from({ length: 300 }, (_, at) => seen(at + 1_201, { name: long })),
    ];
    node.observation.edges = Array.from({ length: 2_300 }, (_, at) => edge('agent-1', `agent-${at + 2}`));
    const wire = await Wire.on(node, PATHS.graph);
    const registered = wire.of('agent.registered');
    const agents = registered.map(({ payload }) => payload.agents as unknown[]);
    expect(agents.flat()).toHaveLength(1_500);
    expect(Math.max(...agents.map(({ length }) => length))).toBe(500);
    expect(Math.max(...registered.map((message) => JSON.stringify(message).length))).toBeLessThan(256 * 1_024);
    expect(wire.of('graph.edges').map(({ payload }) => (payload.edges as unknown[]).length)).toEqual([
      1_000, 1_000, 300,
    ]);
    await wire.close();
  });

  it('can be had again, once in 5 s, and is not there for control', async () => {
    node.observation.agents = [seen(1)];
    const wire = await Wire.on(node);
    node.observation.admin.agents = [seen(1), seen(2)];
    scene().see({ kind: 'registered', atMs: 3_000, agents: [seen(2)] });
    wire.send({ action: 'refresh' });
    await wire.next('agent.registered');
    expect((await wire.next('agent.registered')).payload.agents).toHaveLength(2);
    await wire.next('snapshot.complete');
    wire.send({ type: 'snapshot.request', id: 's-2' });
    const { payload } = await wire.nextError();
    expect(payload).toMatchObject({
      code: 'RATE_LIMIT_EXCEEDED',
      details: { requestId: 's-2', component: 'snapshot', retryAfterMs: expect.any(Number) },
      recoverable: true,
      suggestedAction: 'slow_down',
    });
    expect(Number(payload.details?.retryAfterMs)).toBeLessThanOrEqual(5_000);
    const control = await Wire.on(node, PATHS.control);
    control.send({ type: 'snapshot.request' });
    expect((await control.nextError()).payload.code).toBe('INVALID_MESSAGE');
    await Promise.all([wire.close(), control.close()]);
  });

  it('comes again to everybody when something was lost between the nodes', async () => {
    node.observation.agents = [seen(1)];
    const wires = await Promise.all([Wire.on(node), Wire.on(node, PATHS.graph)]);
    scene().agents = [seen(1), seen(2)];
    scene().listener.lost();
    for (const wire of wires) expect((await wire.next('snapshot.complete')).payload.agents).toBe(2);
    await Promise.all(wires.map((wire) => wire.close()));
  });

  it('is an error where nothing can be seen: the client comes again later', async () => {
    node.observation.isAway = true;
    const wire = await Wire.open(node);
    await wire.shakeHands();
    expect(await wire.refusal()).toMatchObject({ code: 1013, error: 'CONNECTION_FAILED' });
    node.observation.isAway = false;
    await (await Wire.on(node)).close();
  });
});

const message: SeenMessage = {
  messageId: 'm-1',
  from: { id: 'agent-1', namespace: 'u-1' },
  to: [{ id: 'agent-2', namespace: null }],
  messageType: 'greeting',
  content: '{"text":"hello"}',
  contentBytes: 16,
  expiryMs: 10_000,
};

const statistics = {
  messageCount: 1,
  averageLatency: null,
  maxLatency: null,
  minLatency: null,
  successRate: null,
  bandwidth: 0.5,
};

/** What is seen, and the message that tells it. */
const told: readonly [address: 'agents' | 'graph', sighting: Sighting, message: object][] = [
  [
    'agents',
    {
      kind: 'state',
      atMs: 1,
      agentId: 'agent-1',
      previousState: 'IDLE',
      newState: 'EXECUTING',
      reason: 'Task assigned',
      metadata: { taskId: 't-1', estimatedDuration: 5 },
    },
    {
      type: 'agent.state.changed',
      payload: {
        agentId: 'agent-1',
        previousState: 'IDLE',
        newState: 'EXECUTING',
        reason: 'Task assigned',
        metadata: { taskId: 't-1', estimatedDuration: 5 },
      },
    },
  ],
  [
    'agents',
    {
      kind: 'state',
      atMs: 1,
      agentId: 'agent-1',
      previousState: 'ERROR',
      newState: 'IDLE',
      reason: null,
      metadata: {},
    },
    {
      type: 'agent.state.changed',
      payload: { agentId: 'agent-1', previousState: 'ERROR', newState: 'IDLE', reason: null, metadata: {} },
      metadata: { priority: 'high' },
    },
  ],
  [
    'agents',
    { kind: 'performance', atMs: 1, agentId: 'agent-1', wireId: 1, performance: figures({ successRate: 0.5 }) },
    {
      type: 'agent.performance.update',
      payload: { agentId: 'agent-1', ...figures({ successRate: 0.5 }) },
      metadata: { ttl: 10_000 },
    },
  ],
  [
    'agents',
    {
      kind: 'capability',
      atMs: 1,
      agentId: 'agent-1',
      action: 'add',
      capability: { name: 'math', category: null, level: 4, description: 'sums', price: '0.05' },
    },
    {
      type: 'agent.capability.update',
      payload: {
        agentId: 'agent-1',
        action: 'add',
        capability: { name: 'math', category: null, level: 4, description: 'sums', price: '0.05' },
      },
    },
  ],
  [
    'graph',
    { kind: 'message', atMs: 1, message },
    {
      type: 'message.sent',
      payload: {
        messageId: 'm-1',
        from: message.from,
        to: message.to,
        messageType: 'greeting',
        priority: 'NORMAL',
        contentBytes: 16,
        expiry: '1970-01-01T00:00:10.000Z',
        content: null,
      },
      metadata: { priority: 'low', ttl: 5_000 },
    },
  ],
  [
    'graph',
    {
      kind: 'flow',
      atMs: 1,
      flow: { from: 'agent-1', to: 'agent-2', statistics: { ...statistics, lastActivityMs: 1 } },
    },
    {
      type: 'message.flow.stats',
      payload: {
        flowId: 'agent-1-agent-2',
        from: 'agent-1',
        to: 'agent-2',
        statistics: { ...statistics, lastActivity: '1970-01-01T00:00:00.001Z' },
      },
      metadata: { ttl: 5_000 },
    },
  ],
  [
    'graph',
    { kind: 'edges', atMs: 1, edges: [], removed: [{ from: 'agent-1', to: 'agent-2' }] },
    { type: 'graph.edges', payload: { edges: [], removed: [{ from: 'agent-1', to: 'agent-2' }] } },
  ],
  [
    'agents',
    { kind: 'system', atMs: 1, payload: { activeAgents: 1, alerts: [{ level: 'info', timestampMs: 1 }], gpu: null } },
    {
      type: 'system.metrics',
      payload: { activeAgents: 1, alerts: [{ level: 'info', timestamp: '1970-01-01T00:00:00.001Z' }], gpu: null },
      metadata: { ttl: 10_000 },
    },
  ],
  [
    'agents',
    {
      kind: 'alert',
      atMs: 1,
      level: 'critical',
      agentId: 'agent-1',
      payload: { alert: { id: 'a-1' }, agentId: 'agent-1' },
    },
    { type: 'alert', payload: { alert: { id: 'a-1' }, agentId: 'agent-1' }, metadata: { priority: 'critical' } },
  ],
  [
    'agents',
    { kind: 'alert', atMs: 1, level: 'warning', agentId: null, payload: { alert: { id: 'a-1' }, agentId: null } },
    { type: 'alert', payload: { alert: { id: 'a-1' }, agentId: null } },
  ],
  [
    'agents',
    { kind: 'alert_ended', atMs: 1, id: 'a-1', agentId: 'agent-1' },
    { type: 'alert.ended', payload: { id: 'a-1', agentId: 'agent-1', at: '1970-01-01T00:00:00.001Z' } },
  ],
  [
    'agents',
    {
      kind: 'coordination',
      atMs: 1,
      event: 'progress',
      agentIds: ['agent-1', 'agent-2'],
      progress: 0.5,
      payload: { coordinationId: 'c-1', proposal: { waitMs: 5 } },
    },
    {
      type: 'coordination.progress',
      payload: { coordinationId: 'c-1', proposal: { waitMs: 5 } },
      metadata: { priority: 'high' },
    },
  ],
];

describe('what happens', () => {
  it.each(told)('on %s: %j', async (address, sighting, expected) => {
    const [wire, other] = await Promise.all([
      Wire.on(node, PATHS[address], []),
      Wire.on(node, PATHS[address === 'agents' ? 'graph' : 'agents'], []),
    ]);
    scene().see(sighting);
    await Promise.all([wire.settle(), other.settle()]);
    expect(wire.json.at(-2)).toEqual({
      id: 'msg-2',
      timestamp: '1970-01-01T00:00:00.001Z',
      ...expected,
    });
    expect(other.json.at(-2)).toMatchObject({ type: 'snapshot.complete' });
    await Promise.all([wire.close(), other.close()]);
  });

  it('is told in binary too where that is on, after the agents that it names', async () => {
    const wire = await Wire.on(node, PATHS.agents, ['binary', 'streaming']);
    const coordination = { coordinationId: 'c-1' };
    const record = seen(7, { state: 'EXECUTING', flags: 1, metadata: { running: 1 } });
    scene().see(
      { kind: 'places', atMs: 1, agents: [{ wireId: 7, place }] },
      { kind: 'registered', atMs: 1, agents: [seen(7), seen(8)] },
      { kind: 'records', atMs: 1, agents: [record] },
      { kind: 'performance', atMs: 1, agentId: 'agent-7', wireId: 7, performance: figures() },
      { kind: 'coordination', atMs: 1, event: 'ended', agentIds: ['agent-7'], progress: 1, payload: coordination },
      { kind: 'records', atMs: 1, agents: [seen(8)] },
      { kind: 'hidden', atMs: 1, agentId: 'agent-8', wireId: 8 },
    );
    await wire.settle();
    expect(order(wire).slice(2, -1)).toEqual([
      'agent.registered',
      'agent.performance.update',
      'coordination.ended',
      'agent.hidden',
      'states',
      'positions',
      'performance',
      'coordination',
    ]);
    const [states, positions, performance, ended] = framesOf(wire);
    expect(states?.records).toMatchObject([{ id: 7, state: 3, flags: 1, metadata: '{"running":1}' }]);
    expect(positions?.records).toEqual([{ id: 7, ...place }]);
    expect(performance?.records).toMatchObject([{ id: 7, mem: null }]);
    expect(ended).toMatchObject({ flags: 2, fields: { kind: 3, progress: 1, json: '{"coordinationId":"c-1"}' } });
    await wire.close();
  });

  it('moves agents that have moved by 0.5 or stopped, as often as it is set at most', async () => {
    await node.stop();
    node = await startStage({ settings: { ratePerSecond: 1 } });
    const wire = await Wire.on(node, PATHS.graph, ['binary']);
    const times: number[] = [];
    wire.socket.ws.on('message', (_, isBinary) => isBinary && times.push(performance.now()));
    const move = (x: number, vx = 1) =>
      scene().see({
        kind: 'places',
        atMs: 1,
        agents: [{ wireId: 1, place: { ...place, x, vx, vz: 0 } }],
      });
    const xs = () => framesOf(wire).flatMap(({ records }) => records.map(({ x }) => x));
    move(0);
    move(0.25);
    move(5);
    move(6);
    await eventually(() => expect(xs()).toEqual([0, 6]));
    move(6.25);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(xs()).toEqual([0, 6]);
    move(6.25, 0);
    await eventually(() => expect(xs()).toEqual([0, 6, 6.25]));
    move(6.25, 0);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(xs()).toEqual([0, 6, 6.25]);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(800);
    // One who comes now has the places of the others.
    scene().agents = [seen(1, { place: { ...place, x: 6.5, vz: 0 } })];
    const late = await Wire.on(node, PATHS.graph, ['binary']);
    expect(framesOf(late)[0]?.records).toMatchObject([{ id: 1, x: 6.25 }]);
    await Promise.all([wire.close(), late.close()]);
  });
});

it('encodes each moment once for each kind of viewer, not for each viewer', async () => {
  node.observation.agents = Array.from({ length: 50 }, (_, at) => seen(at + 1, { place, performance: figures() }));
  const viewers = async (count: number) => {
    const open = [
      () => Wire.on(node),
      () => Wire.on(node, PATHS.agents, []),
      () => Wire.on(node, PATHS.graph, ['binary']),
    ];
    const wires = await Promise.all(Array.from({ length: count }, (_, at) => open[at % 3]?.() as Promise<Wire>));
    const before = { ...encodings };
    for (let round = 1; round <= 5; round++) {
      const moved = { wireId: 1, place: { ...place, x: count * 10 } };
      scene().see(
        { kind: 'records', atMs: 1, agents: [seen(round)] },
        { kind: 'message', atMs: 1, message },
        { kind: 'alert_ended', atMs: 1, id: 'a', agentId: null },
        ...(round === 1 ? [{ kind: 'places', atMs: 1, agents: [moved] } as const] : []),
      );
      // All have it before the next: what happens while some are still being told is one moment.
      const told = (wire: Wire) => wire.of('alert.ended').length + wire.of('message.sent').length;
      await eventually(() => expect(wires.map(told)).toEqual(wires.map(() => round)));
    }
    await Promise.all(wires.map((wire) => wire.settle()));
    const counted = { messages: encodings.messages - before.messages, frames: encodings.frames - before.frames };
    expect(wires.map((wire) => wire.of('alert.ended').length + wire.of('message.sent').length)).toEqual(
      wires.map(() => 5),
    );
    await Promise.all(wires.map((wire) => wire.close()));
    return counted;
  };
  const few = await viewers(3);
  expect(few).toEqual({ messages: 10, frames: 6 });
  expect(await viewers(18)).toEqual(few);
});
