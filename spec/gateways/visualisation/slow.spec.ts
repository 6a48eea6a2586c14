import { jest } from '@jest/globals';
import type { Sighting } from '../../../channels/observation/scene.ts';
import { Delivery, FULL_BYTES } from '../../../gateways/visualisation/delivery.ts';
import { encodings } from '../../../gateways/visualisation/message.ts';
import { frameKind, Moment } from '../../../gateways/visualisation/moment.ts';
import { SharedSnapshot } from '../../../gateways/visualisation/snapshot.ts';
import { Viewing } from '../../../gateways/visualisation/viewing.ts';
import { makeReader, type ReadFrame } from './reader.ts';
import { figures, type JsonMessage, seen } from './stage.ts';

const place = { x: 1, y: 2, z: 3, vx: 0, vy: 0, vz: 1 };

let read: Awaited<ReturnType<typeof makeReader>>;
beforeAll(async () => {
  read = await makeReader();
});
afterEach(() => {
  jest.restoreAllMocks();
});

/** A socket that takes what a spec lets it take. */
class Pipe {
  readonly sent: (string | Uint8Array)[] = [];
  bufferedBytes = 0;
  isOpen = true;
  /** Bytes that each message leaves waiting. */
  eachBytes = 0;
  send = (data: string | Uint8Array) => {
    this.sent.push(data);
    this.bufferedBytes += this.eachBytes;
    return 'sent' as const;
  };
}

function open(stage: 'agents' | 'graph' = 'agents', streams = true) {
  const pipe = new Pipe();
  const tooSlow = jest.fn();
  const delivery = new Delivery(pipe, tooSlow);
  const viewing = new Viewing(stage, delivery, frameKind(stage, streams, undefined), () => 0);
  viewing.begin(new SharedSnapshot({ atMs: 0, agents: [], edges: [] }, () => null));
  return {
    pipe,
    delivery,
    viewing,
    tooSlow,
    /** What comes is seen from now on only when the socket has read. */
    async stall() {
      // The frames of the snapshot are packed.
      await new Promise(setImmediate);
      pipe.sent.length = 0;
      pipe.bufferedBytes = FULL_BYTES;
    },
    see: (...sightings: Sighting[]) =>
      viewing.take(
        new Moment(
          sightings,
          sightings.flatMap((sighting) => (sighting.kind === 'places' ? sighting.agents : [])),
          1,
        ),
      ),
    /** The socket reads all. */
    drain() {
      pipe.bufferedBytes = 0;
      delivery.flush();
      return pipe.sent
        .splice(0)
        .flatMap((data): (JsonMessage | ReadFrame)[] => (typeof data === 'string' ? [told(data)] : read(data)));
    },
  };
}

const told = (text: string) => JSON.parse(text) as JsonMessage;
const isJson = (one: JsonMessage | ReadFrame): one is JsonMessage => !('records' in one);
const typesOf = (all: readonly (JsonMessage | ReadFrame)[]) => all.map((one) => (isJson(one) ? one.type : 'frame'));

const alert = (id: string, level: 'warning' | 'critical' = 'warning'): Sighting => ({
  kind: 'alert',
  atMs: 1,
  level,
  agentId: null,
  payload: { alert: { id } },
});
const state = (agentId: string, newState: 'BUSY' | 'IDLE' | 'ERROR'): Sighting => ({
  kind: 'state',
  atMs: 1,
  agentId,
  previousState: 'IDLE',
  newState,
  reason: null,
  metadata: {},
});
const sent = (messageId: string): Sighting => ({
  kind: 'message',
  atMs: 1,
  message: {
    messageId,
    from: { id: 'a', namespace: null },
    to: [{ id: 'b', namespace: null }],
    messageType: 't',
    content: null,
    contentBytes: 1,
    expiryMs: 1,
  },
});
const flow = (from: string, to: string, messageCount: number): Sighting => {
  const unknown = { averageLatency: null, maxLatency: null, minLatency: null, successRate: null };
  const statistics = { ...unknown, messageCount, bandwidth: 0, lastActivityMs: 1 };
  return { kind: 'flow', atMs: 1, flow: { from, to, statistics } };
};
const alertIds = (all: readonly (JsonMessage | ReadFrame)[]) =>
  all.filter(isJson).flatMap(({ payload }) => ('alert' in payload ? [(payload.alert as { id: string }).id] : []));

