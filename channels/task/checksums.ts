import { createHash, type Hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Chunks } from './chunks.ts';
import type { StreamName } from './stream.ts';

/** Number of streams whose checksums are remembered. */
const MAX_REMEMBERED = 1_000;
/** Chunks read at once: 512 KiB at most. */
const PAGE = 8;

interface Sum {
  readonly hash: Hash;
  readonly start: number;
  readonly nextSeq: number;
}

export interface SumWanted {
  readonly taskId: string;
  readonly stream: StreamName;
  readonly start: number;
  /** All of them, from `start` on without a gap. */
  readonly count: number;
}

/**
 * Sums up streams. How far a stream was read is remembered, so that a wrong attempt costs no second look at 16 MiB,
 * and one that comes after more chunks only a look at those.
 */
export class Checksums {
  readonly #chunks: Pick<Chunks, 'from'>;
  readonly #sums = new LRUCache<string, Promise<Sum>>({ max: MAX_REMEMBERED });

  constructor(chunks: Pick<Chunks, 'from'>) {
    this.#chunks = chunks;
  }

  /** Lower-case hex SHA-256 of the chunks in seq order. */
  async sum(wanted: SumWanted): Promise<string> {
    const key = `${wanted.stream} ${wanted.taskId}`;
    const remembered = this.#sums.get(key);
    // A call that comes meanwhile goes on from where this one ends.
    const summed = this.#extended(remembered, wanted);
    this.#sums.set(key, summed);
    try {
      return (await summed).hash.copy().digest('hex');
    } catch (error) {
      if (this.#sums.peek(key) === summed) this.#sums.delete(key);
      throw error;
    }
  }

  async #extended(remembered: Promise<Sum> | undefined, wanted: SumWanted): Promise<Sum> {
    const { taskId, stream, start, count } = wanted;
    const end = start + count;
    const known = await remembered?.catch(() => undefined);
    const isUsable = known?.start === start && known.nextSeq <= end;
    const hash = isUsable ? known.hash.copy() : createHash('sha256');
    let nextSeq = isUsable ? known.nextSeq : start;
    while (nextSeq < end) {
      const page = await this.#chunks.from(taskId, stream, nextSeq, Math.min(PAGE, end - nextSeq));
      if (page.length === 0) break;
      for (const { chunk, seq } of page) {
        hash.update(chunk);
        nextSeq = seq + 1;
      }
      await nextTurn();
    }
    return { hash, start, nextSeq };
  }
}
