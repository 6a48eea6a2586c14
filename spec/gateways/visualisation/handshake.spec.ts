import { eventually } from '../../support/eventually.ts';
import { makeReader, unpackers } from './reader.ts';
import { ALL, figures, PATHS, type StagedNode, seen, startStage, Wire } from './stage.ts';

const place = { x: 1, y: 2, z: 3, vx: 0, vy: 0, vz: 1 };
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

let node: StagedNode;
let read: Awaited<ReturnType<typeof makeReader>>;
beforeAll(async () => {
  node = await startStage({ env: { NODE_ID: 'node-1' } });
  node.observation.agents = [seen(1, { place }), seen(2, { place, full: false })];
  read = await makeReader();
});
afterAll(() => node.stop());

const handshake = (fields: object = {}) => ({
  type: 'handshake',
  version: '1.0.0',
  capabilities: ALL,
  clientId: 'c-1',
  ...fields,
});

/** Opens, sends one message, and gives the error and the close code. */
async function end(message: unknown, path: string = PATHS.agents) {
  const wire = await Wire.open(node, path);
  if (message instanceof Uint8Array) await wire.socket.sendBinary(message);
  else wire.send(message);
  const { code, error } = await wire.refusal();
  return [code, error];
}

describe('the handshake', () => {
  it('is answered as the page has it', async () => {
    const wire = await Wire.open(node);
    wire.send({ ...handshake(), id: 'h-1', metadata: { correlationId: 7 } });
    expect(await wire.next('handshake_ack')).toEqual({
      type: 'handshake_ack',
      sessionId: expect.stringMatching(UUID),
      protocols: ['binary', 'json'],
      heartbeatInterval: 30_000,
      compression: 'zlib',
      serverTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/),
      version: '2.0',
      node: 'node-1',
      maxMessageSize: 65_536,
      correlationId: 'h-1',
    });
    await wire.close();
  });

  const agreed: readonly [capabilities: string[], version: string, protocols: string[], compression: string][] = [
    [[], '1.0', ['json'], 'none'],
    [['a-thing-of-tomorrow'], '1.0', ['json'], 'none'],
    [['binary'], '1.1', ['binary', 'json'], 'none'],
    [['compression'], '1.1', ['json'], 'zlib'],
    [['binary', 'compression', 'multiplexing'], '2.0', ['binary', 'json'], 'zlib'],
    [['streaming'], '2.0', ['json'], 'none'],
  ];
  it.each(agreed)('with %j is of version %s, protocols %j, compression %s', async (capabilities, ...expected) => {
    const wire = await Wire.open(node, PATHS.control);
    const { version, protocols, compression } = await wire.shakeHands(capabilities);
    expect([version, protocols, compression]).toEqual(expected);
    await wire.close();
  });

  it.each(['1.0', '1.9.3', '2.0.0', '2.1.0-beta.1'])('takes version %s', async (version) => {
    const wire = await Wire.open(node, PATHS.control);
    await wire.shakeHands(ALL, version);
    await wire.close();
  });

  it.each(['0.9.0', '3.0.0', '10.0.0'])('refuses version %s with 4406 and what there is', async (version) => {
    const wire = await Wire.open(node);
    wire.send(handshake({ version, id: 'h-1' }));
    expect(await wire.refusal()).toMatchObject({ code: 4406, error: 'INVALID_MESSAGE' });
    expect(wire.json).toMatchObject([
      {
        id: 'msg-1',
        type: 'error',
        payload: { details: { requestId: 'h-1', supported: ['1.0', '1.1', '2.0'] }, suggestedAction: 'fix_message' },
        metadata: { correlationId: 'h-1', priority: 'critical' },
      },
    ]);
  });

  it('comes first, once and well-formed, or the socket is closed with 4400', async () => {
    const wrong = [
      { type: 'heartbeat' },
      { type: 'channel.create', channelId: 'agents' },
      'no json',
      '[]',
      handshake({ version: 1 }),
      handshake({ version: 'one' }),
      handshake({ capabilities: 'binary' }),
      handshake({ capabilities: [1] }),
      handshake({ clientId: '' }),
      handshake({ clientId: 'x'.repeat(129) }),
      handshake({ clientId: undefined }),
      { action: 'handshake', ...handshake({ type: undefined }) },
      Buffer.from('41474e54060008000000000000000000', 'hex'),
    ];
    for (const message of wrong) expect([message, await end(message)]).toEqual([message, [4400, 'INVALID_MESSAGE']]);
    const wire = await Wire.on(node);
    wire.send(handshake({ id: 'h-2' }));
    expect(await wire.refusal()).toMatchObject({ code: 4400, error: 'INVALID_MESSAGE' });
    expect(wire.json.at(-1)).toMatchObject({ payload: { details: { requestId: 'h-2' } } });
  });

  it('comes within 10 s', async () => {
    const wire = await Wire.open(node);
    expect(await wire.refusal()).toMatchObject({ code: 4408, error: 'CONNECTION_FAILED' });
  });
});

