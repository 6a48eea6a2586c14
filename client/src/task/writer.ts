import { type Abortable, sleep, waitFor } from '../abort.ts';
import type { Connection } from '../connection.ts';
import { type Deferred, deferred } from '../deferred.ts';
import { Sha256 } from '../sha256.ts';
import type { Topic } from '../topic.ts';
import type { ChunkWindow } from './chunk_window.ts';
import type { Reader } from './reader.ts';

export type StreamName = 'input' | 'output';

/** The chunk that is being made, at most as long as the server takes. What is encoded into it never ends within a character. */
const chunkBytes = new Uint8Array(65_536);

interface Written {
  /** UTF-16 units that have to be durable for it. */
  readonly end: number;
  readonly done: Deferred<void>;
}

/** Writes a stream of a task. What the server has acknowledged is durable; nothing is sent twice under another seq. */
export class Writer {
  readonly #name: StreamName;
  readonly #topic: Pick<Topic, 'call'>;
  readonly #window: ChunkWindow;
  readonly #closed: AbortSignal;
  #hash = new Sha256();
  readonly #written: Written[] = [];
  /** Units before each chunk that is not acknowledged yet, by seq. */
  readonly #unacknowledged = new Map<number, number>();
  #stored = '';
  #nextSeq = 0;
  #queued = '';
  /** Units in chunks so far. */
  #chunked = 0;
  #isPumping = false;
  #ending: Promise<void> | undefined;
  #failure: unknown;

  constructor(
    name: StreamName,
    topic: Pick<Topic, 'call'>,
    window: ChunkWindow,
    { closed }: Pick<Connection, 'closed'>,
  ) {
    this.#name = name;
    this.#topic = topic;
    this.#window = window;
    this.#closed = closed;
  }

  /** What was written before this process began to: writing goes on behind it. */
  get stored(): string {
    return this.#stored;
  }

  /** UTF-16 units that are durable. */
  get length(): number {
    const [firstUnacknowledged] = this.#unacknowledged.values();
    return firstUnacknowledged ?? this.#chunked;
  }

  get hasWritten(): boolean {
    return this.#chunked + this.#queued.length > 0;
  }

  /**
   * Writes text; resolves when it is durable. Waits for nothing else: several writes may be under way, and go out in their order.
   *
   * @throws AerieError: `task_closed`, `stream_closed`, `stream_too_large` (16 MiB, 65,536 chunks), `closed`; RangeError for half a character
   */
  async write(text: string, { signal }: Abortable = {}): Promise<void> {
    if (!text.isWellFormed()) throw new RangeError('Cannot write half of a character.');
    if (this.#failure !== undefined) throw this.#failure;
    if (text === '') return;
    this.#queued += text;
    const written = { end: this.#chunked + this.#queued.length, done: deferred<void>() };
    this.#written.push(written);
    void this.#pump();
    await waitFor(written.done.promise, signal);
  }

  /** Waits for all writes, then ends the stream with its checksum and size. Again: the same. */
  end({ signal }: Abortable = {}): Promise<void> {
    this.#ending ??= this.#end();
    this.#ending.catch(() => {});
    return waitFor(this.#ending, signal);
  }

  /** Resolves when all that was written so far is durable. */
  async flushed(): Promise<void> {
    await this.#written.at(-1)?.done.promise;
  }

  /** The same as a stream of the platform: each piece waits until the one before is durable. */
  stream(): WritableStream<string> {
    return new WritableStream({ write: (text) => this.write(text), close: () => this.end() });
  }

  /** Takes over what an earlier process has written. @internal */
  restore(text: string, { hash, received }: Pick<Reader, 'hash' | 'received'>, isComplete: boolean): void {
    this.#hash = hash;
    this.#stored = text;
    this.#chunked = text.length;
    this.#nextSeq = received + 1;
    if (isComplete) this.#ending = Promise.resolve();
  }

  async #end(): Promise<void> {
    await this.flushed();
    const payload = { total_size: this.#hash.size, checksum: this.#hash.hex() };
    await this.#topic.call(`${this.#name}_complete`, payload);
  }

  /** Sends what is queued, as fast as there is room; what has to wait goes out together. */
  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#queued !== '' && this.#failure === undefined) {
        const { pauseMs } = this.#window;
        if (pauseMs === 0) this.#send();
        else if (pauseMs === undefined) await this.#window.freed();
        else await sleep(pauseMs, this.#closed);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isPumping = false;
    }
  }

  #send(): void {
    const { read, written } = new TextEncoder().encodeInto(this.#queued, chunkBytes);
    const chunk = this.#queued.slice(0, read);
    this.#queued = this.#queued.slice(read);
    this.#hash.update(chunkBytes.subarray(0, written));
    const seq = this.#nextSeq++;
    this.#unacknowledged.set(seq, this.#chunked);
    this.#chunked += read;
    this.#window.take();
    this.#topic
      .call(`${this.#name}_stream`, { chunk, seq })
      .then(
        () => this.#acknowledged(seq),
        (error: unknown) => this.#fail(error),
      )
      .finally(() => this.#window.release());
  }

  #acknowledged(seq: number): void {
    this.#unacknowledged.delete(seq);
    const durable = this.length;
    while (this.#written[0] && this.#written[0].end <= durable) this.#written.shift()?.done.resolve();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    for (const { done } of this.#written.splice(0)) done.reject(this.#failure);
  }
}
