import type { Abortable } from '../abort.ts';
import { utf8 } from '../bytes.ts';
import type { Connection } from '../connection.ts';
import { AerieError } from '../error.ts';
import { read, write } from '../keep.ts';
import { Sha256 } from '../sha256.ts';
import { Wake } from '../wake.ts';

export interface Chunk {
  readonly seq: number;
  readonly chunk: string;
}
interface Completion {
  readonly checksum: string;
  readonly total_size: number;
}

/** How a task ended, for a stream that its writer has not completed. */
interface Ended {
  /** Chunks that the stream has. */
  readonly nextSeq: number;
  readonly error?: AerieError | undefined;
}

/** Reads a stream of a task: every chunk once and in order, across any number of reconnects and, with a keep, processes. */
export class Reader implements AsyncIterable<string> {
  readonly #keep: Connection['keep'];
  readonly #key: string;
  readonly #wake: Wake;
  /** Of everything that has come. @internal */
  readonly hash = new Sha256();
  /** Came before a chunk that is missing. */
  readonly #early = new Map<number, string>();
  readonly #ready: Chunk[] = [];
  /** Everything up to this seq has come. */
  #received = -1;
  /** Everything up to this seq was taken, in this process or before. */
  #taken = -1;
  #completion: Completion | undefined;
  #ended: Ended | undefined;
  #failure: AerieError | undefined;
  #isWhole = false;

  private constructor(key: string, { keep, closed }: Pick<Connection, 'keep' | 'closed'>, taken: number) {
    this.#key = key;
    this.#keep = keep;
    this.#wake = new Wake(closed);
    this.#taken = taken;
  }

  /** @param key under which the position is kept @internal */
  static async open(key: string, connection: Pick<Connection, 'keep' | 'closed'>): Promise<Reader> {
    return new Reader(key, connection, (await read<number>(connection.keep, key)) ?? -1);
  }

  /** Chunks of the stream that were taken so far, also by processes before this one. */
  get position(): number {
    return this.#taken + 1;
  }

  /** Everything up to this seq has come; -1 before. @internal */
  get received(): number {
    return this.#received;
  }

  /** True if nothing more has to come. @internal */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /**
   * The chunks behind the position, which moves when the next one is asked for.
   *
   * @throws AerieError after the last chunk: `checksum_mismatch`, `task_failed`, `task_cancelled`; `closed`
   */
  [Symbol.asyncIterator](): AsyncGenerator<string> {
    return this.chunks();
  }

  /** The same, with a signal. */
  async *chunks({ signal }: Abortable = {}): AsyncGenerator<string> {
    for await (const { seq, chunk } of this.#behind(signal)) {
      yield chunk;
      await this.#moveTo(seq);
    }
  }

  /** Waits for the end; the text behind the position, which moves when all has come. */
  async text({ signal }: Abortable = {}): Promise<string> {
    let text = '';
    let last = this.#taken;
    for await (const { seq, chunk } of this.#behind(signal)) {
      text += chunk;
      last = seq;
    }
    await this.#moveTo(last);
    return text;
  }

  /** The same as a stream of the platform. */
  stream(): ReadableStream<string> {
    const chunks = this.chunks();
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => void (await chunks.return(undefined)),
    });
  }

  /** @internal */
  came({ seq, chunk }: Chunk): void {
    if (seq <= this.#received || this.#isWhole) return;
    this.#early.set(seq, chunk);
    this.#order();
  }

  /** @internal */
  completed(completion: Completion): void {
    this.#completion = completion;
    this.#order();
  }

  /** The task has ended: nobody completes the stream any more. @internal */
  taskEnded(ended: Ended): void {
    this.#ended = ended;
    this.#order();
  }

  /** The server lets this agent read no longer, or it was closed. @internal */
  fail(error: AerieError): void {
    if (this.#isWhole) return;
    this.#failure = error;
    this.#wake.wake();
  }

  #order(): void {
    // A stream begins at 0 or at 1, and only its end says that there is no 0.
    const isAllThere = this.#completion ?? this.#ended;
    if (this.#received === -1 && isAllThere && !this.#early.has(0) && this.#early.has(1)) this.#received = 0;
    for (;;) {
      const seq = this.#received + 1;
      const chunk = this.#early.get(seq);
      if (chunk === undefined) break;
      this.#early.delete(seq);
      this.#received = seq;
      this.hash.update(utf8(chunk));
      if (seq > this.#taken) this.#ready.push({ seq, chunk });
    }
    if (!this.#isWhole) this.#finish();
    this.#wake.wake();
  }

  #finish(): void {
    if (this.#completion) {
      const { checksum, total_size: size } = this.#completion;
      // Chunks may come behind the completion that they were stored before.
      if (this.#early.size === 0 && this.hash.size < size) return;
      this.#isWhole = true;
      const found = this.hash.hex();
      if (found !== checksum)
        this.#failure = new AerieError('checksum_mismatch', { details: { expected: checksum, found } });
    } else if (this.#ended && this.#received + 1 >= this.#ended.nextSeq) {
      this.#isWhole = true;
      this.#failure = this.#ended.error;
    }
  }

  async *#behind(signal: AbortSignal | undefined): AsyncGenerator<Chunk> {
    for (;;) {
      const { version } = this.#wake;
      const next = this.#ready.shift();
      if (next) yield next;
      else if (this.#failure) throw this.#failure;
      else if (this.#isWhole) return;
      else await this.#wake.since(version, signal);
    }
  }

  async #moveTo(seq: number): Promise<void> {
    this.#taken = seq;
    await write(this.#keep, this.#key, seq);
  }
}