describe('versions', () => {
  const cases: readonly [supported: string[], preferred: string | undefined, version: string, features: string[]][] = [
    [['1.0', '1.1', '2.0'], '2.0', '2.0', ALL],
    [['1.0', '1.1', '2.0'], '1.1', '1.1', ['binary', 'compression']],
    [['1.0', '1.1', '2.0'], '1.0', '1.0', []],
    [['1.1', '1.0'], undefined, '1.1', ['binary', 'compression']],
    [['1.0', '3.0'], '3.0', '1.0', []],
    [['1.0', '1.1'], '2.0', '1.1', ['binary', 'compression']],
  ];
  it.each(cases)('of %j, preferring %s, are %s with %j', async (supported, preferred, version, features) => {
    const wire = await Wire.open(node, PATHS.control);
    await wire.shakeHands();
    wire.send({ type: 'version.negotiate', id: 'v', supported, preferred, features: 'whatever' });
    expect(await wire.next('version.negotiated')).toEqual({
      type: 'version.negotiated',
      version,
      features,
      correlationId: 'v',
    });
    await wire.close();
  });

  it('without a common one close the socket with 4406', async () => {
    const wire = await Wire.on(node);
    wire.send({ type: 'version.negotiate', supported: ['0.9'] });
    expect(await wire.refusal()).toMatchObject({ code: 4406, error: 'INVALID_MESSAGE' });
  });

  it('are negotiated once, before channels are made, and well-formed', async () => {
    const wire = await Wire.on(node, PATHS.control);
    const refusals = [{ supported: '2.0' }, { supported: ['x'.repeat(17)] }, { supported: Array(17).fill('2.0') }];
    for (const fields of refusals) {
      wire.send({ type: 'version.negotiate', ...fields });
      expect((await wire.nextError()).payload.code).toBe('INVALID_MESSAGE');
    }
    wire.send({ type: 'version.negotiate', supported: ['2.0'] });
    await wire.next('version.negotiated');
    wire.send({ type: 'version.negotiate', supported: ['1.0'] });
    expect((await wire.nextError()).payload.code).toBe('INVALID_MESSAGE');
    wire.send({ type: 'channel.create', channelId: 'control' });
    await wire.next('channel.created');
    const other = await Wire.on(node, PATHS.control);
    other.send({ type: 'channel.create', channelId: 'control' });
    await other.next('channel.created');
    other.send({ type: 'version.negotiate', supported: ['1.0'] });
    expect((await other.nextError()).payload.code).toBe('INVALID_MESSAGE');
    await Promise.all([wire.close(), other.close()]);
  });

  it('turn off what the handshake had given', async () => {
    const wire = await Wire.on(node);
    wire.send({ type: 'version.negotiate', supported: ['1.0'] });
    await wire.next('version.negotiated');
    wire.send({ type: 'channel.create', channelId: 'agents' });
    expect((await wire.nextError()).payload.code).toBe('INVALID_MESSAGE');
    const before = wire.binary.length;
    node.observation.admin.see({ kind: 'places', atMs: 1, agents: [{ wireId: 1, place: { ...place, x: 90 } }] });
    await wire.settle();
    expect(wire.binary.length).toBe(before);
    await wire.socket.sendBinary(Buffer.from('41474e54060008000000000000000000', 'hex'));
    expect((await wire.nextError()).payload).toMatchObject({ code: 'INVALID_MESSAGE', details: { requestId: null } });
    await wire.close();
  });
});

