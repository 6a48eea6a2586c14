import type { ControlRefusal } from '../../../channels/control/port.ts';
import { Unavailable } from '../../../server/index.ts';
import { ADMIN_TOKEN } from '../../support/aerie.ts';
import { eventually } from '../../support/eventually.ts';
import { PATHS, type StagedNode, startStage, Wire } from './stage.ts';

let node: StagedNode;
let wire: Wire;
beforeEach(async () => {
  node = await startStage();
  wire = await Wire.on(node, PATHS.control);
});
afterEach(async () => {
  await wire.close();
  await node.stop();
});

const command = (id: string | undefined, more: object = {}) =>
  wire.send({
    id,
    type: 'control.execute',
    timestamp: 't',
    payload: { targetAgent: 'agent-1', command: 'go' },
    ...more,
  });

async function called(count: number) {
  return eventually(() => {
    expect(node.control.calls.length).toBe(count);
    return node.control.calls.at(-1) as (typeof node.control.calls)[number];
  });
}

describe('control.execute', () => {
  it('is handed over, and answered with what becomes of it', async () => {
    command('r-1', { metadata: { correlationId: 'mine' } });
    const { caller, request, tell, end } = await called(1);
    expect(caller).toEqual({ kind: 'admin' });
    expect(request).toEqual({ id: 'r-1', payload: { targetAgent: 'agent-1', command: 'go' } });
    tell({ kind: 'accepted', requestId: 'r-1', targetAgent: 'agent-1' });
    expect(await wire.next('control.accepted')).toEqual({
      id: 'msg-1',
      type: 'control.accepted',
      timestamp: expect.any(String),
      payload: { requestId: 'r-1', targetAgent: 'agent-1' },
      metadata: { correlationId: 'r-1', priority: 'high' },
    });
    tell({ kind: 'completed', requestId: 'r-1', targetAgent: 'agent-1', result: { a: [1, null] }, durationMs: 7 });
    end();
    expect(await wire.next('control.result')).toMatchObject({
      payload: {
        requestId: 'r-1',
        targetAgent: 'agent-1',
        status: 'completed',
        result: { a: [1, null] },
        durationMs: 7,
      },
      metadata: { correlationId: 'r-1', priority: 'high' },
    });
  });

  const refusals: readonly [Omit<ControlRefusal, 'kind' | 'message'>, object][] = [
    [
      { code: 'INVALID_MESSAGE', path: '/payload/callback' },
      { details: { requestId: 'r', component: 'control', path: '/payload/callback' }, suggestedAction: 'fix_message' },
    ],
    [{ code: 'AGENT_NOT_FOUND' }, { recoverable: true, suggestedAction: 'verify_agent_id' }],
    [
      { code: 'COMMAND_FAILED', reason: 'forbidden' },
      { details: { reason: 'forbidden' }, recoverable: false, suggestedAction: 'none' },
    ],
    [
      { code: 'COMMAND_FAILED', reason: 'timeout' },
      { recoverable: true, suggestedAction: 'retry' },
    ],
    [
      { code: 'COMMAND_FAILED', reason: 'agent_error', agentError: { code: 'E1', message: 'no wheels' } },
      { details: { reason: 'agent_error', code: 'E1', message: 'no wheels' }, recoverable: false },
    ],
    [{ code: 'RATE_LIMIT_EXCEEDED', retryAfterMs: 500 }, { details: { retryAfterMs: 500 } }],
  ];
  it.each(refusals)('tells a refusal: %j', async (refusal, expected) => {
    command('r');
    const { tell, end } = await called(1);
    tell({ kind: 'refused', message: 'No.', ...refusal });
    end();
    const error = await wire.nextError();
    expect(error.payload).toMatchObject({ code: refusal.code, message: 'No.', ...expected });
    expect(JSON.stringify(error)).not.toContain('stackTrace');
    expect(error.metadata).toEqual({ correlationId: 'r', priority: 'critical' });
  });

  it('waits for the one before it to be accepted, by priority, and is dropped when its time is over', async () => {
    command('first');
    const { tell } = await called(1);
    command('low', { metadata: { priority: 'low' } });
    command('late', { metadata: { priority: 'critical', ttl: 0 } });
    command('normal');
    command('high', { metadata: { priority: 'high' } });
    command('high too', { metadata: { priority: 'high' } });
    await wire.settle();
    expect(node.control.calls.length).toBe(1);
    tell({ kind: 'accepted', requestId: 'first', targetAgent: 'agent-1' });
    for (let count = 2; count <= 5; count++) (await called(count)).end();
    expect(node.control.calls.map(({ request }) => request.id)).toEqual(['first', 'high', 'high too', 'normal', 'low']);
  });

  it('wants an id', async () => {
    command(undefined);
    expect((await wire.nextError()).payload).toMatchObject({ code: 'INVALID_MESSAGE', details: { path: '/id' } });
    for (const id of ['', 'x'.repeat(129), 7]) {
      wire.send({ id, type: 'control.execute', payload: {} });
      expect((await wire.nextError()).payload).toMatchObject({ code: 'INVALID_MESSAGE' });
    }
    expect(node.control.calls).toEqual([]);
  });

  it('of a socket that is gone is not told any more', async () => {
    command('r-1');
    const call = await called(1);
    call.tell({ kind: 'accepted', requestId: 'r-1', targetAgent: 'agent-1' });
    await wire.next('control.accepted');
    await wire.close();
    await eventually(() => expect(call.isStopped).toBe(true));
    call.tell({ kind: 'completed', requestId: 'r-1', targetAgent: 'agent-1', result: 1, durationMs: 1 });
  });

  it('of which nobody knows what became is an internal error with an incident', async () => {
    command('r-1');
    (await called(1)).end(new Unavailable('out of reach'));
    const { payload } = await wire.nextError();
    expect(payload).toMatchObject({
      code: 'INTERNAL_ERROR',
      details: { requestId: 'r-1', incident: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      recoverable: false,
      suggestedAction: 'report',
    });
    command('r-2');
    await called(2);
  });

  it('is bounded: so many wait, and so many are open', async () => {
    for (let sent = 0; sent < 100; sent++) command(`r-${sent}`);
    await called(1);
    await wire.settle();
    expect(wire.of('error')).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    for (let sent = 100; sent < 200; sent++) command(`r-${sent}`);
    await wire.settle();
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    command('one more');
    command('two more');
    const { payload } = await wire.nextError();
    expect(payload).toMatchObject({ code: 'RATE_LIMIT_EXCEEDED', details: { retryAfterMs: 1_000 } });
  });

  it('waits in no more text than 256 KiB', async () => {
    command('first');
    const first = await called(1);
    const junk = { payload: { junk: Array.from({ length: 20_000 }, () => []) } };
    for (let sent = 1; sent <= 5; sent++) command(`r-${sent}`, junk);
    expect((await wire.nextError()).payload).toMatchObject({
      code: 'RATE_LIMIT_EXCEEDED',
      details: { requestId: 'r-5' },
    });
    first.tell({ kind: 'accepted', requestId: 'first', targetAgent: 'agent-1' });
    for (let count = 2; count <= 5; count++) (await called(count)).end();
    expect(node.control.calls.slice(1).map(({ request }) => request)).toEqual(
      [1, 2, 3, 4].map((sent) => ({ id: `r-${sent}`, ...junk })),
    );
    // There is room again.
    command('r-5', junk);
    await called(6);
  });

  it('can be had on a channel', async () => {
    wire.send({ type: 'channel.create', channelId: 'control', dedicated: true });
    await wire.next('channel.created');
    command('r-1');
    (await called(1)).tell({ kind: 'accepted', requestId: 'r-1', targetAgent: 'agent-1' });
    await eventually(() =>
      expect(wire.json.at(-1)).toMatchObject({
        channel: 'control',
        sequence: 1,
        message: { type: 'control.accepted' },
      }),
    );
  });
});

describe('the other commands', () => {
  it('configure a multi-agent', async () => {
    const payload = { 'multi-agentId': 'm-1', configuration: { topology: 'RING' } };
    wire.send({ id: 'c', type: 'control.multi-agent.configure', payload });
    expect(await wire.next('control.multi-agent.configured')).toMatchObject({
      payload: { 'multi-agentId': 'm-1', version: 3, configuration: { topology: 'RING' }, members: ['agent-1'] },
      metadata: { correlationId: 'c', priority: 'high' },
    });
    expect(node.control.configured).toEqual([payload]);
    node.control.configure = async () => ({
      kind: 'refused',
      code: 'INVALID_MESSAGE',
      message: 'No.',
      path: '/payload',
    });
    wire.send({ id: 'd', type: 'control.multi-agent.configure', payload });
    expect((await wire.nextError()).payload).toMatchObject({ code: 'INVALID_MESSAGE', details: { requestId: 'd' } });
  });

  it('initiate a coordination', async () => {
    const coordination = {
      coordinationId: 'c-1',
      pattern: 'CONSENSUS',
      initiator: { id: 'agent-1' },
      participants: [{ id: 'agent-2', role: 'voter' }],
      parameters: { timeout: 30_000 },
    };
    node.coordinations.answer = { ok: true, coordination: { ...coordination, id: 'c-1', votes: {} } };
    const { coordinationId: _, ...payload } = coordination;
    wire.send({ id: 'i', type: 'coordination.initiate', payload });
    expect(await wire.next('coordination.initiated')).toMatchObject({
      payload: coordination,
      metadata: { correlationId: 'i', priority: 'high' },
    });
    expect(node.coordinations.payloads).toEqual([payload]);
    const cases: readonly [reason: string, details: object | undefined, code: string, told: object][] = [
      [
        'invalid_payload',
        [{ path: '/pattern', message: 'x' }],
        'INVALID_MESSAGE',
        { path: '/payload/pattern', reason: 'invalid_payload' },
      ],
      ['payload_too_large', undefined, 'INVALID_MESSAGE', {}],
      ['not_found', { field: 'initiator', agent_id: 'x' }, 'AGENT_NOT_FOUND', { path: '/payload/initiator' }],
      ['forbidden', { status: 'suspended' }, 'COMMAND_FAILED', { reason: 'agent_suspended' }],
      ['forbidden', undefined, 'COMMAND_FAILED', { reason: 'forbidden' }],
      ['conflict', undefined, 'INVALID_MESSAGE', { reason: 'conflict' }],
    ];
    for (const [reason, details, code, expected] of cases) {
      node.coordinations.answer = { ok: false, reason, message: 'No.', ...(details && { details }) };
      wire.send({ id: 'i', type: 'coordination.initiate', payload });
      const error = await wire.nextError();
      expect(error.payload).toMatchObject({
        code,
        details: { requestId: 'i', component: 'coordination', ...expected },
      });
    }
  });

  it('are taken on control alone, and there nothing is shown', async () => {
    const viewer = await Wire.on(node);
    for (const type of ['control.execute', 'control.multi-agent.configure', 'coordination.initiate']) {
      viewer.send({ id: 'x', type, payload: {} });
      expect((await viewer.nextError()).payload).toMatchObject({
        code: 'INVALID_MESSAGE',
        details: { requestId: 'x' },
      });
    }
    node.observation.admin.see({ kind: 'alert_ended', atMs: 1, id: 'a', agentId: null });
    await wire.settle();
    expect(wire.json.map(({ type }) => type)).toEqual(['handshake_ack', 'heartbeat_ack']);
    expect(node.control.calls).toEqual([]);
    await viewer.close();
  });
});

it('the operator’s credential shows in nothing that is told', async () => {
  command('r-1');
  const { tell } = await called(1);
  tell({ kind: 'accepted', requestId: 'r-1', targetAgent: 'agent-1' });
  await wire.settle();
  expect(JSON.stringify(wire.json)).not.toContain(ADMIN_TOKEN);
});
