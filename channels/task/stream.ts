import { includes, including, type Ranges } from './ranges.ts';

export type StreamName = 'input' | 'output';
export const STREAM_NAMES: readonly StreamName[] = ['input', 'output'];

export type Role = 'client' | 'provider';

export const writerOf = (stream: StreamName): Role => (stream === 'input' ? 'client' : 'provider');
/** The stream that the other role writes. */
export const readBy = (role: Role): StreamName => (role === 'client' ? 'output' : 'input');

/** The stream that a role writes itself. */
export const writtenBy = (role: Role): StreamName => (role === 'client' ? 'input' : 'output');

export const MAX_SEQ = 1_048_575;
export const MAX_CHUNKS = 65_536;
export const MAX_STREAM_BYTES = 16 * 1_024 * 1_024;
export const MAX_CHUNK_BYTES = 64 * 1_024;

/** State of a stream without its chunks. */
export interface Stream {
  /** Chunks; also the ordinal of the next one. Ordinals count the chunks in the order in which they were stored. */
  readonly count: number;
  readonly bytes: number;
  /** The highest seq stored; -1 if none. */
  readonly lastSeq: number;
  readonly completion: Completion | null;
  /** Set once the chunks are gone: what `nextSeq` was. */
  readonly droppedAtSeq: number | null;
  /** The seqs stored, page by page, so that storing a chunk reads and writes one page; only those that were read. */
  readonly pages: ReadonlyMap<number, Ranges>;
}

export interface Completion {
  /** Lower-case hex SHA-256 of all chunks in seq order. */
  readonly checksum: string;
  readonly totalSize: number;
}

/** Seqs in a page: a page of every other one is 20 KB of text, and none is larger. */
const PAGE_SEQS = 4_096;
export const PAGES: readonly number[] = Array.from({ length: (MAX_SEQ + 1) / PAGE_SEQS }, (_, page) => page);

export const pageOf = (seq: number) => Math.floor(seq / PAGE_SEQS);

export const emptyStream: Stream = {
  count: 0,
  bytes: 0,
  lastSeq: -1,
  completion: null,
  droppedAtSeq: null,
  pages: new Map(),
};

export function isStored({ pages }: Stream, seq: number): boolean {
  return includes(pages.get(pageOf(seq)) ?? [], seq % PAGE_SEQS);
}

/** With a chunk whose seq is not stored. */
export function withChunk(stream: Stream, seq: number, bytes: number): Stream {
  const page = pageOf(seq);
  return {
    ...stream,
    count: stream.count + 1,
    bytes: stream.bytes + bytes,
    lastSeq: Math.max(stream.lastSeq, seq),
    pages: new Map(stream.pages).set(page, including(stream.pages.get(page) ?? [], seq % PAGE_SEQS)),
  };
}

/** A stream starts at 0, or at 1 if that is stored and 0 is not. */
export const startOf = (stream: Stream) => (!isStored(stream, 0) && isStored(stream, 1) ? 1 : 0);

/** Counts the seqs that are missing between the start and the highest one stored. Of the pages it takes the first. */
const missingCount = (stream: Stream) => (stream.count === 0 ? 0 : stream.lastSeq - startOf(stream) + 1 - stream.count);

/** True if only more pages than the first can tell `nextSeq`. */
export const takesMorePages = (stream: Stream) =>
  stream.droppedAtSeq === null && pageOf(stream.lastSeq) > 0 && missingCount(stream) > 0;

/** The lowest seq from the start on that is not stored. */
export function nextSeq(stream: Stream): number {
  if (stream.droppedAtSeq !== null) return stream.droppedAtSeq;
  if (missingCount(stream) > 0) for (const [first] of gaps(stream)) return first;
  return stream.lastSeq + 1;
}

/** The seqs that are missing between the start and the highest one stored: the first `limit`, and how many they are. */
export function missing(stream: Stream, limit: number): { readonly missing: number[]; readonly count: number } {
  const count = missingCount(stream);
  const found: number[] = [];
  if (count === 0) return { missing: found, count };
  for (const [first, last] of gaps(stream)) {
    for (let seq = first; seq <= last && found.length < limit; seq++) found.push(seq);
    if (found.length === limit) break;
  }
  return { missing: found, count };
}

/** Ranges of seqs missing below the highest one, in order, ends included. */
function* gaps(stream: Stream): Generator<readonly [first: number, last: number]> {
  let next = startOf(stream);
  for (let page = 0; page <= pageOf(stream.lastSeq); page++) {
    const ranges = stream.pages.get(page) ?? [];
    for (let at = 0; at < ranges.length; at += 2) {
      const first = page * PAGE_SEQS + (ranges[at] ?? 0);
      if (first > next) yield [next, first - 1];
      next = page * PAGE_SEQS + (ranges[at + 1] ?? 0) + 1;
    }
  }
}
