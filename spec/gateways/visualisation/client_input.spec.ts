import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { eventually } from '../../support/eventually.ts';
import { makeReader } from './reader.ts';
import { ALL, type JsonMessage, PATHS, type StagedNode, startStage, Wire } from './stage.ts';

const TYPES = [
  'version.negotiate',
  'compression.negotiate',
  'heartbeat',
  'snapshot.request',
  'pause_updates',
  'resume_updates',
  'channel.create',
  'channel.close',
  'control.multi-agent.configure',
  'coordination.initiate',
  'agent.state.changed',
  'error',
  '__proto__',
  'constructor',
];
const CODES = ['INVALID_MESSAGE', 'RATE_LIMIT_EXCEEDED'];

let node: StagedNode;
let read: Awaited<ReturnType<typeof makeReader>>;
beforeAll(async () => {
  node = await startStage({ settings: { maxViewers: 1_000 }, env: { RATE_LIMIT: '0' } });
  read = await makeReader();
});
afterAll(() => node.stop());

const key = fc.constantFrom(
  'id',
  'action',
  'payload',
  'metadata',
  'channel',
  'sequence',
  'message',
  'channelId',
  'supported',
  'preferred',
  'algorithms',
  'preferredLevel',
  'subscribe',
  'agents',
  'timestamp',
  '__proto__',
);
const fields = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 });
const message = fc.oneof(
  fields.chain((more) => fc.constantFrom(...TYPES).map((type) => JSON.stringify({ ...more, type }))),
  fields.map((more) => JSON.stringify(more)),
  fc
    .record({ channel: fc.constantFrom('agents', 'x'), sequence: fc.integer(), message: fields })
    .map((value) => JSON.stringify(value)),
  fc.json(),
  fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
  fc.constantFrom('{"type":"heartbeat"', '['.repeat(60_000), `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`, '"\\ud800"'),
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  fc.uint8Array({ maxLength: 16 }).map((payload) => {
    const header = Buffer.from('41474e5400000000', 'hex');
    header.writeUInt8(payload[0] ?? 6, 4);
    header.writeUInt8(payload[1] ?? 0, 5);
    header.writeUInt16LE(payload.length, 6);
    return Buffer.concat([header, payload]);
  }),
);

describe.each(Object.entries(PATHS))('whatever comes on %s', (_name, path) => {
  it('is answered by the right errors, and the socket lives or is closed by rule', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(message, bytes), { minLength: 1, maxLength: 40 }), async (sent) => {
        const wire = await Wire.on(node, path);
        for (const one of sent) {
          if (typeof one === 'string') wire.send(one);
          else await wire.socket.sendBinary(one);
        }
        wire.send({ type: 'nonsense', id: 'the-last' });
        await eventually(() => expect(wire.json.some(isAbout('the-last'))).toBe(true));
        for (const { payload } of wire.of('error')) expect(CODES).toContain(payload.code);
        for (const frame of wire.binary) {
          for (const { name, fields: found } of read(frame)) {
            if (name === 'error') expect(found.code).toBe(3);
          }
        }
        expect(wire.socket.ws.readyState).toBe(1);
        await wire.close();
      }),
      { numRuns: 40 },
    );
  });
});

const isAbout = (id: string) => (found: JsonMessage) =>
  found.type === 'error' && found.payload.details?.requestId === id;

