import type { Store } from '../../server/store/index.ts';
import { parseStream } from './codec.ts';
import { CHECKPOINT_STREAM, orderStream } from './decide.ts';
import type { Stream, StreamName } from './stream.ts';

export interface Chunk {
  readonly seq: number;
  readonly ordinal: number;
  readonly chunk: string;
}

export interface SavedCheckpoint {
  readonly seq: number;
  readonly state: unknown;
}

/** Reads the chunks of tasks from the streams of the store. A stored chunk never changes until its stream is dropped. */
export class Chunks {
  readonly #store: Pick<Store, 'read' | 'range'>;

  constructor(store: Pick<Store, 'read' | 'range'>) {
    this.#store = store;
  }

  /** Current state of a stream, without its pages. */
  async head(taskId: string, stream: StreamName): Promise<Stream | undefined> {
    const { fields } = await this.#store.read(taskOf(taskId), [stream]);
    return parseStream(fields, stream);
  }

  /** Chunks with `seq >= from`, by seq. */
  async from(taskId: string, stream: StreamName, from: number, limit: number): Promise<Chunk[]> {
    const entries = await this.#store.range(taskOf(taskId), stream, from, limit);
    return entries.map(({ position, value }) => chunkOf(position, value));
  }

  async at(taskId: string, stream: StreamName, seq: number): Promise<Chunk | undefined> {
    const [found] = await this.from(taskId, stream, seq, 1);
    return found?.seq === seq ? found : undefined;
  }

  /** At most `limit` chunks in the order in which they were stored, from an ordinal on. */
  async inOrder(taskId: string, stream: StreamName, ordinal: number, limit: number): Promise<Chunk[]> {
    const order = await this.#store.range(taskOf(taskId), orderStream(stream), ordinal, limit);
    const seqs = order.map(({ value }) => Number(value));
    const [first = 0] = seqs;
    // As a rule they came in the order of their seqs, and one read finds them all.
    const isRun = seqs.every((seq, at) => seq === first + at);
    if (isRun && seqs.length > 0) return this.from(taskId, stream, first, seqs.length);
    const found = await Promise.all(seqs.map((seq) => this.at(taskId, stream, seq)));
    return found.filter((chunk) => chunk !== undefined);
  }

  async checkpoint(taskId: string): Promise<SavedCheckpoint | null> {
    const [saved] = await this.#store.range(taskOf(taskId), CHECKPOINT_STREAM, 0, 1);
    return saved ? (JSON.parse(saved.value) as SavedCheckpoint) : null;
  }
}

const taskOf = (id: string) => ({ kind: 'task', id });

function chunkOf(seq: number, value: string): Chunk {
  const colon = value.indexOf(':');
  return { seq, ordinal: Number(value.slice(0, colon)), chunk: value.slice(colon + 1) };
}
