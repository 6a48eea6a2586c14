import type { Log } from '../../server/index.ts';
import type { LogEntry } from './state.ts';
import { type Notification, notificationOf } from './view.ts';

/** One who listens for an agent: a socket. */
export interface Hearer {
  notify(notification: Notification): void;
  /** Notifications may have been lost. Left out: the listener ends by itself when nodes lose each other, as channels do. */
  missed?(): void;
}

/** Word of a conversation to all nodes. */
export interface News {
  readonly taskId: string;
  readonly id: string;
  readonly name: string | null;
  /** An entry of its log. Left out: none is new, and its log goes up to `upTo`, for those who have not heard that. */
  readonly entry?: LogEntry;
  readonly upTo?: number;
  /** Participants that hear of it, and of a message its sender, who has it. */
  readonly to: readonly string[];
  /** Of a log that is not new: those who are in it no more, and may not have heard that. */
  readonly gone?: readonly string[];
}

/** Reads entries of a conversation's log, by ascending seq, at most so many from a seq on. */
export type ReadLog = (news: News, fromSeq: number, limit: number) => Promise<readonly LogEntry[]>;

/** Entries that are read at once: each may be as long as a message. */
const PAGE = 16;
/** So far back is looked for what an agent may have missed where it is not known to have been in a conversation. */
const MAX_BLIND = 256;
/** News of one conversation that wait while earlier ones are read; older ones are then read with these. */
const MAX_QUEUE = 256;
const AGAIN_MS = 1_000;

/** One conversation as an agent has heard it on this node. */
interface Heard {
  readonly taskId: string;
  lastSeq: number;
  /** The agent was in it behind that entry. */
  isIn: boolean;
  /** The end of its task was told. */
  hasEnded: boolean;
  queue: Told[];
  isReading: boolean;
}

/** News with their notification, which is the same for everybody. */
export interface Told {
  readonly news: News;
  readonly notification: Notification | undefined;
}

export interface EarOptions {
  readonly agentId: string;
  /** By the store's clock: what is older is nothing new. */
  readonly sinceMs: number;
  readonly read: ReadLog;
  readonly log: Log;
}

/** The ear of one agent on this node: brings each conversation's entries to its sockets in the order of the log. */
export class Ear {
  readonly listeners = new Set<Hearer>();
  readonly #conversations = new Map<string, Heard>();
  readonly #options: EarOptions;

  constructor(options: EarOptions) {
    this.#options = options;
  }

  hear(told: Told): void {
    const { id, taskId } = told.news;
    let heard = this.#conversations.get(id);
    if (!heard) {
      heard = { taskId, lastSeq: -1, isIn: false, hasEnded: false, queue: [], isReading: false };
      this.#conversations.set(id, heard);
    }
    heard.queue.push(told);
    if (heard.queue.length > MAX_QUEUE) shorten(heard.queue);
    if (!heard.isReading) void this.#work(heard);
  }

  missed(): void {
    for (const listener of [...this.listeners]) listener.missed?.();
  }

  /** The conversations in which the agent is, as far as it has heard, with their tasks. */
  *conversations(): Iterable<readonly [id: string, taskId: string]> {
    for (const [id, { taskId }] of this.#conversations) if (this.mayBeIn(id)) yield [id, taskId];
  }

  /** Also where news of it wait. */
  mayBeIn(id: string): boolean {
    const heard = this.#conversations.get(id);
    return heard !== undefined && (heard.isIn || heard.queue.length > 0);
  }

  async #work(heard: Heard): Promise<void> {
    heard.isReading = true;
    try {
      for (let told = heard.queue[0]; told; told = heard.queue[0]) {
        await this.#take(heard, told);
        if (heard.queue[0] === told) heard.queue.shift();
      }
      heard.isReading = false;
    } catch (error) {
      const { log, agentId } = this.#options;
      log.warn({ err: error, agent: agentId }, 'reading missed entries of a conversation failed');
      this.missed();
      // Until the store answers: what came is told late rather than never.
      const again = () => (this.listeners.size > 0 ? this.#work(heard) : undefined);
      setTimeout(again, AGAIN_MS).unref();
    }
  }

  async #take(heard: Heard, { news, notification }: Told): Promise<void> {
    const { entry, upTo = 0 } = news;
    if (!entry) return this.#catchUp(heard, news, upTo);
    const { seq } = entry;
    if (!Number.isInteger(seq)) return this.#end(heard, news, seq, notification);
    if (seq <= heard.lastSeq) return;
    // Some may have been lost, or come later; of the first of it on this node, since the agent came.
    if (seq > heard.lastSeq + 1) await this.#fill(heard, news, seq - 1);
    this.#tell(entry, notification ?? notificationOf(news.taskId, news.id, entry, news.name));
    heard.lastSeq = seq;
    heard.isIn = !isRemoval(entry, this.#options.agentId);
  }

  /** The end of a task is no entry of the log, and stands between two: somebody may have left since. */
  async #end(heard: Heard, news: News, seq: number, notification: Notification | undefined): Promise<void> {
    const isOld = (news.entry?.atMs ?? 0) < this.#options.sinceMs;
    if (heard.hasEnded || isOld || !notification) return;
    if (seq > heard.lastSeq + 1) await this.#fill(heard, news, Math.floor(seq));
    heard.hasEnded = true;
    this.#notify(notification);
    if (seq < heard.lastSeq) return;
    heard.lastSeq = Math.floor(seq);
    heard.isIn = true;
  }

