import type { Place } from '../observation/scene.ts';

/**
 * What the node that computes tells all nodes, itself among them. Messages of one `epoch` are numbered; another node that takes over
 * has a higher epoch and begins with a table of all.
 */
export interface Table {
  readonly epoch: number;
  readonly sequence: number;
  /** These are all the agents of the layout; else more of them. */
  readonly isWhole: boolean;
  /** The number of each agent in the messages that follow. */
  readonly entries: readonly (readonly [agent: number, agentId: string])[];
  /** Numbers of those that are in the layout no more. */
  readonly gone: readonly number[];
}

export interface Moves {
  readonly epoch: number;
  readonly sequence: number;
  readonly moves: readonly (readonly [agent: number, place: Place])[];
}

const HEADER_BYTES = 12;
const NUMBERS = 6;
const RECORD_BYTES = 4 + 4 * NUMBERS;

/** Little-endian: epoch f64, sequence u32, then for each agent its number u32 and x y z vx vy vz f32. */
export function encodeMoves({ epoch, sequence, moves }: Moves): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + moves.length * RECORD_BYTES);
  bytes.writeDoubleLE(epoch, 0);
  bytes.writeUInt32LE(sequence, 8);
  let at = HEADER_BYTES;
  for (const [agent, { x, y, z, vx, vy, vz }] of moves) {
    at = bytes.writeUInt32LE(agent, at);
    for (const number of [x, y, z, vx, vy, vz]) at = bytes.writeFloatLE(number, at);
  }
  return bytes;
}

export function decodeMoves(payload: Uint8Array): Moves {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const moves: [number, Place][] = [];
  for (let at = HEADER_BYTES; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    const number = (index: number) => bytes.readFloatLE(at + 4 + 4 * index);
    const place = { x: number(0), y: number(1), z: number(2), vx: number(3), vy: number(4), vz: number(5) };
    moves.push([bytes.readUInt32LE(at), place]);
  }
  return { epoch: bytes.readDoubleLE(0), sequence: bytes.readUInt32LE(8), moves };
}
