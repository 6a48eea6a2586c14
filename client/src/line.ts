import { Socket } from 'phoenix';
import { AerieError } from './error.ts';
import { FIRST_ANSWER_MS, type Http } from './http.ts';
import { Listeners } from './listeners.ts';
import type { Pace } from './pace.ts';
import { Wake } from './wake.ts';

/** A WebSocket, of the platform or another one. */
export type TransportClass = new (url: string, protocols: string[]) => unknown;

/** How an agent stands with the server. */
export type State =
  | { readonly name: 'connecting' | 'online' | 'closed' }
  /** Tries again in `delayMs`. */
  | { readonly name: 'reconnecting'; readonly delayMs: number }
  /** Not let in. It goes on trying, unless the credential is dead and no other can be asked for. */
  | { readonly name: 'refused'; readonly reason: string };

/** Why an agent was not let in. */
export interface Refused {
  readonly error: AerieError;
  /** No use in trying again. */
  readonly isFinal: boolean;
}

/** A topic on the line. */
export interface Joined {
  /** Sends what can be sent now. */
  flush(): void;
  /** Nothing comes any more, and no call goes out. */
  fail(error: AerieError): void;
  leave(): Promise<void>;
}

/** The delays of the official client before its tries to connect again, in milliseconds. */
const DELAYS_MS = [10, 50, 100, 150, 200, 250, 500, 1_000, 2_000];
const LONGEST_DELAY_MS = 5_000;

/** The one socket of an agent: its state, and everything that waits for an answer through it. */
export class Line {
  /** @internal */
  readonly socket: Socket;
  readonly pace: Pace;
  readonly #states = new Listeners<State>();
  readonly #changed: Wake;
  readonly #topics = new Set<Joined>();
  readonly #why: () => Promise<Refused | undefined>;
  #credential = '';
  #state: State = { name: 'connecting' };
  #failure: AerieError | undefined;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #askTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param why asks the server why the agent was not let in; nothing where it was not refused, or gives no answer */
  constructor(
    { url, pace, credentials, closed }: Http,
    transport: TransportClass | undefined,
    why: () => Promise<Refused | undefined>,
  ) {
    this.pace = pace;
    this.#changed = new Wake(closed);
    this.#why = why;
    this.socket = new Socket(`${url.replace('http', 'ws')}/socket`, {
      ...(transport && { transport: transport as never }),
      authToken: (() => this.#credential) as never,
      reconnectAfterMs: (tries) => {
        // It ended before it was open.
        if (tries > 1 || this.#state.name === 'connecting') void this.#refused();
        const delayMs = DELAYS_MS[tries - 1] ?? LONGEST_DELAY_MS;
        if (this.#state.name !== 'refused') this.#become({ name: 'reconnecting', delayMs });
        return delayMs;
      },
    });
    this.socket.onOpen(() => this.#become({ name: 'online' }));
    const connect = this.socket.connect.bind(this.socket);
    // The official client, which connects again by itself, wants the credential at once: so it is asked for before.
    this.socket.connect = async () => {
      try {
        this.#credential = await credentials.fresh();
        if (!this.#failure) connect();
      } catch {
        if (this.#failure) return;
        void this.#refused();
        this.#become({ name: 'reconnecting', delayMs: LONGEST_DELAY_MS });
        this.#askTimer = setTimeout(() => this.socket.connect(), LONGEST_DELAY_MS);
      }
    };
    this.socket.connect();
  }

  /** Waits until it is. @throws AerieError: why it was refused; `unavailable` after 10 s, unless a signal was given; `aborted` */
  async online(signal?: AbortSignal): Promise<void> {
    const late = signal ?? AbortSignal.timeout(FIRST_ANSWER_MS);
    while (this.#state.name !== 'online') {
      if (this.#failure) throw this.#failure;
      if (this.#state.name === 'refused') throw new AerieError(this.#state.reason, { retryable: true });
      await this.#changed.since(this.#changed.version, late).catch((error) => {
        throw signal ? error : new AerieError('unavailable');
      });
    }
  }

  get state(): State {
    return this.#state;
  }

  /** @returns what takes the listener off again */
  onState(listener: (state: State) => void): () => void {
    return this.#states.add(listener);
  }

  /** Takes a topic that is joined, until it ends. */
  add(topic: Joined): void {
    this.#topics.add(topic);
    if (this.#failure) topic.fail(this.#failure);
  }

  remove(topic: Joined): void {
    this.#topics.delete(topic);
  }

  /** Sends what can be sent, as soon as the pace allows. */
  flush(): void {
    clearTimeout(this.#flushTimer);
    const { pauseMs } = this.pace;
    if (pauseMs > 0) this.#flushTimer = setTimeout(() => this.flush(), pauseMs);
    else for (const topic of this.#topics) topic.flush();
  }

  /** Ends everything for good; resolves when the connection is gone. */
  async end(error: AerieError, state: State): Promise<void> {
    if (this.#failure) return;
    this.#failure = error;
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#askTimer);
    const topics = [...this.#topics];
    for (const topic of topics) topic.fail(error);
    this.#become(state);
    await Promise.all(topics.map((topic) => topic.leave()));
    await new Promise<void>((resolve) => this.socket.disconnect(resolve));
  }

  async #refused(): Promise<void> {
    const refused = await this.#why();
    if (!refused || this.#failure || this.#state.name === 'online') return;
    const state: State = { name: 'refused', reason: refused.error.reason };
    if (refused.isFinal) await this.end(refused.error, state);
    else this.#become(state);
  }

  #become(state: State): void {
    if (this.#failure && state.name !== 'closed' && state.name !== 'refused') return;
    this.#state = state;
    this.#states.tell(state);
    this.#changed.wake();
  }
}
