import { type Abortable, waitFor } from '../abort.ts';
import type { Connection } from '../connection.ts';
import { deferred } from '../deferred.ts';
import { AerieError } from '../error.ts';
import { memory } from '../keep.ts';
import { Topic } from '../topic.ts';
import { Wake } from '../wake.ts';
import type { TaskJoined, TaskState } from '../wire.ts';
import type { ChunkWindow } from './chunk_window.ts';
import { type Chunk, Reader } from './reader.ts';
import { type StreamName, Writer } from './writer.ts';

export type TaskRole = 'client' | 'provider';
/** A task in which this agent has either role. */
export type AnyTask = Task<'client'> | Task<'provider'>;

/** What `saveCheckpoint` saved last. */
export interface Checkpoint {
  readonly state: unknown;
  /** UTF-16 units of this role's stream that were written by then: `output.stored.slice(written)` is behind it. */
  readonly written: number;
}

export const isEnded = ({ status }: Pick<TaskState, 'status'>): boolean =>
  status !== 'pending' && status !== 'in_progress';

/** The streams that a role reads and writes. */
const streamsOf = (role: TaskRole): readonly [reads: StreamName, writes: StreamName] =>
  role === 'client' ? ['output', 'input'] : ['input', 'output'];

/** A task of this agent's, as client or provider (PROTOCOL.md, section 5.2). */
export class Task<Role extends TaskRole = TaskRole> {
  readonly id: string;
  readonly role: Role;
  /** The client's stream: a writer for the client, a reader for the provider. */
  readonly input: Role extends 'client' ? Writer : Reader;
  /** The provider's stream: a writer for the provider, a reader for the client. */
  readonly output: Role extends 'client' ? Reader : Writer;
  readonly #connection: Connection;
  readonly #topic: Topic<TaskJoined>;
  readonly #reader: Reader;
  readonly #writer: Writer;
  /** Chunks that this agent wrote before this process began to: the server sends them where it is asked for (`own`). */
  readonly #own: Reader;
  #isRestored = false;
  readonly #wake: Wake;
  readonly #result = deferred<unknown>();
  #state: TaskState;
  #checkpoint: TaskJoined['checkpoint'] = null;

