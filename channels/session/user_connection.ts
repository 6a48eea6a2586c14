import type { Log, Refusal } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { refuse } from '../kernel/reasons.ts';
import type { AgentWatch } from './agent_watch.ts';
import type { Attendance } from './attendance.ts';
import type { Confirmations } from './confirmations.ts';
import { saidKey } from './draft.ts';
import type { LogEntry } from './entries.ts';
import type { AskedRequest, FeedItem, Feeds } from './feed.ts';
import { LogReader } from './log_reader.ts';
import { Looking } from './looking.ts';
import { contentRefusal } from './schema.ts';
import { askedNow, type Sessions } from './sessions.ts';
import type { Session } from './state.ts';
import type { TakenMessage, UserDialect, UserWire } from './user_dialect.ts';

/** Messages of one socket that wait for the store, and their text, at most. */
const MAX_WAITING = 1_000;
const MAX_WAITING_LENGTH = 1_048_576;
/** A client that answers no ping is taken to have read the end after so long. */
const LAST_PONG_MS = 1_000;
/** Bytes beyond which a replay waits for the reader. */
const REPLAY_BUFFER_BYTES = 256 * 1_024;

/** A socket that connects. */
export interface Connecting {
  readonly dialect: UserDialect;
  readonly wire: UserWire;
  /** The client has the log up to this seq; left out: as the server knows. */
  readonly after: number | undefined;
  /** Gets the connection at once: what the client sends waits there until it is open. */
  readonly onMade: (connection: UserConnection) => void;
}

/** Parts of the domain that a connection needs. */
export interface ConnectionParts {
  readonly sessions: Sessions;
  readonly store: Pick<Store, 'nowMs'>;
  readonly feeds: Feeds;
  readonly attendance: Attendance;
  readonly watch: AgentWatch;
  readonly confirmations: Confirmations;
  readonly log: Log;
}

type ConnectionOptions = ConnectionParts & Pick<Connecting, 'dialect' | 'wire'>;

/** One socket of the user on a session. */
export class UserConnection {
  readonly sessionId: string;
  readonly #options: ConnectionOptions;
  readonly #reader: LogReader<FeedItem>;
  /** Ends when the socket is let in: what it has sent until then waits. */
  #opening: Promise<unknown> | undefined;
  #waiting = 0;
  #waitingLength = 0;
  readonly #onClose: (() => void)[] = [];
  #isClosed = false;
  #isRefused = false;
  #agent: Session['agent'] = null;
  /** The request that this socket was last shown and has not answered. */
  #shown: AskedRequest | undefined;
  #toShow: NodeJS.Timeout | undefined;
  #sentSeq = 0;
  #confirmedSeq = 0;
  #endSeq: number | undefined;
  #lastPong: NodeJS.Timeout | undefined;
  readonly #looking: Looking;
  #drained: (() => void)[] = [];

  constructor(sessionId: string, options: ConnectionOptions) {
    this.sessionId = sessionId;
    this.#options = options;
    const { sessions } = options;
    const member = {
      entry: (entry: LogEntry) => this.#entry(entry),
      beside: (item: FeedItem) => this.#beside(item),
      writable: () => this.#writable(),
      hasEnded: () => this.#isClosed || !options.wire.isOpen,
    };
    const source = {
      read: (after: number, limit: number) => sessions.entries(sessionId, after, limit),
      head: async () => (await sessions.read(sessionId))?.entries ?? 0,
    };
    this.#reader = new LogReader(member, source, options.log);
    this.#looking = new Looking(() => this.#look(), member.hasEnded, options.log);
  }

  /** The session's agent, known before anything of it is told. */
  get agent(): Session['agent'] {
    return this.#agent;
  }

  /** Holds back what the client sends until it is open. */
  waitFor(opening: Promise<unknown>): void {
    this.#opening = opening
      .catch(() => {})
      .then(() => {
        this.#opening = undefined;
      });
  }

  /** Takes nothing that the client has sent: the socket is not let in. */
  refuseAll(): void {
    this.#isRefused = true;
    this.close();
  }

