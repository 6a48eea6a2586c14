import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../server/index.ts';
import type { LogEntry } from './entries.ts';

/** One member of a session, to whom the log and what happens beside it are brought. */
export interface LogMember<I> {
  /** Takes an entry. `isReplay`: it comes from the store, as fast as the member reads. */
  entry(entry: LogEntry, isReplay: boolean): void;
  /** Takes what happened beside the log, in its place between the entries. */
  beside(item: I): void;
  /** Resolves once little waits to be sent to the member; `undefined` if little waits now. */
  writable(): Promise<void> | undefined;
  hasEnded(): boolean;
}

export interface LogSource {
  /** Entries after a seq, in order. */
  read(after: number, limit: number): Promise<readonly LogEntry[]>;
  /** The log's last seq. */
  head(): Promise<number>;
}

type Item<I> = { readonly seq: number; readonly entry: LogEntry | undefined } | { readonly beside: I };

const PAGE = 32;
/** Pause before trying again when the store does not answer. */
const RETRY_MS = 500;
/** Waiting items that keep their content; of entries beyond it the seq is enough, what is beside the log is dropped. */
const MAX_WAITING = 128;

/**
 * Brings a session's log to one member, each entry once and in order: what was stored when it came, then live. An entry
 * that is next goes out at once; one further on says that something is missing here, which is then read from the store.
 * Items beside the log keep their place: they wait for the entries that were heard of before them.
 */
export class LogReader<I> {
  readonly #member: LogMember<I>;
  readonly #source: LogSource;
  readonly #log: Log;
  #last = 0;
  #isStarted = false;
  #items: Item<I>[] = [];
  #isWorking = false;

  constructor(member: LogMember<I>, source: LogSource, log: Log) {
    this.#member = member;
    this.#source = source;
    this.#log = log;
  }

  /** Begins behind a seq; what was heard of before waits until then. */
  start(after: number): void {
    this.#last = after;
    this.#isStarted = true;
    if (!this.#isWorking) void this.#work();
  }

  /** The log has come to `seq`; `entry` where it is at hand. */
  stored(seq: number, entry?: LogEntry): void {
    if (seq <= this.#last) return;
    this.#add({ seq, entry: this.#items.length < MAX_WAITING ? entry : undefined });
  }

  beside(item: I): void {
    if (this.#items.length < MAX_WAITING) this.#add({ beside: item });
  }

  /** Broadcasts may have been lost: looks at what the store has. */
  async look(): Promise<void> {
    this.stored(await this.#source.head());
  }

  #add(item: Item<I>): void {
    const last = this.#items.length > 1 ? this.#items.at(-1) : undefined;
    // Two that are to be read are one read; the first item may be under way.
    if (last && 'seq' in last && 'seq' in item && !last.entry && !item.entry) this.#items.pop();
    this.#items.push(item);
    if (this.#isStarted && !this.#isWorking) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    try {
      for (let item = this.#items[0]; item && !this.#member.hasEnded(); item = this.#items[0]) {
        if ('beside' in item) this.#member.beside(item.beside);
        else if (item.entry && item.seq === this.#last + 1) this.#send(item.entry, false);
        else if (item.seq > this.#last) await this.#persist(item.seq);
        this.#items.shift();
      }
    } catch (error) {
      this.#log.error({ err: error }, 'bringing a session to its socket failed');
    } finally {
      this.#isWorking = false;
      if (this.#member.hasEnded()) this.#items = [];
    }
  }

  #send(entry: LogEntry, isReplay: boolean): void {
    this.#last = entry.seq;
    this.#member.entry(entry, isReplay);
  }

  /** Reads up to `seq`, however often the store is out of reach. */
  async #persist(seq: number): Promise<void> {
    while (!this.#member.hasEnded() && this.#last < seq) {
      try {
        const page = await this.#source.read(this.#last, Math.min(PAGE, seq - this.#last));
        // The log is gone, and with it everything that was to come.
        if (page.length === 0) {
          this.#last = seq;
          return;
        }
        for (const entry of page) {
          await this.#member.writable();
          if (this.#member.hasEnded()) return;
          if (entry.seq > this.#last) this.#send(entry, true);
        }
        await nextTurn();
      } catch (error) {
        this.#log.warn({ err: error }, 'replay of a session paused: the store does not answer');
        await sleep(RETRY_MS);
      }
    }
  }
}
