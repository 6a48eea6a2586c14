import { type FrameReader, isHeartbeat, readFrame } from '../../console/wire/frames.ts';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')).buffer;

/** Reads a frame, and tells what a reader was handed. */
function read(hex: string): unknown[] {
  const told: unknown[] = [];
  const reader: FrameReader = {
    position: (...values) => told.push(values),
    state: (record) => told.push(record),
    performance: (record) => told.push(record),
  };
  readFrame(bytes(hex), reader);
  return told;
}

describe('the frames of VISUALISATION.md, as the console reads them', () => {
  it('positions', () => {
    const hex = '41474e54 01 00 2000 01000000 07000000 0000c03f 000000c0 0000803e 00000000 00000000 000080bf';
    expect(read(hex)).toEqual([[7, 1.5, -2, 0.25]]);
  });

  it('states', () => {
    const hex = '41474e54 02 00 2100 02000000 07000000 03 01 0d00 7b2272756e6e696e67223a317d 08000000 00 00 0000';
    expect(read(hex)).toEqual([
      { wireId: 7, state: 3, flags: 1, metadata: { running: 1 } },
      { wireId: 8, state: 0, flags: 0, metadata: {} },
    ]);
  });

  it('figures, and what is not known as null', () => {
    const known = '07000000 2a000000 3333733f 00006a43 00008642 0000400600000000';
    const unknown = '08000000 00000000 0000c07f 0000c07f 0000c07f ffffffffffffffff';
    expect(read(`41474e54 03 00 3800 ${known} ${unknown}`)).toEqual([
      {
        wireId: 7,
        tasks: 42,
        success: Math.fround(0.95),
        averageMs: 234,
        cpuPercent: 67,
        memoryBytes: 104_857_600,
      },
      { wireId: 8, tasks: 0, success: null, averageMs: null, cpuPercent: null, memoryBytes: null },
    ]);
  });

  it('a heartbeat as one, and others not at all', () => {
    const heartbeat = '41474e54 06 00 0800 005e3ef38c010000';
    expect(isHeartbeat(bytes(heartbeat))).toBe(true);
    expect(read(heartbeat)).toEqual([]);
    expect(read('41474e54 ff 02 0c00 0300 626164206c656e677468')).toEqual([]);
    expect(isHeartbeat(bytes('41474e54 ff 02 0c00 0300 626164206c656e677468'))).toBe(false);
  });

  it.each(['', '41474e', '42474e54 01 00 0000', '41474e54 01 00 0400 000000'])('refuses %p', (hex) => {
    expect(() => read(hex)).toThrow(RangeError);
  });
});