  /** Calls back when the socket is gone; at once if it is. */
  onClose(listener: () => void): void {
    if (this.#isClosed) listener();
    else this.#onClose.push(listener);
  }

  /** Brings what is due from now on. */
  async open(after: number | undefined): Promise<void> {
    const { feeds, sessions, store } = this.#options;
    const stop = await feeds.listen(this.sessionId, {
      heard: (item) => this.#heard(item),
      look: () => void this.#looking.soon(),
    });
    this.onClose(stop);
    if (this.#isClosed) return;
    const applied = await sessions.apply(this.sessionId, { type: 'user_connected' });
    if (!applied.ok) return;
    const session = applied.state;
    this.#agent = session.agent;
    const from = Math.min(after ?? session.confirmedSeq, session.entries);
    this.#sentSeq = from;
    this.#confirmedSeq = session.confirmedSeq;
    this.#reader.start(from);
    this.#reader.stored(session.entries);
    this.#reader.beside({ type: 'caught_up' });
    const asked = askedNow(session, await store.nowMs());
    if (asked) this.#reader.beside({ type: 'asked', request: asked });
    // All of it was read by another socket, or the client says that it has it.
    if (session.closing && from >= session.entries) this.#ended(session.entries);
  }

  /** Gives the session to an agent, if it has none and there is one now. Resolves to whether it has one. */
  async assign(): Promise<boolean> {
    const { sessions } = this.#options;
    const session = await sessions.read(this.sessionId);
    if (session) this.#agent ??= (await sessions.assign(session)).agent;
    return this.#agent !== null;
  }

  /**
   * Stores a user message. Messages of one socket are taken in the order in which they came.
   *
   * @param id the client's own, by which a repeat is recognised
   * @param onStored gets the name of its execution, before anything of it is told
   */
  say(content: string, id?: string, onStored?: (executionId: string) => void): Promise<TakenMessage | Refusal> {
    const refused = contentRefusal(content);
    if (refused) return Promise.resolve(refused);
    return this.#inOrder(() => this.#say(content, id, onStored), content.length);
  }

  async #say(
    content: string,
    id: string | undefined,
    onStored: ((executionId: string) => void) | undefined,
  ): Promise<TakenMessage | Refusal> {
    const { sessions, attendance, watch, feeds } = this.#options;
    const applied = await sessions.apply(this.sessionId, { type: 'user_message', id, content }, (events) => {
      for (const event of events) {
        if (event.type === 'appended' && event.entry.type === 'user_message') onStored?.(event.entry.execution_id);
      }
    });
    if (!applied.ok) return applied;
    for (const event of applied.events) {
      if (event.type !== 'appended' || event.entry.type !== 'user_message') continue;
      const { seq, execution_id } = event.entry;
      const session = await sessions.assign(applied.state);
      const agentIsThere = session.agent !== null && (await attendance.isThere('agent', this.sessionId));
      if (!session.agent) feeds.publish(this.sessionId, { type: 'agent_unavailable', seq, execution_id });
      else if (!agentIsThere) watch.watch(this.sessionId, { seq, execution_id });
      return { ok: true, seq, executionId: execution_id, duplicate: false, agentIsThere };
    }
    const said = id === undefined ? undefined : await sessions.readSaid(this.sessionId, saidKey('user', id));
    if (!said) return refuse('not_found');
    return { ok: true, seq: said.seq, executionId: said.executionId ?? '', duplicate: true, agentIsThere: false };
  }

  /**
   * Answers a request.
   *
   * @param requestId left out: the one that this socket was last shown, unless it has answered that
   */
  answer(approved: boolean, requestId?: string): Promise<{ readonly ok: true } | Refusal> {
    // Judged as it comes: a second click must not wait for the request behind the first.
    const meant = requestId ?? this.#shown?.request_id;
    if (meant === this.#shown?.request_id) this.#shown = undefined;
    if (meant === undefined) return Promise.resolve(refuse('no_pending_request'));
    return this.#inOrder(async () => {
      const { sessions } = this.#options;
      const applied = await sessions.apply(this.sessionId, { type: 'answer', requestId: meant, approved });
      if (!applied.ok) return applied;
      if (approved) await sessions.book(applied.state);
      return { ok: true };
    });
  }

