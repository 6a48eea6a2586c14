const LENGTH_16 = 126;
const LENGTH_64 = 127;
const FIN = 0x80;

/** Takes a frame's payload: `bytes` from `start` to `end`, which are its own only during the call. */
export type OnFrame = (opcode: number, bytes: Buffer, start: number, end: number) => void;

/** Cuts what a server sends into frames. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  #rest: Buffer | undefined;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** @param chunk is not kept. @throws Error for a frame that is one of several of a message */
  push(chunk: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    for (;;) {
      const end = this.#take(bytes, at);
      if (end === 0) break;
      at = end;
    }
    // A copy, as the chunk's memory is used again.
    this.#rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
  }

  /** @returns where the frame at `at` ends, 0 where it is not whole */
  #take(bytes: Buffer, at: number): number {
    if (bytes.length < at + 2) return 0;
    const first = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0;
    let start = at + 2;
    if (length === LENGTH_16) {
      if (bytes.length < at + 4) return 0;
      length = bytes.readUInt16BE(at + 2);
      start = at + 4;
    } else if (length === LENGTH_64) {
      if (bytes.length < at + 10) return 0;
      length = Number(bytes.readBigUInt64BE(at + 2));
      start = at + 10;
    }
    const end = start + length;
    if (bytes.length < end) return 0;
    if ((first & FIN) === 0) throw new Error('the server has split a message into frames');
    this.#onFrame(first & 0x0f, bytes, start, end);
    return end;
  }
}
