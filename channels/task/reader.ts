import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { ChannelSocket, Log } from '../../server/index.ts';
import type { Chunk, Chunks } from './chunks.ts';
import type { CompletionPayload, pushes } from './schema.ts';
import { type Role, readBy, type Stream, type StreamName } from './stream.ts';

type Socket = Pick<ChannelSocket<object, typeof pushes>, 'pushSnapshot' | 'push' | 'writable' | 'ended' | 'id'>;

/** The seq of a chunk, or the completion. */
type Sent = number | 'completion';

/** Target size of a replay page, whatever the size of its chunks. */
const PAGE_BYTES = 256 * 1_024;
const MAX_PAGE = 64;
const FIRST_PAGE = 4;
/** Pause before trying again when the store does not answer. */
const RETRY_MS = 500;

export interface StreamReaderOptions {
  readonly chunks: Pick<Chunks, 'head' | 'from' | 'inOrder'>;
  readonly log: Log;
  /** Left out: the one that the other role writes. */
  readonly stream?: StreamName;
}

/**
 * Brings a stream to one member, most often the one that the other role writes: what was stored when it joined in the order of seq, then
 * the rest in the order in which it was stored, each chunk once. Ordinals tell what comes next: a live chunk with the
 * next one goes out at once; one further on says that something is missing here, which is then read from the store, as
 * everything is while the member catches up; one from before is known already.
 */
export class StreamReader {
  readonly stream: StreamName;
  readonly #options: StreamReaderOptions;
  /** Only chunks above this seq are replayed; undefined: none. */
  readonly #replaysAbove: number | undefined;
  #socket: Socket | undefined;
  /** The ordinal of what goes out next; the completion has the one behind the last chunk. */
  #next = 0;
  /** One above the highest ordinal heard of. */
  #heard = 0;
  #catchingUp = true;
  /** What the member itself has sent and has not been passed yet: it needs no echo of that. */
  readonly #sent = new Map<Sent, 'under way' | 'stored'>();
  /** Sends what was passed over while the member's own was under way. */
  readonly #withheld = new Map<Sent, () => Promise<void>>();
  #pageSize = FIRST_PAGE;

  constructor(role: Role, replaysAbove: number | undefined, options: StreamReaderOptions) {
    this.stream = options.stream ?? readBy(role);
    this.#replaysAbove = replaysAbove;
    this.#options = options;
  }