  private constructor(
    connection: Connection,
    state: TaskState,
    role: TaskRole,
    reader: Reader,
    own: Reader,
    window: ChunkWindow,
  ) {
    const [reads, writes] = streamsOf(role);
    this.id = state.id;
    this.role = role as Role;
    this.#connection = connection;
    this.#wake = new Wake(connection.closed);
    this.#state = state;
    const topic = new Topic<TaskJoined>(connection.line, `task:${state.id}`, () => ({
      ...(reader.received >= 0 && { resume: { [reads]: reader.received } }),
      // What was written since is in memory.
      ...(!this.#isRestored && { own: true }),
    }));
    this.#topic = topic;
    this.#reader = reader;
    this.#writer = new Writer(writes, topic, window, connection);
    this.#own = own;
    const streams = { [reads]: reader, [writes]: this.#writer };
    this.input = streams.input as typeof this.input;
    this.output = streams.output as typeof this.output;

    topic.on<Chunk>(`${reads}_stream`, (chunk) => reader.came(chunk));
    topic.on<{ checksum: string; total_size: number }>(`${reads}_complete`, (said) => this.#completed(said));
    topic.on<Chunk>(`${writes}_stream`, (chunk) => own.came(chunk));
    topic.on<{ percent: number; message?: string }>('progress', (progress) =>
      this.#become({ ...this.#state, progress }),
    );
    for (const event of ['task_started', 'task_completed', 'task_failed', 'task_cancelled']) {
      topic.on<{ task: TaskState }>(event, ({ task }) => this.#become(task));
    }
    topic.onJoin(({ task, checkpoint }) => {
      this.#checkpoint ??= checkpoint;
      this.#become(task);
    });
    topic.onEnd((error) => this.#fail(error));
    topic.join();
  }

  /** Joins a task; resolves when it is known what this agent has written so far. @internal */
  static async open(connection: Connection, window: ChunkWindow, state: TaskState): Promise<AnyTask> {
    const role = state.client_agent_id === connection.id ? 'client' : 'provider';
    const [reads] = streamsOf(role);
    const reader = await Reader.open(`read:${state.id}:${reads}`, connection);
    const own = await Reader.open('own', { keep: memory(), closed: connection.closed });
    const task = new Task(connection, state, role, reader, own, window);
    await task.#restore(await task.#topic.joined);
    return task as AnyTask;
  }

  get state(): TaskState {
    return this.#state;
  }

  /** States as they follow, beginning with the present one; who is slow misses those in between. Ends with the task's last one. */
  changes({ signal }: Abortable = {}): AsyncGenerator<TaskState> {
    let told: TaskState | undefined;
    const find = () => {
      if (told === this.#state) return undefined;
      told = this.#state;
      return told;
    };
    return this.#wake.each(find, signal, () => isEnded(this.#state));
  }

  /** The last one that was saved, also by a process before this one. */
  get checkpoint(): Checkpoint | null {
    const saved = this.#checkpoint?.state as Checkpoint | undefined;
    if (saved === undefined) return null;
    // Saved by a program on another library: all that is stored counts as written by then.
    return typeof saved?.written === 'number' ? saved : { state: saved, written: this.#writer.stored.length };
  }

  /** What the provider completed it with. Rejects with `task_failed` or `task_cancelled`, whose `details` say why, or `closed`. */
  get result(): Promise<unknown> {
    return this.#result.promise;
  }

  /** As provider. @param percent 0 to 100; @param message at most 1,024 characters */
  async progress(percent: number, message?: string, options?: Abortable): Promise<void> {
    await this.#topic.call('progress', { percent, message }, options);
  }

  /**
   * As provider: saves where the work stands. Waits for the writes before it, and keeps their end.
   *
   * @param state JSON of at most 192 KiB
   */
  async saveCheckpoint(state: unknown, options?: Abortable): Promise<void> {
    await waitFor(this.#writer.flushed(), options?.signal);
    const saved = { seq: (this.#checkpoint?.seq ?? -1) + 1, state: { state, written: this.#writer.length } };
    this.#checkpoint = saved;
    await this.#topic.call('checkpoint', saved, options);
  }

  /** As provider. What was written to the output is ended first. @param result JSON of at most 192 KiB; `{}` for none and for null, which counts as absent on the wire */
  async complete(result?: unknown, options?: Abortable): Promise<void> {
    if (this.#writer.hasWritten) await this.#writer.end(options);
    await this.#end('complete', { result: result ?? {} }, options);
  }

  /** As provider. @param type 1 to 128 characters; @param details JSON of at most 192 KiB */
  fail(type: string, details?: unknown, options?: Abortable): Promise<void> {
    return this.#end('error', { type, details: details ?? {} }, options);
  }

  /** @param reason at most 1,024 characters */
  cancel(reason: string, options?: Abortable): Promise<void> {
    return this.#end('cancel', { reason }, options);
  }

  /** Leaves it; what has come stays readable. @internal */
  leave(): Promise<void> {
    return this.#topic.leave();
  }

  async #end(event: string, payload: object, options?: Abortable): Promise<void> {
    const { task } = await this.#topic.call<{ task: TaskState }>(event, payload, options);
    this.#become(task);
  }

  async #restore({ task, streams }: TaskJoined): Promise<void> {
    const { next_seq: nextSeq, complete } = streams[streamsOf(this.role)[1]];
    // Nobody writes to a task that has ended, and its streams may be gone.
    if (nextSeq > 0 && !isEnded(task)) {
      if (!('negotiation_id' in task)) throw new AerieError('unsupported');
      this.#own.taskEnded({ nextSeq });
      this.#writer.restore(await this.#own.text(), this.#own, complete);
    }
    this.#isRestored = true;
  }

  #completed(said: { checksum: string; total_size: number }): void {
    this.#reader.completed(said);
    this.#leaveAtEnd();
  }

  #become(state: TaskState): void {
    // A push of a moment ago does not undo the end.
    if (isEnded(this.#state) && !isEnded(state)) return;
    this.#state = state;
    this.#wake.wake();
    if (!isEnded(state)) return;
    this.#own.taskEnded({ nextSeq: 0 });
    const error = endError(state);
    if (error) this.#result.reject(error);
    else this.#result.resolve(state.result);
    void this.#endStreams(error).catch(() => {});
  }

  /** Chunks that were stored before the end may come behind it. */
  async #endStreams(error: AerieError | undefined): Promise<void> {
    const { http } = this.#connection;
    const { streams } = await http.call<Pick<TaskJoined, 'streams'>>('GET', `/api/tasks/${this.id}`);
    const stream = streams[streamsOf(this.role)[0]];
    if (!stream.complete) this.#reader.taskEnded({ nextSeq: stream.next_seq, error });
    this.#leaveAtEnd();
  }

  /** Nothing more comes. */
  #leaveAtEnd(): void {
    const { status } = this.#state;
    if (isEnded(this.#state) && this.#reader.isWhole)
      this.#topic.end(new AerieError('task_closed', { details: { status } }));
  }

  #fail(error: AerieError): void {
    this.#own.fail(error);
    this.#reader.fail(error);
    this.#result.reject(error);
  }
}

/** What a task's end is for whoever waits for its result or its output. */
function endError({ status, error }: TaskState): AerieError | undefined {
  if (status !== 'failed' && status !== 'cancelled') return undefined;
  return new AerieError(`task_${status}`, { message: `task ${status}: ${error?.type}`, details: error });
}