describe('a viewer that does not read', () => {
  it('gets the newest of positions, states and figures, once for each agent, and of each flow', async () => {
    const agents = open();
    await agents.stall();
    for (let round = 1; round <= 50; round++) {
      const at = { ...place, x: round };
      agents.see(
        { kind: 'places', atMs: 1, agents: [1, 2].map((wireId) => ({ wireId, place: at })) },
        { kind: 'records', atMs: 1, agents: [seen(1, { metadata: { running: round } })] },
        state('agent-1', round % 2 ? 'BUSY' : 'IDLE'),
        {
          kind: 'performance',
          atMs: 1,
          agentId: 'agent-1',
          wireId: 1,
          performance: figures({ tasksCompleted: round }),
        },
        { kind: 'system', atMs: 1, payload: { totalAgents: round } },
      );
    }
    expect(agents.pipe.sent).toEqual([]);
    const all = agents.drain();
    expect(all.filter(isJson).map(({ type, payload }) => [type, payload])).toEqual([
      ['channel.skipped', { channel: null, count: 147 }],
      ['agent.state.changed', expect.objectContaining({ newState: 'IDLE' })],
      ['agent.performance.update', expect.objectContaining({ metrics: figures({ tasksCompleted: 50 }).metrics })],
      ['system.metrics', { totalAgents: 50 }],
    ]);
    expect(all.filter((one) => !isJson(one))).toMatchObject([
      { name: 'states', records: [{ id: 1, metadata: '{"running":50}' }] },
      {
        name: 'positions',
        records: [
          { id: 1, x: 50 },
          { id: 2, x: 50 },
        ],
      },
      { name: 'performance', records: [{ id: 1, tasks: 50 }] },
    ]);
    const graph = open('graph');
    await graph.stall();
    for (let round = 1; round <= 50; round++)
      graph.see(flow('a', 'b', round), flow('a-b', 'c', 1), flow('a', 'b-c', 1));
    const counts = graph
      .drain()
      .flatMap((one) => (isJson(one) && one.type === 'message.flow.stats' ? [one.payload] : []));
    expect(counts.map(({ from, statistics }) => [from, (statistics as { messageCount: number }).messageCount])).toEqual(
      [
        ['a', 50],
        ['a-b', 1],
        ['a', 1],
      ],
    );
  });

  it('keeps 1,000 others: the oldest goes first, of the lowest priority', async () => {
    const { see, drain, stall } = open();
    await stall();
    see(alert('critical', 'critical'));
    for (let at = 1; at <= 1_005; at++) see(alert(`a-${at}`));
    const all = drain();
    expect(all[0]).toMatchObject({ type: 'channel.skipped', payload: { channel: null, count: 6 } });
    expect(alertIds(all)).toEqual(['critical', ...Array.from({ length: 999 }, (_, at) => `a-${at + 7}`)]);
    const graph = open('graph');
    await graph.stall();
    for (let at = 1; at <= 1_200; at++) graph.see(sent(`m-${at}`));
    const left = graph.drain().flatMap((one) => (isJson(one) ? [one.payload.messageId ?? one.payload.count] : []));
    expect([left.length, ...left.slice(0, 2)]).toEqual([1_001, 200, 'm-201']);
  });

  it('keeps no more text than 8 Mi characters, however long its events are', async () => {
    const { see, drain, stall } = open();
    await stall();
    const long = 'x'.repeat(100_000);
    for (let at = 1; at <= 200; at++) see(alert(`${at} ${long}`));
    const ids = alertIds(drain()).map((id) => Number.parseInt(id, 10));
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, at) => 201 - ids.length + at));
    expect(ids.length).toBeGreaterThan(70);
    expect(ids.length).toBeLessThan(84);
  });

  it('is told the most important first, each in order, and of a channel by the channel’s priority', async () => {
    const { see, drain, stall, delivery } = open();
    delivery.channels.create({ channelId: 'high', subscribe: ['agent.capability.update'], priority: 'high' });
    delivery.channels.create({ channelId: 'low', subscribe: ['alert.ended'], priority: 'low', dedicated: true });
    await stall();
    const capability = { name: 'c', category: null, level: null, description: null, price: '1' };
    see(
      { kind: 'alert_ended', atMs: 1, id: 'a', agentId: null },
      { kind: 'capability', atMs: 1, agentId: 'agent-1', action: 'add', capability },
      alert('a-1'),
      state('agent-1', 'ERROR'),
      alert('a-2', 'critical'),
      alert('a-3'),
    );
    const names = drain()
      .filter(isJson)
      .map((one) => [one.channel ?? 'main', ((one.message ?? one) as JsonMessage).type]);
    expect(names).toEqual([
      ['main', 'alert'],
      ['high', 'agent.capability.update'],
      ['main', 'agent.state.changed'],
      ['main', 'agent.capability.update'],
      ['main', 'alert'],
      ['main', 'alert'],
      ['low', 'alert.ended'],
    ]);
  });

  it('has a hole in the sequence of a channel where it was skipped, and is told since when', async () => {
    const { see, drain, stall, delivery, pipe } = open();
    delivery.channels.create({ channelId: 'c', subscribe: ['alert'], bufferSize: 3, dedicated: true });
    see(alert('a-1'), alert('a-2'));
    await stall();
    for (let at = 3; at <= 10; at++) see(alert(`a-${at}`));
    const all = drain().filter(isJson);
    expect(all[0]).toMatchObject({
      type: 'channel.skipped',
      payload: { channel: 'c', count: 5, sinceSequence: 2 },
    });
    expect(all.slice(1).map(({ sequence }) => sequence)).toEqual([8, 9, 10]);
    see(alert('a-11'));
    expect(told(String(pipe.sent.at(-1)))).toMatchObject({ sequence: 11, message: { type: 'alert' } });
  });

  it('is not told what is too old when its turn comes', async () => {
    const clock = jest.spyOn(performance, 'now').mockReturnValue(0);
    const { see, drain, stall } = open('graph');
    await stall();
    see(sent('old'));
    clock.mockReturnValue(3_000);
    see(sent('new'));
    clock.mockReturnValue(5_001);
    expect(drain().filter(isJson)).toMatchObject([
      { type: 'message.sent', payload: { messageId: 'new' } },
      { type: 'channel.skipped', payload: { channel: null, count: 1 } },
    ]);
  });

  it('is handed nothing while 256 KiB wait in the socket, and then no more than fits', async () => {
    const { see, pipe, delivery, stall, drain } = open();
    for (let at = 0; at < 20; at++) delivery.channels.create({ channelId: `c-${at}`, subscribe: ['alert'] });
    await stall();
    pipe.bufferedBytes = 0;
    pipe.eachBytes = FULL_BYTES / 4;
    see(alert('a-1'), alert('a-2'));
    expect(pipe.sent.splice(0).length).toBe(4);
    pipe.eachBytes = 0;
    const rest = drain().filter(isJson);
    const ids = rest.map((one) => alertIds([(one.message ?? one) as JsonMessage])[0]);
    expect(ids).toEqual([...Array(17).fill('a-1'), ...Array(21).fill('a-2')]);
  });

  it('gets the frames of a batch together, in whatever pieces the socket takes them', async () => {
    const { see, pipe, stall, drain } = open();
    await stall();
    pipe.bufferedBytes = 0;
    pipe.eachBytes = FULL_BYTES;
    const many = Array.from({ length: 5_000 }, (_, at) => ({ wireId: at + 1, place }));
    see({ kind: 'places', atMs: 1, agents: many });
    expect(pipe.sent.length).toBe(1);
    see({ kind: 'places', atMs: 1, agents: [{ wireId: 1, place: { ...place, x: 9 } }] }, alert('a-1'));
    pipe.eachBytes = 0;
    const all = drain();
    expect(typesOf(all)).toEqual(['frame', 'frame', 'frame', 'alert', 'frame']);
    expect(all.flatMap((one) => (isJson(one) ? [] : [[one.flags, one.records.length]]))).toEqual([
      [4, 2_340],
      [4, 2_340],
      [0, 320],
      [0, 1],
    ]);
  });

  it('shares the frames of what it missed with others that missed it too', async () => {
    const slow = [open(), open(), open()];
    for (const one of slow) await one.stall();
    const before = encodings.frames;
    for (let round = 1; round <= 5; round++) {
      const places = [1, 2, 3].map((wireId) => ({ wireId, place: { ...place, x: round } }));
      const moment = new Moment([], places, round);
      for (const { viewing } of slow) viewing.take(moment);
    }
    for (const one of slow) {
      const records = [1, 2, 3].map((id) => ({ id, x: 5 }));
      expect(one.drain()).toMatchObject([{ name: 'positions', records }]);
    }
    expect(encodings.frames - before).toBe(1);
  });

  it('is closed when answers alone pass 1 MiB, and none is dropped before', async () => {
    const { delivery, tooSlow, stall, drain, see } = open();
    await stall();
    const tail = (text: string) => `,"type":"error","timestamp":"t","payload":{"text":"${text}"}}`;
    see(alert('a-1', 'critical'));
    for (let at = 0; at < 10; at++) delivery.answer(tail('x'.repeat(100_000)));
    expect(tooSlow).not.toHaveBeenCalled();
    expect(typesOf(drain())).toEqual([...Array(10).fill('error'), 'alert']);
    await stall();
    for (let at = 0; at < 11; at++) delivery.answer(tail('x'.repeat(100_000)));
    expect(tooSlow).toHaveBeenCalled();
  });

  it('is told nothing more of an agent that has gone out of sight, and of none that it does not know', async () => {
    const { see, drain, stall } = open();
    await stall();
    see(state('agent-1', 'BUSY'), { kind: 'records', atMs: 1, agents: [seen(1), seen(2)] });
    see({ kind: 'hidden', atMs: 2, agentId: 'agent-1', wireId: 1 });
    // Two that it was never told of: one stays away, one comes back.
    see({ kind: 'registered', atMs: 3, agents: [seen(3), seen(4)] });
    see(
      { kind: 'hidden', atMs: 4, agentId: 'agent-3', wireId: 3 },
      { kind: 'hidden', atMs: 4, agentId: 'agent-4', wireId: 4 },
    );
    see({ kind: 'registered', atMs: 5, agents: [seen(4, { full: false }), seen(1, { full: false })] });
    see(state('agent-4', 'BUSY'));
    const all = drain();
    const named = all.map((one) => {
      if (!isJson(one)) return `${one.name} ${one.records.map(({ id }) => id)}`;
      const { type, payload } = one;
      const agents = payload.agents as { agentId: string }[] | undefined;
      return `${type} ${payload.agentId ?? agents?.map(({ agentId }) => agentId) ?? payload.count}`;
    });
    expect(named).toEqual([
      'agent.registered agent-3,agent-4',
      'agent.hidden agent-1',
      'agent.hidden agent-3',
      'agent.hidden agent-4',
      'agent.registered agent-1,agent-4',
      'channel.skipped 1',
      'agent.state.changed agent-4',
      'states 2,4,1',
    ]);
  });

  it('has its snapshot first, whole, however slowly, and what happened meanwhile after it', async () => {
    const { viewing, pipe, see, drain, stall } = open();
    await stall();
    const agents = Array.from({ length: 1_200 }, (_, at) => seen(at + 1, { place }));
    viewing.begin(new SharedSnapshot({ atMs: 0, agents, edges: [] }, (agent) => agent.place));
    pipe.eachBytes = FULL_BYTES;
    see(alert('a-1'), { kind: 'places', atMs: 1, agents: [{ wireId: 1, place: { ...place, x: 9 } }] });
    const order: string[] = [];
    for (let piece = 0; piece < 20; piece++) {
      await new Promise(setImmediate);
      const all = drain();
      expect(all.length).toBeLessThanOrEqual(1);
      order.push(...typesOf(all));
    }
    const frames = ['frame', 'frame'];
    const registered = Array(3).fill('agent.registered');
    expect(order).toEqual([...registered, ...frames, 'snapshot.complete', 'alert', 'frame']);
  });

  it('is shown nothing while it is paused, and forgets what waited', async () => {
    const { viewing, see, drain, stall, pipe } = open();
    await stall();
    see(alert('a-1'), { kind: 'records', atMs: 1, agents: [seen(1)] });
    viewing.pause();
    pipe.bufferedBytes = 0;
    see(alert('a-2'), { kind: 'registered', atMs: 1, agents: [seen(2)] });
    expect(drain()).toEqual([]);
    viewing.resume();
    viewing.begin(new SharedSnapshot({ atMs: 0, agents: [seen(2)], edges: [] }, () => null));
    await new Promise(setImmediate);
    see(alert('a-3'));
    expect(typesOf(drain())).toEqual(['agent.registered', 'frame', 'snapshot.complete', 'alert']);
  });
});