describe('a message of a client', () => {
  const invalid: readonly [message: unknown, details: object][] = [
    ['{', { requestId: null }],
    ['[1]', { requestId: null }],
    ['null', { requestId: null }],
    [{ id: 'a' }, { requestId: 'a', path: '/type' }],
    [
      { id: 'a', type: 7 },
      { requestId: 'a', path: '/type' },
    ],
    [
      { id: 'a', type: 'unknown' },
      { requestId: 'a', path: '/type' },
    ],
    [
      { id: 'a', action: 'snapshot.request' },
      { requestId: 'a', path: '/type' },
    ],
    [
      { id: 7, type: 'pause_updates' },
      { requestId: null, path: '/id' },
    ],
    [
      { id: 'a', type: 'pause_updates', metadata: { priority: 'urgent' } },
      { requestId: 'a', path: '/metadata/priority' },
    ],
    [
      { id: 'a', type: 'pause_updates', metadata: { ttl: -1 } },
      { requestId: 'a', path: '/metadata/ttl' },
    ],
    [{ id: 'a', type: 'pause_updates', more: JSON.parse(`${'['.repeat(64)}${']'.repeat(64)}`) }, { requestId: 'a' }],
    ['{"id":"a","type":"pause_updates","more":"\\ud800"}', { requestId: 'a', path: '/more' }],
  ];
  it('that means nothing is answered, and the socket lives', async () => {
    const wire = await Wire.on(node);
    for (const [sent, details] of invalid) {
      wire.send(sent);
      const { payload, metadata } = await wire.nextError();
      expect([sent, payload]).toMatchObject([
        sent,
        { code: 'INVALID_MESSAGE', details, recoverable: true, suggestedAction: 'fix_message' },
      ]);
      expect(metadata?.priority).toBe('critical');
    }
    await wire.settle();
    await wire.close();
  });

  it('in binary is a heartbeat or answered with 0xFF, and nothing is unpacked', async () => {
    const wire = await Wire.on(node);
    const bomb = deflateSync(Buffer.alloc(50_000_000));
    const batch = Buffer.concat([Buffer.from('41474e540580f0fa02', 'hex'), bomb.subarray(0, 60_000)]);
    const beat = Buffer.from('41474e5406000800005e3ef38c010000', 'hex');
    const packedBeat = Buffer.concat([
      Buffer.from('41474e54060114 00'.replace(' ', ''), 'hex'),
      gzipSync(beat).subarray(0, 20),
    ]);
    const before = process.memoryUsage().arrayBuffers;
    for (const frame of [batch, packedBeat, bomb.subarray(0, 60_000), Buffer.alloc(0), Buffer.from('AGNT')]) {
      await wire.socket.sendBinary(frame);
      expect(read(await wire.nextBinary())).toMatchObject([{ name: 'error', flags: 2, fields: { code: 3 } }]);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
    await wire.close();
  });

  it('of more than 65,536 bytes closes with 1009', async () => {
    const wire = await Wire.on(node);
    const text = (length: number) =>
      JSON.stringify({ type: 'pause_updates', x: '' }).replace('""', `"${'x'.repeat(length)}"`);
    wire.send(text(65_536 - text(0).length));
    await wire.settle();
    wire.send(text(65_537 - text(0).length));
    expect((await wire.socket.ended()).code).toBe(1009);
  });

  it('is one of 50 a second, 100 at once; heartbeats do not count', async () => {
    const wire = await Wire.on(node, PATHS.control);
    for (let sent = 0; sent < 150; sent++) wire.send({ type: 'heartbeat', id: `h-${sent}` });
    for (let sent = 0; sent < 120; sent++) wire.send({ type: 'pause_updates', id: `p-${sent}` });
    wire.send({ type: 'heartbeat', id: 'last' });
    await eventually(() => expect(wire.json.at(-1)).toMatchObject({ correlationId: 'last' }));
    const refused = wire.of('error');
    expect(wire.of('heartbeat_ack').length).toBe(151);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(20);
    for (const { payload } of refused) {
      expect(payload).toMatchObject({
        code: 'RATE_LIMIT_EXCEEDED',
        details: { requestId: expect.stringMatching(/^p-/), retryAfterMs: expect.any(Number) },
        suggestedAction: 'slow_down',
      });
    }
    await wire.close();
  });

  it('that is invalid is one of 100 in 60 s: then the socket is closed with 4400, whatever kind they were', async () => {
    const wire = await Wire.on(node, PATHS.agents, ALL);
    for (let sent = 0; sent < 50; sent++) wire.send('nonsense');
    for (let sent = 0; sent < 49; sent++) await wire.socket.sendBinary(Buffer.from('nonsense'));
    await eventually(() => expect(wire.of('error').length + wire.binary.length).toBe(99));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(wire.socket.ws.readyState).toBe(1);
    wire.send('nonsense');
    expect((await wire.socket.ended()).code).toBe(4400);
    expect(wire.of('error').length + wire.binary.length).toBe(100);
  });
});

describe('the endpoint’s own allowance', () => {
  let strict: StagedNode;
  beforeAll(async () => {
    strict = await startStage({ env: { RATE_LIMIT: '5:5' } });
  });
  afterAll(() => strict.stop());

  it('is told in the same words', async () => {
    const wire = await Wire.on(strict, PATHS.control);
    for (let sent = 0; sent < 10; sent++) wire.send({ type: 'pause_updates', id: `p-${sent}` });
    const { payload } = await wire.nextError();
    expect(payload).toMatchObject({ code: 'RATE_LIMIT_EXCEEDED', details: { retryAfterMs: expect.any(Number) } });
    await wire.close();
  });
});
