import { promisify } from 'node:util';
import {
  brotliCompress,
  brotliCompressSync,
  constants,
  deflate,
  deflateSync,
  gzip,
  gzipSync,
  type ZlibOptions,
} from 'node:zlib';
import { compressedBatch, compressedFrame, HEADER_BYTES } from './binary.ts';

const ALGORITHMS = ['zlib', 'deflate', 'gzip', 'brotli'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** Compression of the frames to one socket; `undefined` in its place: none. */
export interface Compression {
  readonly algorithm: Algorithm;
  readonly level: number;
}

export const DEFAULT_LEVEL = 6;
export const defaultCompression: Compression = { algorithm: 'zlib', level: DEFAULT_LEVEL };

/** Above it a little is saved for a lot of time. */
const MAX_LEVEL = { zlib: 6, deflate: 6, gzip: 6, brotli: 4 } as const;

/** Takes the first algorithm that the server has (VISUALISATION.md, section 9.2). */
export function chooseCompression(algorithms: readonly string[], level: number): Compression | undefined {
  const algorithm = algorithms.find((name): name is Algorithm => ALGORITHMS.some((known) => known === name));
  return algorithm && { algorithm, level: Math.min(level, MAX_LEVEL[algorithm]) };
}

const deflateLater = promisify<Uint8Array, ZlibOptions, Buffer>(deflate);
const gzipLater = promisify<Uint8Array, ZlibOptions, Buffer>(gzip);
const brotliLater = promisify<Uint8Array, ReturnType<typeof brotliOptions>, Buffer>(brotliCompress);

const brotliOptions = (level: number, bytes: Uint8Array) => ({
  params: { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
});

function pack(bytes: Uint8Array, { algorithm, level }: Compression): Buffer {
  if (algorithm === 'brotli') return brotliCompressSync(bytes, brotliOptions(level, bytes));
  return algorithm === 'gzip' ? gzipSync(bytes, { level }) : deflateSync(bytes, { level });
}

/** On another thread, for what is large. */
function packLater(bytes: Uint8Array, { algorithm, level }: Compression): Promise<Buffer> {
  if (algorithm === 'brotli') return brotliLater(bytes, brotliOptions(level, bytes));
  return algorithm === 'gzip' ? gzipLater(bytes, { level }) : deflateLater(bytes, { level });
}

/** A payload below it is not worth compressing. */
const MIN_PAYLOAD_BYTES = 1_024;
/** Frames that are packed together, at most: four times as much would be allowed, and be handed to a slow socket at once. */
const MAX_BATCH_BYTES = 1_048_576;

/** Frames that are due at once, as they are sent: two or more together, one with its payload compressed if that helps. */
export function packed(frames: readonly Buffer[], compression: Compression | undefined): readonly Buffer[] {
  if (!compression) return frames;
  const [first, second] = frames;
  if (first && !second) return [packedFrame(first, compression)];
  return batches(frames).map((batch) => compressedBatch(pack(batch, compression), batch.length));
}

/** As `packed`, on another thread, and one frame too in a batch: for the snapshot. */
export async function packedLater(
  frames: readonly Buffer[],
  compression: Compression | undefined,
): Promise<readonly Buffer[]> {
  if (!compression) return frames;
  const packing = batches(frames).map(async (batch) =>
    compressedBatch(await packLater(batch, compression), batch.length),
  );
  return Promise.all(packing);
}

/** One frame with its payload compressed where that makes it smaller. */
function packedFrame(frame: Buffer, compression: Compression): Buffer {
  const payload = frame.subarray(HEADER_BYTES);
  if (payload.length < MIN_PAYLOAD_BYTES) return frame;
  const smaller = pack(payload, compression);
  return smaller.length < payload.length ? compressedFrame(frame, smaller) : frame;
}

function batches(frames: readonly Buffer[]): Buffer[] {
  const parts: Buffer[][] = [];
  let bytes = MAX_BATCH_BYTES;
  for (const frame of frames) {
    if (bytes + frame.length > MAX_BATCH_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    bytes += frame.length;
    parts.at(-1)?.push(frame);
  }
  return parts.map((part) => Buffer.concat(part));
}