  async #catchUp(heard: Heard, news: News, upTo: number): Promise<void> {
    if (upTo <= heard.lastSeq) return;
    await this.#fill(heard, news, upTo);
    heard.lastSeq = upTo;
    heard.isIn = news.to.includes(this.#options.agentId);
  }

  /** Tells what the agent has not heard up to a seq. */
  async #fill(heard: Heard, news: News, toSeq: number): Promise<void> {
    const [first, last] = await this.#span(heard, news, toSeq);
    if (!first || last === undefined) return;
    let { isIn } = first;
    for (let from = first.seq; from <= last; ) {
      const page = await this.#options.read(news, from, Math.min(PAGE, last - from + 1));
      if (page.length === 0) return;
      for (const entry of page) {
        isIn ||= isArrival(entry, this.#options.agentId);
        if (isIn) this.#tell(entry, notificationOf(news.taskId, news.id, entry, news.name));
        if (isRemoval(entry, this.#options.agentId)) isIn = false;
        from = entry.seq + 1;
      }
    }
  }

  /** Looks backwards from entries that an agent has heard of, or was told of, for the first and the last that it has not. */
  async #span(
    heard: Heard,
    news: News,
    toSeq: number,
  ): Promise<[{ readonly seq: number; readonly isIn: boolean }?, number?]> {
    const { agentId, read, sinceMs } = this.#options;
    const isFirst = heard.lastSeq < 0;
    const isBlind = isFirst || !heard.isIn;
    const fromSeq = Math.max(1, heard.lastSeq + 1, isBlind ? toSeq - MAX_BLIND + 1 : 1);
    let isIn = news.entry ? !isArrival(news.entry, agentId) : !news.gone?.includes(agentId);
    let span: [{ seq: number; isIn: boolean }?, number?] = [];
    for (let until = toSeq; until >= fromSeq; ) {
      const from = Math.max(fromSeq, until - PAGE + 1);
      const page = await read(news, from, until - from + 1);
      for (const entry of page.toReversed()) {
        if (isFirst && entry.atMs < sinceMs) return span;
        const goes = isRemoval(entry, agentId);
        if (goes) isIn = true;
        const isHeard = isIn;
        if (isArrival(entry, agentId)) isIn = false;
        if (isHeard) span = [{ seq: entry.seq, isIn }, span[1] ?? entry.seq];
      }
      until = from - 1;
    }
    return span;
  }

  #tell(entry: LogEntry, notification: Notification): void {
    if (entry.kind !== 'message' || entry.senderId !== this.#options.agentId) this.#notify(notification);
  }

  #notify(notification: Notification): void {
    for (const listener of [...this.listeners]) listener.notify(notification);
  }
}

/** Leaves out the oldest entry that waits and can be read again: the end of a task cannot. */
function shorten(queue: Told[]): void {
  const at = queue.findIndex(({ news }, index) => index > 0 && Number.isInteger(news.entry?.seq));
  if (at > 0) queue.splice(at, 1);
}

const isRemoval = (entry: LogEntry, agentId: string) => entry.kind === 'removed' && entry.agentId === agentId;
const isArrival = (entry: LogEntry, agentId: string) =>
  (entry.kind === 'added' && entry.agentId === agentId) ||
  (entry.kind === 'created' && entry.participants.includes(agentId));
