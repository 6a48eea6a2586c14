import {
  type Performance,
  type Place,
  STATE_CODES,
  type StateMetadata,
  type StateName,
} from '../../channels/observation/scene.ts';
import { type ErrorCode, errorNumber } from './errors.ts';

/** Types of binary frames (VISUALISATION.md, section 9.3). */
export const FRAME_TYPES = {
  positions: 0x01,
  states: 0x02,
  performance: 0x03,
  coordination: 0x04,
  compressedBatch: 0x05,
  heartbeat: 0x06,
  error: 0xff,
} as const;

export const FLAGS = { compressed: 1, priority: 2, more: 4 } as const;

/** `AGNT`, the same four bytes in every frame. */
const MAGIC = Buffer.from('AGNT', 'latin1');
export const HEADER_BYTES = 8;
export const MAX_PAYLOAD_BYTES = 65_535;
const BATCH_HEADER_BYTES = 9;
const RECORD_BYTES = 28;
const MAX_RECORDS = 2_340;
const STATE_RECORD_BYTES = 8;
const MAX_METADATA_BYTES = 1_024;
const MAX_ERROR_BYTES = 256;
const NOT_KNOWN = 0xffff_ffff_ffff_ffffn;

export interface PlaceRecord {
  readonly wireId: number;
  readonly place: Place;
}

export interface StateRecord {
  readonly wireId: number;
  readonly state: StateName;
  readonly flags: number;
  readonly metadata: StateMetadata;
}

export interface PerformanceRecord {
  readonly wireId: number;
  readonly performance: Performance;
}

/** @param streams whether frames of one batch say that more follow (bit 2, from version 2.0 on) */
export function positionFrames(records: readonly PlaceRecord[], streams: boolean): Buffer[] {
  return cut(records, MAX_RECORDS).map((part, at, parts) => {
    const frame = newFrame(FRAME_TYPES.positions, moreFlag(streams, at, parts), 4 + part.length * RECORD_BYTES);
    let offset = frame.writeUInt32LE(part.length, HEADER_BYTES);
    for (const { wireId, place } of part) {
      offset = frame.writeUInt32LE(wireId, offset);
      offset = frame.writeFloatLE(place.x, offset);
      offset = frame.writeFloatLE(place.y, offset);
      offset = frame.writeFloatLE(place.z, offset);
      offset = frame.writeFloatLE(place.vx, offset);
      offset = frame.writeFloatLE(place.vy, offset);
      offset = frame.writeFloatLE(place.vz, offset);
    }
    return frame;
  });
}

export function performanceFrames(records: readonly PerformanceRecord[], streams: boolean): Buffer[] {
  return cut(records, MAX_RECORDS).map((part, at, parts) => {
    const frame = newFrame(FRAME_TYPES.performance, moreFlag(streams, at, parts), part.length * RECORD_BYTES);
    let offset = HEADER_BYTES;
    for (const { wireId, performance } of part) {
      const { tasksCompleted, successRate, averageResponseTime, resourceUtilization, memoryUsage } =
        performance.metrics;
      offset = frame.writeUInt32LE(wireId, offset);
      offset = frame.writeUInt32LE(tasksCompleted, offset);
      offset = frame.writeFloatLE(successRate ?? Number.NaN, offset);
      offset = frame.writeFloatLE(averageResponseTime ?? Number.NaN, offset);
      offset = frame.writeFloatLE(resourceUtilization === null ? Number.NaN : resourceUtilization * 100, offset);
      offset = frame.writeBigUInt64LE(memoryUsage === null ? NOT_KNOWN : BigInt(memoryUsage), offset);
    }
    return frame;
  });
}

export function stateFrames(records: readonly StateRecord[], streams: boolean): Buffer[] {
  const parts: { record: StateRecord; metadata: Buffer }[][] = [];
  let bytes = MAX_PAYLOAD_BYTES;
  for (const record of records) {
    const metadata = metadataBytes(record.metadata);
    const more = STATE_RECORD_BYTES + metadata.length;
    if (bytes + more > MAX_PAYLOAD_BYTES) {
      parts.push([]);
      bytes = 4;
    }
    bytes += more;
    parts.at(-1)?.push({ record, metadata });
  }
  return parts.map((part, at) => {
    const length = part.reduce((sum, { metadata }) => sum + STATE_RECORD_BYTES + metadata.length, 4);
    const frame = newFrame(FRAME_TYPES.states, moreFlag(streams, at, parts), length);
    let offset = frame.writeUInt32LE(part.length, HEADER_BYTES);
    for (const { record, metadata } of part) {
      offset = frame.writeUInt32LE(record.wireId, offset);
      offset = frame.writeUInt8(STATE_CODES[record.state], offset);
      offset = frame.writeUInt8(record.flags, offset);
      offset = frame.writeUInt16LE(metadata.length, offset);
      offset += metadata.copy(frame, offset);
    }
    return frame;
  });
}

