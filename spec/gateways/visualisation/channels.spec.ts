import type { Sighting } from '../../../channels/observation/scene.ts';
import { figures, PATHS, type StagedNode, seen, startStage, Wire } from './stage.ts';

let node: StagedNode;
let wire: Wire;
beforeEach(async () => {
  node = await startStage();
  node.observation.agents = [seen(1), seen(2)];
  wire = await Wire.on(node);
});
afterEach(async () => {
  await wire.close();
  await node.stop();
});

const performance = (wireId: number): Sighting => ({
  kind: 'performance',
  atMs: 1,
  agentId: `agent-${wireId}`,
  wireId,
  performance: figures(),
});
const ended: Sighting = { kind: 'alert_ended', atMs: 1, id: 'a-1', agentId: null };
const system: Sighting = { kind: 'system', atMs: 1, payload: {} };

async function create(channelId: string, fields: object = {}) {
  wire.send({ type: 'channel.create', id: `create-${channelId}`, channelId, ...fields });
  return wire.next('channel.created');
}

/** What comes when something is seen: of each message the channel with its number, or `main`. */
async function where(...sightings: Sighting[]) {
  const before = wire.json.length;
  node.observation.admin.see(...sightings);
  await wire.settle();
  return wire.json
    .slice(before)
    .filter(({ type }) => type !== 'heartbeat_ack')
    .map(({ type, channel, sequence, message }) =>
      channel === undefined ? `main ${type}` : `${channel} ${sequence} ${(message as { type: string }).type}`,
    );
}

