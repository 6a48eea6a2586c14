import fc from 'fast-check';
import type { StateName } from '../../../channels/observation/scene.ts';
import { STATE_CODES } from '../../../channels/observation/scene.ts';
import {
  compressedBatch,
  coordinationFrame,
  errorFrame,
  heartbeatFrame,
  isHeartbeat,
  performanceFrames,
  positionFrames,
  stateFrames,
} from '../../../gateways/visualisation/binary.ts';
import { packed, packedLater } from '../../../gateways/visualisation/compression.ts';
import { makeReader, unpackers } from './reader.ts';
import { figures } from './stage.ts';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

const seven = { wireId: 7, place: { x: 1.5, y: -2, z: 0.25, vx: 0, vy: 0, vz: -1 } };
const known = figures({
  tasksCompleted: 42,
  successRate: 0.95,
  averageResponseTime: 234,
  resourceUtilization: 0.67,
  memoryUsage: 104_857_600,
});
const POSITION = '41474e54 01 00 2000 01000000 07000000 0000c03f 000000c0 0000803e 00000000 00000000 000080bf';
const PERFORMANCE = '41474e54 03 00 1c00 07000000 2a000000 3333733f 00006a43 00008642 0000400600000000';

describe('the frames of the page, byte for byte', () => {
  it('writes positions, states, figures, coordinations, heartbeats and errors', () => {
    expect(positionFrames([seven], true)).toEqual([bytes(POSITION)]);
    const states = [
      { wireId: 7, state: 'EXECUTING', flags: 1, metadata: { running: 1 } },
      { wireId: 8, state: 'OFFLINE', flags: 0, metadata: {} },
    ] as const;
    expect(stateFrames(states, true)).toEqual([
      bytes('41474e54 02 00 2100 02000000 07000000 03 01 0d00 7b2272756e6e696e67223a317d 08000000 00 00 0000'),
    ]);
    expect(performanceFrames([{ wireId: 7, performance: known }], true)).toEqual([bytes(PERFORMANCE)]);
    const both = [known, figures({})].map((performance, at) => ({ wireId: 7 + at, performance }));
    expect(performanceFrames(both, true)[0]?.subarray(8 + 28)).toEqual(
      bytes('08000000 00000000 0000c07f 0000c07f 0000c07f ffffffffffffffff'),
    );
    expect(coordinationFrame('progress', 0.66, '{"coordinationId":"c1"}')).toEqual(
      bytes('41474e54 04 02 1c00 02 c3f5283f 7b22636f6f7264696e6174696f6e4964223a226331227d'),
    );
    expect(heartbeatFrame(Date.parse('2024-01-10T12:00:00Z'))).toEqual(bytes('41474e54 06 00 0800 005e3ef38c010000'));
    expect(errorFrame('INVALID_MESSAGE', 'bad length')).toEqual(bytes('41474e54 ff 02 0c00 0300 626164206c656e677468'));
  });

  it('writes a batch that unpacks to the frames in it', () => {
    const frames = [...positionFrames([seven], true), ...performanceFrames([{ wireId: 7, performance: known }], true)];
    const [batch = Buffer.alloc(0), ...more] = packed(frames, { algorithm: 'zlib', level: 6 });
    expect(more).toEqual([]);
    expect(batch.subarray(0, 9)).toEqual(bytes('41474e54 05 4c000000'));
    expect(unpackers.zlib?.(batch.subarray(9))).toEqual(Buffer.concat([bytes(POSITION), bytes(PERFORMANCE)]));
    const ofThePage = bytes(
      '789c7374f70b61645060606460606067008103f6208281a1c18e010e1af63bbafb853033c880d568313030181b17db333064393330b439313038b0815401006d8e095d',
    );
    expect(unpackers.zlib?.(ofThePage)).toEqual(Buffer.concat(frames));
    expect(compressedBatch(ofThePage, 76).subarray(0, 9)).toEqual(batch.subarray(0, 9));
  });

  it('takes one frame from a client: a heartbeat', () => {
    const beat = bytes('41474e54 06 00 0800 005e3ef38c010000');
    expect(isHeartbeat(beat)).toBe(true);
    const others = [
      '',
      '41474e54',
      '41474e54 06 01 0800 005e3ef38c010000',
      '41474e54 06 00 0700 005e3ef38c0100',
      '41474e54 06 00 0800 005e3ef38c010000 00',
      '41474e54 06 00 0900 005e3ef38c010000',
      '41474e53 06 00 0800 005e3ef38c010000',
      '41474e54 01 00 0800 005e3ef38c010000',
      '41474e54 05 00 0800 005e3ef38c010000',
    ];
    expect(others.map(bytes).map(isHeartbeat)).toEqual(others.map(() => false));
  });
});

const u32 = fc.integer({ min: 1, max: 0xffff_ffff });
const f32 = fc.float({ noNaN: true, noDefaultInfinity: true });
const share = fc.option(f32);
const place = fc.record({ x: f32, y: f32, z: f32, vx: f32, vy: f32, vz: f32 });
const state = fc.record({
  wireId: u32,
  state: fc.constantFrom(...(Object.keys(STATE_CODES) as StateName[])),
  flags: fc.integer({ min: 0, max: 7 }),
  metadata: fc.record(
    {
      running: fc.nat(),
      queued: fc.nat(),
      sockets: fc.nat(),
      multiAgentId: fc.string({ unit: 'grapheme', maxLength: 90 }),
    },
    { requiredKeys: [] },
  ),
});
const compression = fc.option(
  fc.record({
    algorithm: fc.constantFrom('zlib', 'deflate', 'gzip', 'brotli'),
    level: fc.integer({ min: 1, max: 4 }),
  } as const),
  { nil: undefined },
);