  /** To be called when broadcasts reach the member: from then on none may be missed. Resolves when what was stored is sent. */
  start(socket: Socket): Promise<void> {
    this.#socket = socket;
    return this.#persist(socket, async () => {
      await this.#replay(socket);
      await this.#catchUp(socket);
    });
  }

  /** Stores what the member itself sends for this stream: it gets no echo of that. */
  async sending<S extends { readonly ok: true; readonly ordinal: number } | { readonly ok: false }>(
    what: Sent,
    store: () => Promise<S>,
  ): Promise<S> {
    this.#sent.set(what, 'under way');
    let ordinal: number | undefined;
    try {
      const stored = await store();
      if (stored.ok) ordinal = stored.ordinal;
      return stored;
    } finally {
      const withheld = this.#withheld.get(what);
      this.#withheld.delete(what);
      const isPassed = ordinal === undefined || this.#isNext(ordinal) || ordinal < this.#next;
      if (isPassed) this.#sent.delete(what);
      else this.#sent.set(what, 'stored');
      // What was there already is another's, and news to the member.
      if (ordinal === undefined && withheld && this.#socket) void this.#persist(this.#socket, withheld);
    }
  }

  /** A chunk was stored. */
  chunkStored({ ordinal, seq, chunk }: Chunk): void {
    if (this.#isNext(ordinal)) this.#socket?.push(`${this.stream}_stream`, { chunk, seq });
  }

  /** The stream was completed. */
  completed(ordinal: number, completion: CompletionPayload): void {
    if (this.#isNext(ordinal)) this.#socket?.push(`${this.stream}_complete`, completion);
  }

  /** Something with this ordinal is in the store; its broadcast may have been lost. */
  heardOf(ordinal: number): void {
    this.#heard = Math.max(this.#heard, ordinal + 1);
    if (!this.#catchingUp && this.#next < this.#heard) this.#startCatchingUp();
  }

  /** Broadcasts may have been lost: looks at what the store has. */
  async look(): Promise<void> {
    const head = this.#socket && (await this.#options.chunks.head(this.#socket.id, this.stream));
    if (head) this.heardOf(totalOf(head) - 1);
  }

  #isNext(ordinal: number): boolean {
    if (!this.#catchingUp && ordinal === this.#next) {
      this.#next++;
      this.#heard = Math.max(this.#heard, this.#next);
      return true;
    }
    this.heardOf(ordinal);
    return false;
  }

  #startCatchingUp(): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#catchingUp = true;
    void this.#persist(socket, () => this.#catchUp(socket));
  }

  /** Until it is done, however often the store is out of reach: what was sent is not sent again. */
  async #persist(socket: Socket, work: () => Promise<void>): Promise<void> {
    while (!socket.ended) {
      try {
        return await work();
      } catch (error) {
        this.#options.log.warn({ err: error, task: socket.id }, 'replay paused: the store does not answer');
        await sleep(RETRY_MS);
      }
    }
  }

  #replayed: { readonly ordinals: number; readonly lastSeq: number; from: number } | undefined;

  async #replay(socket: Socket): Promise<void> {
    const { chunks } = this.#options;
    if (!this.#replayed) {
      const head = await chunks.head(socket.id, this.stream);
      if (!head) return;
      const from = this.#replaysAbove === undefined ? head.lastSeq + 1 : this.#replaysAbove + 1;
      this.#replayed = { ordinals: head.count, lastSeq: head.droppedAtSeq === null ? head.lastSeq : -1, from };
      this.#heard = Math.max(this.#heard, totalOf(head));
    }
    const replay = this.#replayed;
    while (replay.from <= replay.lastSeq && !socket.ended) {
      const page = await chunks.from(socket.id, this.stream, replay.from, this.#pageSize);
      if (page.length === 0) break;
      for (const chunk of page) {
        // Those stored since then come behind, in the order in which they were stored.
        if (chunk.ordinal < replay.ordinals && chunk.seq <= replay.lastSeq) await this.#send(socket, chunk);
        replay.from = chunk.seq + 1;
      }
      await this.#turn(page);
    }
    this.#next = Math.max(this.#next, replay.ordinals);
  }

  /** Sends what was heard of and has not gone out; then the member is live. */
  async #catchUp(socket: Socket): Promise<void> {
    const { chunks } = this.#options;
    while (this.#next < this.#heard && !socket.ended) {
      const page = await chunks.inOrder(socket.id, this.stream, this.#next, this.#pageSize);
      for (const chunk of page) {
        if (chunk.ordinal < this.#next) continue;
        await this.#send(socket, chunk);
        this.#next = chunk.ordinal + 1;
      }
      if (page.length === 0) await this.#finish(socket);
      await this.#turn(page);
    }
    this.#catchingUp = false;
  }

  /** No more chunks: the news was the completion, or all chunks were dropped since. */
  async #finish(socket: Socket): Promise<void> {
    const head = await this.#options.chunks.head(socket.id, this.stream);
    if (head?.completion && head.droppedAtSeq === null && this.#next === head.count) {
      const { checksum, totalSize } = head.completion;
      await this.#sendUnlessOwn('completion', () =>
        this.#sendPaced(socket, `${this.stream}_complete`, { checksum, total_size: totalSize }),
      );
    }
    this.#next = this.#heard;
  }

  async #send(socket: Socket, { chunk, seq }: Chunk): Promise<void> {
    await this.#sendUnlessOwn(seq, () => this.#sendPaced(socket, `${this.stream}_stream`, { chunk, seq }));
  }

  async #sendUnlessOwn(what: Sent, send: () => Promise<void>): Promise<void> {
    const own = this.#sent.get(what);
    if (!own) return send();
    this.#sent.delete(what);
    if (own === 'under way') this.#withheld.set(what, send);
  }

  async #sendPaced(socket: Socket, event: keyof typeof pushes, payload: object): Promise<void> {
    const room = socket.writable();
    if (room) await room;
    socket.pushSnapshot(event, JSON.stringify(payload));
  }

  /** Others have their turn; the next page is as large as its chunks allow. */
  async #turn(page: readonly Chunk[]): Promise<void> {
    const size = page.reduce((sum, { chunk }) => sum + chunk.length, 0);
    const fitting = Math.floor((PAGE_BYTES * page.length) / Math.max(size, 1));
    this.#pageSize = Math.max(1, Math.min(fitting, 2 * this.#pageSize, MAX_PAGE));
    await nextTurn();
  }
}

/** Ordinals given out, the completion's too. */
const totalOf = ({ count, completion }: Stream) => count + (completion ? 1 : 0);
