import { findStamp, type Stamp, writeStamp } from './stamp.ts';

const FIN = 0x80;
const MASKED = 0x80;
const MAX_SHORT = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MASK_BYTES = 4;
export const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
/** Any mask does; one that is not 0 has the server unmask, as with every browser. */
const MASK = Uint8Array.of(0x5a, 0x17, 0xc3, 0x2e);

function header(opcode: number, length: number): Buffer {
  if (length <= MAX_SHORT) return Buffer.from([FIN | opcode, MASKED | length, ...MASK]);
  const long = length > 0xffff;
  const bytes = Buffer.alloc(2 + (long ? 8 : 2) + MASK_BYTES);
  bytes[0] = FIN | opcode;
  bytes[1] = MASKED | (long ? LENGTH_64 : LENGTH_16);
  if (long) bytes.writeBigUInt64BE(BigInt(length), 2);
  else bytes.writeUInt16BE(length, 2);
  bytes.set(MASK, bytes.length - MASK_BYTES);
  return bytes;
}

/** A whole WebSocket frame as a client sends it. */
export function clientFrame(payload: string | Uint8Array, opcode: number = OPCODE.text): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const frame = Buffer.concat([header(opcode, bytes.length), bytes]);
  for (let i = frame.length - bytes.length, at = 0; i < frame.length; i++, at++) {
    frame[i] = (frame[i] ?? 0) ^ (MASK[at & 3] ?? 0);
  }
  return frame;
}

/** A frame that was built once, in which only the stamp differs from one message to the next. */
export class StampedFrame {
  readonly #frame: Buffer;
  readonly #stampAt: number;
  readonly #stampInText: number;

  /** @param text holds the place of a stamp (`placeholder`) */
  constructor(text: string) {
    this.#frame = clientFrame(text);
    const bytes = Buffer.from(text);
    this.#stampInText = findStamp(bytes, 0, bytes.length);
    if (this.#stampInText < 0) throw new Error('a text without a place for the stamp');
    this.#stampAt = this.#frame.length - bytes.length + this.#stampInText;
  }

  /** A copy to send: the socket may keep it for a while. */
  with(stamp: Stamp): Buffer {
    const frame = Buffer.from(this.#frame);
    writeStamp(frame, this.#stampAt, stamp, MASK, this.#stampInText);
    return frame;
  }
}
