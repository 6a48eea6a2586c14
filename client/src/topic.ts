import type { Channel } from 'phoenix';
import { type Abortable, abortable } from './abort.ts';
import { deferred } from './deferred.ts';
import { AerieError, refusal, withOutcome } from './error.ts';
import type { Line } from './line.ts';
import { Listeners, tell } from './listeners.ts';

/** The official client gives a listener the refs of a message too; its types leave them out. */
type OnReply = (payload: { status: string; response: unknown }, ref: string, joinRef: string) => void;

/** Refusals of a join that are for good. After others the official client joins again by itself. */
const FINAL = ['not_found', 'unauthorized', 'forbidden', 'invalid_payload', 'unsupported'];

export interface CallOptions extends Abortable {
  /** Called each time that it goes out. */
  readonly onSent?: () => void;
}

/** A push that waits for its answer. */
interface Call {
  /** Of the frame in which it went out; nothing while it has to go out. */
  ref: string | undefined;
  /** Sends it, if that can be done now and was not done yet. */
  send(): void;
  fail(error: AerieError): void;
  answered(status: string, response: unknown): void;
}

/** A joined channel. What is pushed on it is pushed again after a reconnect, until it is answered. */
export class Topic<Joined = unknown> {
  readonly #name: string;
  readonly #line: Line;
  /** @internal */
  readonly channel: Channel;
  readonly #joins = new Listeners<Joined>();
  readonly #failures = new Listeners<AerieError>();
  readonly #calls = new Set<Call>();
  readonly #first = deferred<Joined>();
  #joinRef: string | undefined;
  /** Why no call goes out any more. */
  #failure: AerieError | undefined;
  /** The error to end with once every call is answered. */
  #end: AerieError | undefined;
  #hasEnded = false;

  /** @param params asked at each join, so that a later one goes on where the topic is by then */
  constructor(line: Line, name: string, params: () => object = () => ({})) {
    this.#name = name;
    this.#line = line;
    this.channel = line.socket.channel(name, params);
    this.channel.on('phx_reply', ((payload, ref, joinRef) => {
      const { status, response } = payload;
      if (status === 'ok' && ref === joinRef) this.#joined(joinRef, response as Joined);
      for (const call of this.#calls) if (call.ref === ref) call.answered(status, response);
    }) as OnReply as never);
    this.channel.onError(() => this.#lost());
    this.channel.onClose(() => this.fail(this.#failure ?? new AerieError('closed')));
  }

  /** Joins. Listeners should be there by then. */
  join(): this {
    this.#line.add(this);
    this.channel.join().receive('error', (response: unknown) => {
      const refused = refusal(response);
      if (!FINAL.includes(refused.reason)) return;
      this.fail(refused);
      this.leave();
    });
    return this;
  }

  /** The answer to the first join. Rejects where it is refused for good. */
  get joined(): Promise<Joined> {
    return this.#first.promise;
  }

  /** Tells of this and every later join, and of what it answered. @returns what takes the listener off again */
  onJoin(listener: (joined: Joined) => void): () => void {
    return this.#joins.add(listener);
  }

  /** Tells once that nothing comes any more: refused, left or closed. */
  onEnd(listener: (error: AerieError) => void): void {
    this.#failures.add(listener);
  }

  /** @returns what takes the listener off again */
  on<Payload>(event: string, listener: (payload: Payload) => void): () => void {
    const ref = this.channel.on(event, (payload: Payload) => tell(listener, payload));
    return () => this.channel.off(event, ref);
  }

  /**
   * Pushes, and pushes the same again after each reconnect, until the server has answered.
   *
   * @throws AerieError with the server's reason; `unavailable` and `rate_limited` are waited out
   */
  call<Answer = unknown>(event: string, payload: object, { signal, onSent }: CallOptions = {}): Promise<Answer> {
    return abortable(signal, (resolve, reject) => {
      let wasSent = false;
      const settle = () => {
        this.#calls.delete(call);
        this.#leaveIfIdle();
      };
      const call: Call = {
        ref: undefined,
        send: () => {
          const { socket, pace } = this.#line;
          if (call.ref || !this.#joinRef || pace.pauseMs > 0 || !socket.isConnected()) return;
          call.ref = socket.makeRef();
          wasSent = true;
          onSent?.();
          socket.push({ topic: this.#name, event, payload, ref: call.ref, join_ref: this.#joinRef });
        },
        fail: (error: AerieError) => {
          settle();
          reject(withOutcome(error, wasSent ? 'unknown' : 'none'));
        },
        answered: (status, response) => {
          const { pace } = this.#line;
          const refused = status === 'ok' ? undefined : refusal(response);
          if (!refused?.retryable) {
            settle();
            pace.answered();
            return refused ? reject(refused) : resolve(response as Answer);
          }
          call.ref = undefined;
          pace.refused(refused);
          this.#line.flush();
        },
      };
      if (this.#failure) {
        reject(this.#failure);
        return () => 'none';
      }
      this.#calls.add(call);
      this.#line.flush();
      return () => {
        settle();
        return wasSent ? 'unknown' : 'none';
      };
    });
  }

  /** Leaves; resolves when the server has heard of it, or within two seconds. */
  leave(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => resolve();
      this.channel.leave(2_000).receive('ok', done).receive('timeout', done);
    });
  }

  /** Leaves once every call is answered, since the server has at most 100 topics for a socket. @param error of later calls */
  end(error: AerieError): void {
    this.#end ??= error;
    this.#leaveIfIdle();
  }

  /** Sends what can be sent, in the order in which it was asked for. @internal */
  flush(): void {
    for (const call of this.#calls) call.send();
  }

  #leaveIfIdle(): void {
    if (!this.#end || this.#failure || this.#calls.size > 0) return;
    this.#failure = this.#end;
    void this.leave();
  }

  #joined(joinRef: string, joined: Joined): void {
    this.#joinRef = joinRef;
    this.#first.resolve(joined);
    this.#joins.tell(joined);
    this.#line.flush();
  }

  #lost(): void {
    this.#joinRef = undefined;
    for (const call of this.#calls) call.ref = undefined;
  }

  /** Nothing comes any more, and no call goes out. @internal */
  fail(error: AerieError): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#failure ??= error;
    this.#first.reject(error);
    this.#lost();
    for (const call of [...this.#calls]) call.fail(error);
    this.#line.remove(this);
    this.#failures.tell(error);
  }
}
