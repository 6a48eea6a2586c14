import { deferred } from '../deferred.ts';
import type { AerieError } from '../error.ts';
import type { StreamState } from '../wire.ts';
import type { Chunk } from './reader.ts';
import type { Writer } from './writer.ts';

/** Brings back what a writer wrote before this process began to: the server sends it when it is asked for (`own`). */
export class OwnReplay {
  readonly #writer: Writer;
  readonly #done = deferred<void>();
  readonly #chunks = new Map<number, string>();
  #wanted: StreamState | undefined;
  #isDone = false;

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  /** True until the writer has everything. */
  get isWanted(): boolean {
    return !this.#isDone;
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** The server is about to send it. */
  begins(stream: StreamState): void {
    this.#chunks.clear();
    this.#wanted = stream;
    this.#look();
  }

  /** There is nothing to bring back that anybody could go on writing behind. */
  skip(): void {
    this.#isDone = true;
    this.#done.resolve();
  }

  came({ seq, chunk }: Chunk): void {
    if (this.#isDone) return;
    this.#chunks.set(seq, chunk);
    this.#look();
  }

  fail(error: AerieError): void {
    this.#done.reject(error);
  }

  #look(): void {
    const { next_seq: nextSeq, complete } = this.#wanted ?? { next_seq: Number.POSITIVE_INFINITY, complete: false };
    // A stream that somebody else's program has begun may start at 1: the first one to come says so, as they come in order.
    const start = this.#chunks.has(0) ? 0 : 1;
    if (nextSeq > 0 && (this.#chunks.size === 0 || this.#chunks.size < nextSeq - start)) return;
    const chunks: string[] = [];
    for (let seq = start; seq < nextSeq; seq++) {
      const chunk = this.#chunks.get(seq);
      if (chunk === undefined) return;
      chunks.push(chunk);
    }
    this.#chunks.clear();
    this.#writer.restore(chunks, nextSeq, complete);
    this.skip();
  }
}
