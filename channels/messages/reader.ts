import type { ChannelSocket, Log } from '../../server/index.ts';
import { StoreUnavailable } from '../../server/store/index.ts';
import type { pushes } from './schema.ts';
import type { Message } from './state.ts';
import { type NewMessage, newMessage } from './view.ts';

/** An inbox as it is read. */
export interface Pile {
  /** Entries from an ordinal on, oldest first. */
  from(ordinal: number, limit: number): Promise<readonly { readonly ordinal: number; readonly id: string }[]>;
  /** In the order of `ids`; `undefined` for those that are not to be pushed any more. */
  read(ids: readonly string[]): Promise<readonly (Message | undefined)[]>;
}

export interface ReaderOptions {
  /** Times after which a message is pushed again, counted from its first push on this join. Ascending. */
  readonly redeliverAfterMs: readonly number[];
  readonly log: Log;
}

/** Pushed on one join and not settled yet; one more waits until one of them is. */
export const WINDOW = 100;
/** Messages in memory at once while a backlog is read. */
const PAGE = 16;
/** A broadcast may get lost, so the store is asked now and then. */
const LOOK_EVERY_MS = 30_000;
const RETRY_MS = 1_000;

interface Outstanding {
  readonly pushedAtMs: number;
  pushes: number;
  dueAtMs: number;
}

type InboxSocket = Pick<ChannelSocket<object, typeof pushes>, 'pushSnapshot' | 'writable' | 'ended' | 'topic'>;

/**
 * Pushes an inbox to one joined client, in the order of the store, as fast as the client reads.
 *
 * Broadcasts only wake it: a message that is next is taken from the broadcast, everything else is read.
 */
export class Reader {
  readonly #socket: InboxSocket;
  readonly #pile: Pile;
  readonly #options: ReaderOptions;
  /** Everything below is pushed or gone. */
  #cursor = 0;
  readonly #nextAtJoin: number;
  #hasMore = true;
  #isReading = false;
  #isRepeating = false;
  readonly #outstanding = new Map<string, Outstanding>();
  /** Settled while they were being read. */
  readonly #settled = new Set<string>();
  #lookAtMs = Date.now() + LOOK_EVERY_MS * (0.5 + Math.random());
  #dueAtMs = Number.POSITIVE_INFINITY;

  /** @param next the inbox's next ordinal when the join began: what was settled before has a lower one */
  constructor(socket: InboxSocket, pile: Pile, next: number, options: ReaderOptions) {
    this.#socket = socket;
    this.#pile = pile;
    this.#nextAtJoin = next;
    this.#options = options;
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  start(): void {
    void this.#read();
  }

  /** A message was put into the inbox. */
  placed(ordinal: number, message: NewMessage): void {
    if (ordinal < this.#cursor) return;
    const isNext = ordinal === this.#cursor && !this.#hasMore && !this.#isReading;
    if (isNext && this.#outstanding.size < WINDOW && !this.#socket.writable()) return this.#push(ordinal, message);
    this.#hasMore = true;
    void this.#read();
  }

  /** A message has left the inbox. */
  settled(id: string): void {
    if (this.#isReading || this.#isRepeating) this.#settled.add(id);
    if (this.#outstanding.delete(id)) void this.#read();
  }

  /** Reads the store again, within `withinMs`. */
  lookAgain(nowMs: number, withinMs: number): void {
    this.#lookAtMs = Math.min(this.#lookAtMs, nowMs + Math.random() * withinMs);
  }

  /** Does what is due. To be called every now and then. */
  tick(nowMs: number): void {
    if (nowMs >= this.#dueAtMs && !this.#isRepeating) void this.#repeat(nowMs);
    if (nowMs < this.#lookAtMs) return;
    this.#lookAtMs = nowMs + LOOK_EVERY_MS;
    this.#hasMore = true;
    void this.#read();
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#hasMore && this.#outstanding.size < WINDOW && !this.#socket.ended) await this.#readPage();
    } catch (error) {
      this.#hasMore = true;
      this.#failed(error);
    } finally {
      this.#isReading = false;
      if (!this.#isRepeating) this.#settled.clear();
    }
  }

  async #readPage(): Promise<void> {
    // A message placed from now on is announced again.
    this.#hasMore = false;
    const limit = Math.min(PAGE, WINDOW - this.#outstanding.size);
    const entries = await this.#pile.from(this.#cursor, limit);
    const messages = entries.length === 0 ? [] : await this.#pile.read(entries.map(({ id }) => id));
    for (const [at, { ordinal }] of entries.entries()) {
      await this.#socket.writable();
      if (this.#socket.ended) return;
      const message = messages[at];
      if (message && !this.#settled.has(message.about.id)) this.#push(ordinal, newMessage(message));
      this.#cursor = ordinal + 1;
    }
    if (entries.length === limit) this.#hasMore = true;
    else this.#cursor = Math.max(this.#cursor, this.#nextAtJoin);
  }

  #push(ordinal: number, message: NewMessage): void {
    const nowMs = Date.now();
    const dueAtMs = nowMs + (this.#options.redeliverAfterMs[0] ?? Number.POSITIVE_INFINITY);
    this.#cursor = ordinal + 1;
    this.#outstanding.set(message.id, { pushedAtMs: nowMs, pushes: 1, dueAtMs });
    this.#dueAtMs = Math.min(this.#dueAtMs, dueAtMs);
    this.#socket.pushSnapshot('new_message', JSON.stringify(message));
  }

  /** Pushes again what is due and still unsettled; after the last time it only looks whether it still is. */
  async #repeat(nowMs: number): Promise<void> {
    this.#isRepeating = true;
    let notBeforeMs = 0;
    try {
      const due = [...this.#outstanding].filter(([, { dueAtMs }]) => dueAtMs <= nowMs);
      for (let at = 0; at < due.length; at += PAGE) await this.#repeatPage(due.slice(at, at + PAGE), nowMs);
    } catch (error) {
      notBeforeMs = nowMs + RETRY_MS;
      this.#failed(error);
    } finally {
      this.#isRepeating = false;
      if (!this.#isReading) this.#settled.clear();
      const nextMs = Math.min(...[...this.#outstanding.values()].map(({ dueAtMs }) => dueAtMs));
      this.#dueAtMs = Math.max(nextMs, notBeforeMs);
    }
    void this.#read();
  }

  async #repeatPage(due: readonly (readonly [string, Outstanding])[], nowMs: number): Promise<void> {
    const { redeliverAfterMs } = this.#options;
    const messages = await this.#pile.read(due.map(([id]) => id));
    for (const [at, [id, outstanding]] of due.entries()) {
      await this.#socket.writable();
      if (this.#socket.ended) return;
      const message = messages[at];
      if (!message || this.#settled.has(id)) {
        this.#outstanding.delete(id);
        continue;
      }
      if (outstanding.pushes <= redeliverAfterMs.length) {
        this.#socket.pushSnapshot('new_message', JSON.stringify(newMessage(message)));
        outstanding.pushes++;
      }
      const next = redeliverAfterMs[outstanding.pushes - 1];
      outstanding.dueAtMs = next === undefined ? nowMs + LOOK_EVERY_MS : outstanding.pushedAtMs + next;
    }
  }

  #failed(error: unknown): void {
    this.lookAgain(Date.now(), RETRY_MS);
    if (!(error instanceof StoreUnavailable)) {
      this.#options.log.error({ err: error, topic: this.#socket.topic }, 'reading an inbox failed');
    }
  }
}