const NO_BYTES = Buffer.alloc(0);

/** An empty object takes no bytes. A `multiAgentId` too long for the frame is left out: it is in no place of fixed size. */
function metadataBytes(metadata: StateMetadata): Buffer {
  for (const _ in metadata) {
    const bytes = Buffer.from(JSON.stringify(metadata));
    if (bytes.length <= MAX_METADATA_BYTES) return bytes;
    const { multiAgentId: _, ...rest } = metadata;
    return metadataBytes(rest);
  }
  return NO_BYTES;
}

const COORDINATION_KINDS = { initiated: 1, progress: 2, ended: 3 } as const;
export type CoordinationKind = keyof typeof COORDINATION_KINDS;

/** @returns undefined where the payload's JSON does not fit a frame; the JSON message has it all the same */
export function coordinationFrame(kind: CoordinationKind, progress: number, payload: string): Buffer | undefined {
  const json = Buffer.from(payload);
  const length = 5 + json.length;
  if (length > MAX_PAYLOAD_BYTES) return undefined;
  const frame = newFrame(FRAME_TYPES.coordination, FLAGS.priority, length);
  frame.writeUInt8(COORDINATION_KINDS[kind], HEADER_BYTES);
  frame.writeFloatLE(progress, HEADER_BYTES + 1);
  json.copy(frame, HEADER_BYTES + 5);
  return frame;
}

export function heartbeatFrame(nowMs: number): Buffer {
  const frame = newFrame(FRAME_TYPES.heartbeat, 0, 8);
  frame.writeBigUInt64LE(BigInt(nowMs), HEADER_BYTES);
  return frame;
}

/** True for the one frame that clients may send: a heartbeat, not compressed. */
export function isHeartbeat(bytes: Uint8Array): boolean {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (frame.length !== HEADER_BYTES + 8 || !frame.subarray(0, 4).equals(MAGIC)) return false;
  const isPlain = (frame.readUInt8(5) & FLAGS.compressed) === 0;
  return frame.readUInt8(4) === FRAME_TYPES.heartbeat && isPlain && frame.readUInt16LE(6) === 8;
}

/** @param message cut to 256 bytes of UTF-8 */
export function errorFrame(code: ErrorCode, message: string): Buffer {
  const text = cutText(Buffer.from(message), MAX_ERROR_BYTES);
  const frame = newFrame(FRAME_TYPES.error, FLAGS.priority, 2 + text.length);
  frame.writeUInt16LE(errorNumber(code), HEADER_BYTES);
  text.copy(frame, HEADER_BYTES + 2);
  return frame;
}

/** @param packed frames end to end, compressed @param originalBytes their length before */
export function compressedBatch(packed: Uint8Array, originalBytes: number): Buffer {
  const header = Buffer.alloc(BATCH_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt8(FRAME_TYPES.compressedBatch, 4);
  header.writeUInt32LE(originalBytes, 5);
  return Buffer.concat([header, packed]);
}

/** A frame with its payload compressed. @param packed the payload */
export function compressedFrame(frame: Uint8Array, packed: Uint8Array): Buffer {
  const header = Buffer.from(frame.subarray(0, HEADER_BYTES));
  header.writeUInt8(header.readUInt8(5) | FLAGS.compressed, 5);
  header.writeUInt16LE(packed.length, 6);
  return Buffer.concat([header, packed]);
}

function newFrame(type: number, flags: number, length: number): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
  MAGIC.copy(frame);
  frame.writeUInt8(type, 4);
  frame.writeUInt8(flags, 5);
  frame.writeUInt16LE(length, 6);
  return frame;
}

const moreFlag = (streams: boolean, at: number, parts: readonly unknown[]) =>
  streams && at < parts.length - 1 ? FLAGS.more : 0;

export function cut<T>(items: readonly T[], size: number): (readonly T[])[] {
  if (items.length <= size) return items.length === 0 ? [] : [items];
  const parts: (readonly T[])[] = [];
  for (let from = 0; from < items.length; from += size) parts.push(items.slice(from, from + size));
  return parts;
}

/** Cuts UTF-8 before a character that does not fit. */
function cutText(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.length <= maxBytes) return bytes;
  let end = maxBytes;
  // A byte 10xxxxxx goes on with a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
