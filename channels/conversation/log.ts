import type { Store } from '../../server/store/index.ts';
import { TASK } from './codec.ts';
import { senderAt, seqAt, streamsOf } from './order.ts';
import { MAX_PAGE_BYTES } from './schema.ts';
import type { Conversation, LogEntry, StoredMessage } from './state.ts';

/** A stored message, with its place in the log. */
export type TalkMessage = LogEntry & StoredMessage;

export interface MessagePage {
  readonly messages: TalkMessage[];
  readonly hasMore: boolean;
}

/** So far a log goes. */
type Extent = Pick<Conversation, 'lastSeq' | 'messages'>;

/** Messages that are read before it is known how long they are. */
const FIRST_READ = 4;
/** Entries of the order of messages that are read at once. */
const SPAN = 256;
const COUNTED_AT_ONCE = 4_096;

interface Measured {
  readonly message: TalkMessage;
  readonly bytes: number;
}

/** The log of one conversation, as it is stored with its task. */
export class ConversationLog {
  readonly #store: Pick<Store, 'range'>;
  readonly #taskId: string;
  readonly #id: string;

  constructor(store: Pick<Store, 'range'>, taskId: string, id: string) {
    this.#store = store;
    this.#taskId = taskId;
    this.#id = id;
  }

  /** Entries from a seq on, in order. */
  async entries(fromSeq: number, limit: number): Promise<LogEntry[]> {
    const found = await this.#range('log', fromSeq, limit);
    return found.map(({ value }) => JSON.parse(value) as LogEntry);
  }

  /** The first messages behind a seq, at most so many; a page of long ones is cut. */
  async messagesAfter(extent: Extent, afterSeq: number, limit: number): Promise<MessagePage> {
    const first = await this.#firstAfter(extent, afterSeq);
    const page: Measured[] = [];
    for (let bytes = 0; page.length < limit; ) {
      const found = await this.#messages(first + page.length, readAtOnce(page.length, bytes, limit));
      for (const measured of found) {
        bytes += measured.bytes;
        if (bytes > MAX_PAGE_BYTES && page.length > 0) return pageOf(page, true);
        page.push(measured);
      }
      if (found.length === 0) break;
    }
    return pageOf(page, page.length > 0 && first + page.length <= extent.messages);
  }

  /** The last messages, at most so many, in order; a page of long ones is cut. `hasMore`: there are older ones. */
  async lastMessages({ messages: last }: Extent, limit: number): Promise<MessagePage> {
    const page: Measured[] = [];
    for (let bytes = 0, until = last; page.length < limit && until > 0; ) {
      const count = Math.min(until, readAtOnce(page.length, bytes, limit));
      const found = await this.#messages(until - count + 1, count);
      for (const measured of found.toReversed()) {
        bytes += measured.bytes;
        if (bytes > MAX_PAGE_BYTES && page.length > 0) return pageOf(page.reverse(), true);
        page.push(measured);
      }
      if (found.length === 0) break;
      until -= count;
    }
    return pageOf(page.reverse(), page.length > 0 && page.length < last);
  }

  /** Counts the messages of one sender from an ordinal on up to another. */
  async countBy(sender: string, fromOrdinal: number, toOrdinal: number): Promise<number> {
    let own = 0;
    for (let from = fromOrdinal; from <= toOrdinal; ) {
      const found = await this.#range('order', from, Math.min(COUNTED_AT_ONCE, toOrdinal - from + 1));
      own += found.filter(({ value }) => senderAt(value) === sender).length;
      if (found.length === 0) break;
      from += found.length;
    }
    return own;
  }

  #range(stream: 'log' | 'order', from: number, limit: number) {
    return this.#store.range({ kind: TASK, id: this.#taskId }, streamsOf(this.#id)[stream], from, limit);
  }

  /** Messages by their ordinals. What lies between them in the log may be any number of changes: it is passed over. */
  async #messages(fromOrdinal: number, count: number): Promise<Measured[]> {
    const seqs = (await this.#range('order', fromOrdinal, count)).map(({ value }) => seqAt(value));
    const [first, last] = [seqs[0], seqs.at(-1)];
    if (first === undefined || last === undefined) return [];
    const isDense = last - first < 2 * count;
    const found = isDense
      ? await this.#range('log', first, last - first + 1)
      : (await Promise.all(seqs.map((seq) => this.#range('log', seq, 1)))).flat();
    const measured: Measured[] = [];
    for (const { value } of found) {
      const entry = JSON.parse(value) as LogEntry;
      if (entry.kind === 'message') measured.push({ message: entry, bytes: Buffer.byteLength(value) });
    }
    return measured;
  }

  /** The ordinal of the first message behind a seq. So many entries are none, so it lies that far below at most. */
  async #firstAfter({ lastSeq, messages }: Extent, afterSeq: number): Promise<number> {
    let high = Math.min(messages, afterSeq) + 1;
    let low = Math.min(high, Math.max(1, afterSeq - (lastSeq - messages) + 1));
    while (high - low > SPAN) {
      const middle = Math.floor((low + high) / 2);
      const [at] = await this.#range('order', middle, 1);
      if (at && seqAt(at.value) <= afterSeq) low = middle + 1;
      else high = middle;
    }
    if (low === high) return low;
    const found = await this.#range('order', low, high - low);
    return found.find(({ value }) => seqAt(value) > afterSeq)?.position ?? high;
  }
}

const pageOf = (page: readonly Measured[], hasMore: boolean): MessagePage => ({
  messages: page.map(({ message }) => message),
  hasMore,
});

/** As many as are missing, but no more than are likely to fit. */
function readAtOnce(known: number, bytes: number, limit: number): number {
  const likely = known === 0 ? FIRST_READ : Math.ceil(((MAX_PAGE_BYTES - bytes) * known) / Math.max(1, bytes));
  return Math.max(1, Math.min(limit - known, likely));
}