describe('random frames, through a parser of another make', () => {
  let read: Awaited<ReturnType<typeof makeReader>>;
  beforeAll(async () => {
    read = await makeReader();
  });

  const readAll = (messages: readonly Uint8Array[], algorithm = 'zlib') =>
    messages.flatMap((message) => read(message, unpackers[algorithm]));

  it('positions, also more than a frame holds', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ wireId: u32, place }), { maxLength: 20 }), compression, (records, how) => {
        const frames = readAll(packed(positionFrames(records, true), how), how?.algorithm);
        const expected = records.map(({ wireId: id, place: at }) => ({ id, ...at }));
        expect(frames.flatMap(({ records: found }) => found)).toEqual(expected);
      }),
    );
    const many = Array.from({ length: 5_000 }, (_, at) => ({ wireId: at + 1, place: seven.place }));
    const cut = positionFrames(many, true);
    expect(readAll(cut).map(({ flags, fields }) => [flags, fields.count])).toEqual([
      [4, 2_340],
      [4, 2_340],
      [0, 320],
    ]);
    expect(readAll(positionFrames(many, false)).map(({ flags }) => flags)).toEqual([0, 0, 0]);
    const alone = readAll(packed(cut.slice(0, 1), { algorithm: 'zlib', level: 6 }));
    expect(alone).toMatchObject([{ flags: 5, fields: { count: 2_340 } }]);
  });

  it('states, cut at 65,535 bytes', () => {
    fc.assert(
      fc.property(fc.array(state, { maxLength: 30 }), compression, (records, how) => {
        const found = readAll(packed(stateFrames(records, true), how), how?.algorithm).flatMap(
          (frame) => frame.records,
        );
        const expected = records.map(({ wireId: id, state: name, flags, metadata }) => {
          const text = Object.keys(metadata).length === 0 ? '' : JSON.stringify(metadata);
          return { id, state: STATE_CODES[name], flags, len: Buffer.byteLength(text), metadata: text };
        });
        expect(found).toEqual(expected);
      }),
    );
    const large = { wireId: 1, state: 'IDLE', flags: 0, metadata: { multiAgentId: 'é'.repeat(500) } } as const;
    const frames = stateFrames(
      Array.from({ length: 100 }, () => large),
      true,
    );
    expect(readAll(frames).map(({ flags }) => flags)).toEqual([4, 0]);
    expect(frames.every(({ length }) => length <= 8 + 65_535)).toBe(true);
    const tooLarge = { ...large, metadata: { running: 1, multiAgentId: 'é'.repeat(513) } };
    expect(readAll(stateFrames([tooLarge], true))[0]?.records).toMatchObject([{ metadata: '{"running":1}' }]);
  });

  it('figures, where what is not known is NaN or all ones', async () => {
    const metrics = fc.record({
      tasksCompleted: fc.nat(),
      successRate: share,
      averageResponseTime: share,
      resourceUtilization: fc.option(fc.constantFrom(0, 0.25, 0.5, 1)),
      memoryUsage: fc.option(fc.maxSafeNat()),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(u32, metrics), { maxLength: 30 }), compression, async (records, how) => {
        const written = records.map(([wireId, of]) => ({ wireId, performance: figures(of) }));
        const sent = await packedLater(performanceFrames(written, true), how);
        const found = readAll(sent, how?.algorithm).flatMap((frame) => frame.records);
        const expected = records.map(([id, of]) => ({
          id,
          tasks: of.tasksCompleted,
          success: of.successRate ?? Number.NaN,
          avgMs: of.averageResponseTime ?? Number.NaN,
          cpuPercent: of.resourceUtilization === null ? Number.NaN : of.resourceUtilization * 100,
          mem: of.memoryUsage,
        }));
        expect(found).toEqual(expected);
      }),
    );
  });

  it('coordinations, heartbeats and errors; an error’s text is cut before a character that does not fit', () => {
    fc.assert(
      fc.property(f32, fc.object({ maxDepth: 2 }), fc.maxSafeNat(), (progress, value, nowMs) => {
        const json = JSON.stringify(value);
        expect(read(coordinationFrame('ended', progress, json) as Buffer)).toEqual([
          { name: 'coordination', flags: 2, records: [], fields: { kind: 3, progress, json } },
        ]);
        expect(read(heartbeatFrame(nowMs))).toMatchObject([{ name: 'heartbeat', fields: { ms: nowMs } }]);
      }),
    );
    expect(coordinationFrame('initiated', 0, 'x'.repeat(65_531))).toBe(undefined);
    expect(read(errorFrame('RATE_LIMIT_EXCEEDED', `${'x'.repeat(255)}é`))).toMatchObject([
      { flags: 2, fields: { code: 6, text: 'x'.repeat(255) } },
    ]);
  });

  it('compresses one frame only where that helps, and two always', () => {
    const zlib = { algorithm: 'zlib', level: 6 } as const;
    const [small] = positionFrames([seven], true);
    expect(packed([small as Buffer], zlib)).toEqual([small]);
    expect(packed([small, small] as Buffer[], undefined)).toEqual([small, small]);
    expect(readAll(packed([small, small] as Buffer[], zlib))).toHaveLength(2);
    const many = Array.from({ length: 40_000 }, (_, at) => ({ wireId: at + 1, place: seven.place }));
    const batches = packed(positionFrames(many, true), zlib);
    expect(batches.length).toBe(2);
    expect(readAll(batches).flatMap(({ records }) => records)).toHaveLength(40_000);
  });
});
