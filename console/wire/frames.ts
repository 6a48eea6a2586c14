/** Reads the binary frames of the visualisation wire (VISUALISATION.md, section 9.3). Every number is little-endian. */

const MAGIC = 0x54_4e_47_41;
const HEADER_BYTES = 8;
const POSITION_BYTES = 28;
const PERFORMANCE_BYTES = 28;
const STATE_HEADER_BYTES = 8;
const UNKNOWN_MEMORY = 0xffff_ffff_ffff_ffffn;

const TYPE = { positions: 1, states: 2, performance: 3, heartbeat: 6, error: 0xff } as const;

/** Of one agent; `null` where the server does not know. */
export interface PerformanceRecord {
  readonly wireId: number;
  readonly tasks: number;
  readonly success: number | null;
  readonly averageMs: number | null;
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
}

export interface StateRecord {
  readonly wireId: number;
  readonly state: number;
  readonly flags: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What a reader does with each record of a frame. Positions come one by one: there are thousands a second. */
export interface FrameReader {
  position(wireId: number, x: number, y: number, z: number): void;
  state(record: StateRecord): void;
  performance(record: PerformanceRecord): void;
  /** A frame has been read whole. */
  end?(): void;
}

/** Reads one message. Frames of other types are passed over. @throws RangeError for what is no frame */
export function readFrame(message: ArrayBuffer, reader: FrameReader): void {
  const view = new DataView(message);
  if (view.byteLength < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) throw new RangeError('no frame');
  const length = view.getUint16(6, true);
  if (view.byteLength !== HEADER_BYTES + length) throw new RangeError('a frame of another length than it says');
  const payload = new DataView(message, HEADER_BYTES);
  const type = view.getUint8(4);
  if (type === TYPE.positions) readPositions(payload, reader);
  else if (type === TYPE.states) readStates(payload, reader);
  else if (type === TYPE.performance) readPerformance(payload, reader);
  reader.end?.();
}

export const isHeartbeat = (message: ArrayBuffer) =>
  message.byteLength > 4 && new DataView(message).getUint8(4) === TYPE.heartbeat;

function readPositions(view: DataView, reader: FrameReader): void {
  const count = view.getUint32(0, true);
  for (let at = 4, read = 0; read < count; read++, at += POSITION_BYTES) {
    reader.position(
      view.getUint32(at, true),
      view.getFloat32(at + 4, true),
      view.getFloat32(at + 8, true),
      view.getFloat32(at + 12, true),
    );
  }
}

function readStates(view: DataView, reader: FrameReader): void {
  const count = view.getUint32(0, true);
  const text = new TextDecoder();
  for (let at = 4, read = 0; read < count; read++) {
    const bytes = view.getUint16(at + 6, true);
    const json = new Uint8Array(view.buffer, view.byteOffset + at + STATE_HEADER_BYTES, bytes);
    reader.state({
      wireId: view.getUint32(at, true),
      state: view.getUint8(at + 4),
      flags: view.getUint8(at + 5),
      metadata: bytes === 0 ? {} : JSON.parse(text.decode(json)),
    });
    at += STATE_HEADER_BYTES + bytes;
  }
}

function readPerformance(view: DataView, reader: FrameReader): void {
  for (let at = 0; at < view.byteLength; at += PERFORMANCE_BYTES) {
    const memory = view.getBigUint64(at + 20, true);
    reader.performance({
      wireId: view.getUint32(at, true),
      tasks: view.getUint32(at + 4, true),
      success: known(view.getFloat32(at + 8, true)),
      averageMs: known(view.getFloat32(at + 12, true)),
      cpuPercent: known(view.getFloat32(at + 16, true)),
      memoryBytes: memory === UNKNOWN_MEMORY ? null : Number(memory),
    });
  }
}

const known = (value: number) => (Number.isNaN(value) ? null : value);