describe('compression', () => {
  const cases: readonly [algorithms: string[], level: number | undefined, algorithm: string, at: number][] = [
    [['gzip', 'deflate', 'brotli'], 6, 'gzip', 6],
    [['lz4', 'deflate'], 9, 'deflate', 6],
    [['zlib'], 1, 'zlib', 1],
    [['brotli'], 6, 'brotli', 4],
    [['brotli'], undefined, 'brotli', 4],
    [['lz4'], 3, 'none', 0],
    [[], undefined, 'none', 0],
  ];
  it.each(cases)('of %j at level %s is %s at %s', async (algorithms, preferredLevel, algorithm, level) => {
    const wire = await Wire.on(node);
    wire.send({ type: 'compression.negotiate', id: 'z', algorithms, preferredLevel });
    expect(await wire.next('compression.negotiated')).toEqual({
      type: 'compression.negotiated',
      algorithm,
      level,
      correlationId: 'z',
    });
    const agents = Array.from({ length: 100 }, (_, at) => seen(at + 1, { state: 'BUSY' }));
    const performance = figures({ tasksCompleted: level });
    node.observation.admin.see(
      { kind: 'records', atMs: 1, agents },
      { kind: 'performance', atMs: 1, agentId: 'agent-1', wireId: 1, performance },
    );
    await wire.settle();
    const sent = wire.binary.slice(1);
    const frames = sent.flatMap((frame) => read(frame, unpackers[algorithm]));
    expect(frames.map(({ name, flags, records }) => [name, flags, records.length])).toEqual([
      ['states', 0, 100],
      ['performance', 0, 1],
    ]);
    expect(sent.map((frame) => frame[4])).toEqual(algorithm === 'none' ? [2, 3] : [5]);
    await wire.close();
  });

  it('is none for a client without the capability', async () => {
    const wire = await Wire.on(node, PATHS.agents, ['binary']);
    wire.send({ type: 'compression.negotiate', algorithms: ['zlib'] });
    expect(await wire.next('compression.negotiated')).toMatchObject({ algorithm: 'none', level: 0 });
    expect(wire.binary.every((frame) => frame[4] !== 5)).toBe(true);
    wire.send({ type: 'compression.negotiate', algorithms: 'zlib' });
    expect((await wire.nextError()).payload.code).toBe('INVALID_MESSAGE');
    wire.send({ type: 'compression.negotiate', algorithms: ['zlib'], preferredLevel: 10 });
    expect((await wire.nextError()).payload.details).toMatchObject({ path: '/preferredLevel' });
    await wire.close();
  });
});

describe('heartbeats', () => {
  let quick: StagedNode;
  beforeAll(async () => {
    quick = await startStage({ settings: { heartbeatMs: 1_000 } });
  });
  afterAll(() => quick.stop());

  it('come in binary where that is on, else in JSON, and are answered', async () => {
    const [binary, json] = await Promise.all([
      Wire.on(quick, PATHS.control, ['binary']),
      Wire.on(quick, PATHS.control, []),
    ]);
    const beat = await binary.nextBinary();
    expect(read(beat)).toMatchObject([{ name: 'heartbeat', fields: { ms: expect.any(Number) } }]);
    expect(Math.abs(Number(read(beat)[0]?.fields.ms) - Date.now())).toBeLessThan(60_000);
    expect(await json.next('heartbeat')).toEqual({ type: 'heartbeat', timestamp: expect.stringMatching(/Z$/) });
    json.send({ type: 'heartbeat', timestamp: '2024-01-10T12:00:00Z', id: 'b' });
    expect(await json.next('heartbeat_ack')).toEqual({
      type: 'heartbeat_ack',
      timestamp: '2024-01-10T12:00:00Z',
      serverTime: expect.stringMatching(/Z$/),
      correlationId: 'b',
    });
    const own = Buffer.from('41474e54060408000102030405060708', 'hex');
    await binary.socket.sendBinary(own);
    await eventually(() => expect(binary.binary.some((frame) => frame.equals(own))).toBe(true));
    await Promise.all([binary.close(), json.close()]);
  });

  it('count as life, and so do pongs; two intervals of silence close with 1001', async () => {
    const [alive, silent] = await Promise.all([Wire.on(quick, PATHS.control), Wire.on(quick, PATHS.control)]);
    silent.socket.ws.removeAllListeners('ping');
    const ws = silent.socket.ws as unknown as { _autoPong: boolean };
    ws._autoPong = false;
    expect((await silent.socket.ended()).code).toBe(1001);
    expect(alive.socket.ws.readyState).toBe(1);
    alive.send({ type: 'heartbeat', timestamp: 1 });
    expect(await alive.next('heartbeat_ack')).toMatchObject({ timestamp: 1 });
    await alive.close();
  });
});