  /** Ends the session, after what is being booked. */
  cancel(): Promise<{ readonly ok: true } | Refusal> {
    return this.#inOrder(async () => {
      const { sessions, sessionId } = { ...this.#options, sessionId: this.sessionId };
      const applied = await sessions.apply(sessionId, { type: 'close', by: 'user', reason: 'cancelled by the user' });
      return applied.ok ? { ok: true } : applied;
    });
  }

  /** The client has read all that was sent before the ping of this payload. */
  pong(payload: string): void {
    const seq = Number(payload);
    if (!Number.isSafeInteger(seq) || seq > this.#sentSeq) return;
    this.#confirm(seq);
    if (this.#endSeq !== undefined && this.#confirmedSeq >= this.#endSeq) return this.#over();
    this.#ping();
  }

  /** Some of what waited to be sent is sent. */
  drained(): void {
    if (this.#options.wire.bufferedBytes > REPLAY_BUFFER_BYTES) return;
    for (const go of this.#drained.splice(0)) go();
  }

  /** The socket is gone. Twice is fine. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { feeds, confirmations } = this.#options;
    clearTimeout(this.#toShow);
    clearTimeout(this.#lastPong);
    for (const go of this.#drained.splice(0)) go();
    for (const listener of this.#onClose) listener();
    feeds.publish(this.sessionId, { type: 'user_moved' });
    void confirmations.flush(this.sessionId);
  }

  #heard(item: FeedItem): void {
    if (item.type === 'entry') {
      this.#agent ??= item.agent;
      this.#reader.stored(item.entry.seq, item.entry);
    } else if (item.type !== 'user_moved') this.#reader.beside(item);
    if (item.type === 'agent_joined') this.#options.watch.came(this.sessionId);
  }

  /** Broadcasts may have been lost. */
  async #look(): Promise<void> {
    const { sessions, store } = this.#options;
    const session = await sessions.read(this.sessionId);
    if (!session) return;
    this.#agent ??= session.agent;
    this.#reader.stored(session.entries);
    const asked = askedNow(session, await store.nowMs());
    if (asked) this.#reader.beside({ type: 'asked', request: asked });
  }

  #entry(entry: LogEntry): void {
    this.#sentSeq = entry.seq;
    if ('request_id' in entry && entry.type !== 'payment_request') this.#requestEnded(entry.request_id);
    this.#options.dialect.entry(entry);
    if (entry.type === 'session_closed') this.#ended(entry.seq);
    this.#ping();
  }

  #beside(item: FeedItem): void {
    const { dialect } = this.#options;
    switch (item.type) {
      case 'live':
        return dialect.live(item.live);
      case 'asked':
        return this.#show(item.request);
      case 'caught_up':
        return dialect.caughtUp?.();
      case 'agent_joined':
        return dialect.agentJoined();
      case 'agent_unavailable':
        return dialect.agentUnavailable(item);
      case 'entry':
      case 'user_moved':
        return;
    }
  }

  #lastAsked: string | undefined;
  #lastEnded: string | undefined;

  #show(request: AskedRequest): void {
    // Read at the connect and heard of as well; or read while its end was being told, which stands before it here.
    if (request.request_id === this.#lastAsked || request.request_id === this.#lastEnded) return;
    this.#lastAsked = request.request_id;
    clearTimeout(this.#toShow);
    const show = () => {
      this.#shown = request;
      this.#options.dialect.asked(request);
    };
    if (request.shown_in_ms <= 0) return show();
    this.#toShow = setTimeout(show, request.shown_in_ms);
    this.#toShow.unref();
  }

  #requestEnded(requestId: string): void {
    this.#lastEnded = requestId;
    if (this.#shown?.request_id === requestId) this.#shown = undefined;
    if (this.#lastAsked === requestId) clearTimeout(this.#toShow);
  }

  #ended(seq: number): void {
    this.#endSeq = seq;
    clearTimeout(this.#toShow);
    if (this.#confirmedSeq >= seq) return this.#over();
    this.#lastPong = setTimeout(() => this.#over(), LAST_PONG_MS);
    this.#lastPong.unref();
  }

  #over(): void {
    clearTimeout(this.#lastPong);
    if (this.#isClosed) return;
    // Stored before the socket is closed: who comes back then is told that there is nothing more.
    void this.#options.confirmations.flush(this.sessionId).then(() => this.#options.dialect.over());
  }

  #confirm(seq: number): void {
    if (seq <= this.#confirmedSeq) return;
    this.#confirmedSeq = seq;
    this.#options.confirmations.confirm(this.sessionId, seq);
  }

  /** At most one is under way: clients end a connection on which many pongs wait. */
  #ping(): void {
    if (this.#sentSeq > this.#confirmedSeq) this.#options.wire.ping(String(this.#sentSeq));
  }

  #writable(): Promise<void> | undefined {
    if (this.#options.wire.bufferedBytes <= REPLAY_BUFFER_BYTES) return undefined;
    return new Promise((resolve) => {
      this.#drained.push(resolve);
    });
  }

  /**
   * Begins a step behind those that came before it. Each begins with a command on the session, and commands are decided in
   * the order in which they are given: a step need not wait for the end of the former, and shares its commit.
   */
  #inOrder<T>(step: () => Promise<T | Refusal>, length = 0): Promise<T | Refusal> {
    if (this.#waiting >= MAX_WAITING || this.#waitingLength + length > MAX_WAITING_LENGTH) {
      return Promise.resolve(refuse('rate_limited'));
    }
    this.#waiting++;
    this.#waitingLength += length;
    const begin = () => (this.#isRefused ? Promise.resolve(refuse('unavailable')) : step());
    const done: Promise<T | Refusal> = this.#opening ? this.#opening.then(begin) : begin();
    return done.finally(() => {
      this.#waiting--;
      this.#waitingLength -= length;
    });
  }
}
