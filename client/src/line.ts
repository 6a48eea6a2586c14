import { Socket } from 'phoenix';
import type { AerieError } from './error.ts';
import { lateSocket, type TransportClass } from './late_socket.ts';
import { Listeners } from './listeners.ts';
import type { Pace } from './pace.ts';

/** How an agent stands with the server. */
export type State =
  | { readonly name: 'connecting' | 'online' | 'closed' }
  /** Tries again in `delayMs`. */
  | { readonly name: 'reconnecting'; readonly delayMs: number }
  /** Not let in. It goes on trying, unless the credential is dead and no other can be asked for. */
  | { readonly name: 'refused'; readonly reason: string };

export interface LineOptions {
  /** `http://host:port` */
  readonly url: string;
  readonly pace: Pace;
  readonly transport?: TransportClass | undefined;
  /** Gives the credential, before each connect. */
  ask(): Promise<string>;
  /** Asks the server why the agent was not let in. @returns nothing where it was not refused, or gives no answer */
  why(): Promise<{ readonly error: AerieError; readonly isFinal: boolean } | undefined>;
}

/** A push that waits for its answer. Whoever makes one takes it from the line when it is settled. */
export interface Waiting {
  /** Sends it, if that can be done now and was not done yet. */
  send(): void;
  fail(error: AerieError): void;
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
  readonly #waiting = new Set<Waiting>();
  readonly #why: LineOptions['why'];
  #state: State = { name: 'connecting' };
  #failure: AerieError | undefined;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;

  constructor({ url, pace, transport, ask, why }: LineOptions) {
    this.pace = pace;
    this.#why = why;
    this.socket = new Socket(`${url.replace(/^http/, 'ws')}/socket`, {
      transport: lateSocket(ask, () => void this.#refused(), transport) as never,
      reconnectAfterMs: (tries) => {
        const delayMs = DELAYS_MS[tries - 1] ?? LONGEST_DELAY_MS;
        if (this.#state.name !== 'refused') this.#become({ name: 'reconnecting', delayMs });
        return delayMs;
      },
    });
    this.socket.onOpen(() => this.#become({ name: 'online' }));
    this.socket.connect();
  }

  get state(): State {
    return this.#state;
  }

  /** Why nothing goes out any more. */
  get failure(): AerieError | undefined {
    return this.#failure;
  }

  /** @returns what takes the listener off again */
  onState(listener: (state: State) => void): () => void {
    return this.#states.add(listener);
  }

  /** Takes a push that waits for its answer. */
  add(waiting: Waiting): void {
    if (this.#failure) return waiting.fail(this.#failure);
    this.#waiting.add(waiting);
    this.flush();
  }

  remove(waiting: Waiting): void {
    this.#waiting.delete(waiting);
  }

  /** Sends what can be sent, in the order in which it was asked for, as soon as the pace allows. */
  flush(): void {
    clearTimeout(this.#flushTimer);
    const { pauseMs } = this.pace;
    if (pauseMs > 0) this.#flushTimer = setTimeout(() => this.flush(), pauseMs);
    else for (const waiting of [...this.#waiting]) waiting.send();
  }

  /** Ends everything that waits, for good. */
  fail(error: AerieError, state: State): void {
    if (this.#failure) return;
    this.#failure = error;
    clearTimeout(this.#flushTimer);
    for (const waiting of [...this.#waiting]) waiting.fail(error);
    this.#waiting.clear();
    this.#become(state);
  }

  /** Resolves when the connection is gone. */
  disconnect(): Promise<void> {
    return new Promise((resolve) => this.socket.disconnect(resolve));
  }

  async #refused(): Promise<void> {
    const refused = await this.#why();
    if (!refused || this.#failure || this.#state.name === 'online') return;
    const state: State = { name: 'refused', reason: refused.error.reason };
    if (!refused.isFinal) return this.#become(state);
    this.fail(refused.error, state);
    await this.disconnect();
  }

  #become(state: State): void {
    if (this.#failure && state.name !== 'closed' && state.name !== 'refused') return;
    this.#state = state;
    this.#states.tell(state);
  }
}