describe('a channel', () => {
  it('gets what its name says, in envelopes of its own beside the main stream', async () => {
    expect(await create('perf-metrics', { priority: 'high' })).toEqual({
      id: 'msg-3',
      type: 'channel.created',
      timestamp: expect.any(String),
      payload: { channelId: 'perf-metrics', sequence: 0 },
      metadata: { correlationId: 'create-perf-metrics' },
    });
    expect(await where(performance(1), ended, performance(2))).toEqual([
      'perf-metrics 1 agent.performance.update',
      'main agent.performance.update',
      'main alert.ended',
      'perf-metrics 2 agent.performance.update',
      'main agent.performance.update',
    ]);
    const ids = wire.json.flatMap(({ id, message }) => id ?? (message as { id: string } | undefined)?.id ?? []);
    expect(ids).toEqual(ids.map((_, at) => `msg-${at + 1}`));
  });

  it('that is dedicated is the only place where it comes, in each that matches', async () => {
    await create('system', { dedicated: true });
    await create('mine', { subscribe: ['alert.ended', 'agent.*'] });
    expect(await where(performance(1), ended, system)).toEqual([
      'mine 1 agent.performance.update',
      'main agent.performance.update',
      'system 1 alert.ended',
      'mine 2 alert.ended',
      'system 2 system.metrics',
    ]);
  });

  it('can be narrowed to what names some agents', async () => {
    await create('agents', { agents: ['agent-2'], dedicated: true });
    const both: Sighting = { kind: 'registered', atMs: 1, agents: [seen(1), seen(2)] };
    expect(await where(performance(1), performance(2), both, system)).toEqual([
      'main agent.performance.update',
      'agents 1 agent.performance.update',
      'agents 2 agent.registered',
      'main system.metrics',
    ]);
  });

  it('has the contents of messages where it asks for them', async () => {
    await wire.close();
    wire = await Wire.on(node, PATHS.graph);
    await create('flow');
    await create('read', { subscribe: ['message.sent'], content: true });
    const content = '{"text":"hällo"}';
    const to = [{ id: 'agent-2', namespace: null }];
    const from = { id: null, namespace: null };
    const rest = { messageId: 'm-1', from, to, messageType: 'note', contentBytes: 17, expiryMs: 1 };
    expect(await where({ kind: 'message', atMs: 1, message: { ...rest, content } })).toEqual([
      'flow 1 message.sent',
      'read 1 message.sent',
      'main message.sent',
    ]);
    const contents = wire.json.flatMap((message) => {
      const inner = (message.message ?? message) as typeof message;
      return inner.type === 'message.sent' ? [inner.payload.content] : [];
    });
    expect(contents).toEqual([null, { text: 'hällo' }, null]);
  });

  it('is the same when it is made again with the same fields, and refused with others', async () => {
    await create('agents', { bufferSize: 5 });
    await where(performance(1));
    expect((await create('agents', { bufferSize: 5, priority: 'normal', dedicated: null })).payload.sequence).toBe(0);
    wire.send({ type: 'channel.create', channelId: 'agents', bufferSize: 6, id: 'c' });
    expect((await wire.nextError()).payload).toMatchObject({
      code: 'INVALID_MESSAGE',
      details: { requestId: 'c', component: 'channel' },
    });
    expect(await where(performance(1))).toContain('agents 2 agent.performance.update');
  });

  it('ends when it is closed', async () => {
    await create('agents', { dedicated: true });
    wire.send({ type: 'channel.close', channelId: 'agents', id: 'x' });
    expect(await wire.next('channel.closed')).toMatchObject({
      payload: { channelId: 'agents' },
      metadata: { correlationId: 'x' },
    });
    expect(await where(performance(1))).toEqual(['main agent.performance.update']);
    wire.send({ type: 'channel.close', channelId: 'agents' });
    expect((await wire.nextError()).payload.code).toBe('INVALID_MESSAGE');
  });

  it('is refused where it makes no sense, or is one too many', async () => {
    const wrong: readonly [fields: object, path: string | undefined][] = [
      [{ channelId: 'whatever' }, undefined],
      [{ channelId: '~' }, '/channelId'],
      [{ channelId: 'constructor' }, '/channelId'],
      [{}, ''],
      [{ channelId: 'agents', priority: 'urgent' }, '/priority'],
      [{ channelId: 'agents', bufferSize: 0 }, '/bufferSize'],
      [{ channelId: 'agents', bufferSize: 10_001 }, '/bufferSize'],
      [{ channelId: 'agents', subscribe: [] }, '/subscribe'],
      [{ channelId: 'agents', subscribe: ['*'] }, '/subscribe/0'],
      [{ channelId: 'agents', agents: Array(1_001).fill('a') }, '/agents'],
      [{ channelId: 'agents', dedicated: 'yes' }, '/dedicated'],
    ];
    for (const [fields, path] of wrong) {
      wire.send({ type: 'channel.create', ...fields });
      const { code, details } = (await wire.nextError()).payload;
      expect([fields, code, details?.path]).toEqual([fields, 'INVALID_MESSAGE', path]);
    }
    for (let at = 1; at <= 20; at++) await create(`c-${at}`, { subscribe: ['agent.*'] });
    wire.send({ type: 'channel.create', channelId: 'c-21', subscribe: ['agent.*'] });
    expect((await wire.nextError()).payload.code).toBe('RATE_LIMIT_EXCEEDED');
    expect(await where(ended)).toEqual(['main alert.ended']);
  });

  it('carries the client’s messages, and drops repeats', async () => {
    await create('agents');
    const send = (sequence: unknown, message: unknown, channel = 'agents') => wire.send({ channel, sequence, message });
    send(5, { type: 'channel.create', channelId: 'system', id: 'five' });
    await wire.next('channel.created');
    send(5, { type: 'channel.close', channelId: 'system' });
    send(4, { type: 'channel.close', channelId: 'system' });
    expect(await where(system)).toContain('system 1 system.metrics');
    send(6, { type: 'channel.close', channelId: 'system' });
    await wire.next('channel.closed');
    for (const [sequence, message, channel] of [
      [7, { type: 'nonsense' }, 'agents'],
      [8, {}, 'agents'],
      [9, 'text', 'agents'],
      [0, { type: 'channel.close', channelId: 'agents' }, 'agents'],
      [1, { type: 'channel.close', channelId: 'agents' }, 'unknown'],
    ] as const) {
      send(sequence, message, channel);
      expect((await wire.nextError()).payload.code).toBe('INVALID_MESSAGE');
    }
    expect(await where(performance(1))).toContain('agents 1 agent.performance.update');
  });

  it('gets no error that answers a message', async () => {
    await create('everything', { subscribe: ['error', 'control.*', 'agent.*'], dedicated: true });
    wire.send({ type: 'nonsense', id: 'n' });
    expect(await wire.nextError()).toMatchObject({ payload: { details: { requestId: 'n' } } });
  });
});

it('channels want multiplexing', async () => {
  const plain = await Wire.on(node, PATHS.agents, ['binary', 'compression']);
  plain.send({ type: 'channel.create', channelId: 'agents' });
  expect((await plain.nextError()).payload.code).toBe('INVALID_MESSAGE');
  plain.send({ channel: 'agents', sequence: 1, message: { type: 'pause_updates' } });
  expect((await plain.nextError()).payload.code).toBe('INVALID_MESSAGE');
  await plain.close();
});
