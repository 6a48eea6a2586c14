import type { Channel } from 'phoenix';
import { type Abortable, abortable, waitFor } from './abort.ts';
import { deferred } from './deferred.ts';
import { AerieError, refusal } from './error.ts';
import type { Line, Waiting } from './line.ts';
import { Listeners, report } from './listeners.ts';

/** The official client gives a listener the refs of a message too; its types leave them out. */
type OnReply = (payload: { status: string; response: unknown }, ref: string, joinRef: string) => void;

/** Refusals of a join that are for good. After others the official client joins again by itself. */
const FINAL = ['not_found', 'unauthorized', 'forbidden', 'invalid_payload', 'unsupported'];

export interface CallOptions extends Abortable {
  /** Called each time that it goes out. */
  readonly onSent?: () => void;
}

/** A joined channel. What is pushed on it is pushed again after a reconnect, until it is answered. */
export class Topic<Joined = unknown> {
  readonly name: string;
  readonly #line: Line;
  readonly #channel: Channel;
  readonly #joins = new Listeners<Joined>();
  readonly #failures = new Listeners<AerieError>();
  readonly #answers = new Map<string, (status: string, response: unknown) => void>();
  readonly #calls = new Set<Waiting & { lost(): void }>();
  readonly #first = deferred<Joined>();
  #joinRef: string | undefined;
  #failure: AerieError | undefined;
  #isLeaving = false;
  #hasEnded = false;
  #end: AerieError | undefined;

  /** @param params asked at each join, so that a later one goes on where the topic is by then */
  constructor(line: Line, name: string, params: () => object = () => ({})) {
    this.name = name;
    this.#line = line;
    this.#channel = line.socket.channel(name, params);
    this.#channel.on('phx_reply', ((payload, ref, joinRef) => {
      const answer = this.#answers.get(ref);
      if (answer) answer(payload.status, payload.response);
      else if (payload.status === 'ok' && ref === joinRef) this.#joined(joinRef, payload.response as Joined);
    }) as OnReply as never);
    this.#channel.onError(() => this.#lost());
    this.#channel.onClose(() => this.#fail(this.#failure ?? new AerieError('closed')));
  }

  /** Joins. Listeners should be there by then. */
  join(): this {
    this.#channel.join().receive('error', (response: unknown) => {
      const refused = refusal(response);
      if (!FINAL.includes(refused.reason)) return;
      this.#fail(refused);
      this.leave();
    });
    return this;
  }

  /** The answer to the first join. @throws AerieError where it is refused for good */
  joined({ signal }: Abortable = {}): Promise<Joined> {
    return waitFor(this.#first.promise, signal, 'none');
  }

  /** Tells of this and every later join, and of what it answered. @returns what takes the listener off again */
  onJoin(listener: (joined: Joined) => void): () => void {
    return this.#joins.add(listener);
  }

  /** Tells once that nothing comes any more: refused, left or closed. */
  onEnd(listener: (error: AerieError) => void): void {
    if (this.#hasEnded && this.#failure) listener(this.#failure);
    else this.#failures.add(listener);
  }

  /** @returns what takes the listener off again */
  on<Payload>(event: string, listener: (payload: Payload) => void): () => void {
    const ref = this.#channel.on(event, (payload: Payload) => {
      try {
        listener(payload);
      } catch (error) {
        report(error);
      }
    });
    return () => this.#channel.off(event, ref);
  }

  /**
   * Pushes, and pushes the same again after each reconnect, until the server has answered.
   *
   * @throws AerieError with the server's reason; `unavailable` and `rate_limited` are waited out
   */
  call<Answer = unknown>(event: string, payload: object, { signal, onSent }: CallOptions = {}): Promise<Answer> {
    return abortable(signal, (resolve, reject) => {
      let ref: string | undefined;
      let wasSent = false;
      const settle = () => {
        if (ref) this.#answers.delete(ref);
        this.#calls.delete(call);
        this.#line.remove(call);
        if (this.#isLeaving) this.#leaveIfIdle();
      };
      const call = {
        send: () => {
          if (ref !== undefined || this.#joinRef === undefined) return;
          const { socket, pace } = this.#line;
          if (pace.pauseMs > 0 || !socket.isConnected()) return;
          ref = socket.makeRef();
          wasSent = true;
          onSent?.();
          this.#answers.set(ref, answered);
          socket.push({ topic: this.name, event, payload, ref, join_ref: this.#joinRef });
        },
        lost: () => {
          if (ref) this.#answers.delete(ref);
          ref = undefined;
        },
        fail: (error: AerieError) => {
          settle();
          const { reason, message, details } = error;
          reject(new AerieError(reason, { message, details, outcome: wasSent ? 'unknown' : 'none' }));
        },
      };
      const answered = (status: string, response: unknown) => {
        const { pace } = this.#line;
        const refused = status === 'ok' ? undefined : refusal(response);
        if (!refused?.retryable) {
          settle();
          pace.answered();
          return refused ? reject(refused) : resolve(response as Answer);
        }
        call.lost();
        if (refused.reason === 'rate_limited') pace.rateLimited(refused.retryAfterMs);
        else pace.unavailable();
        this.#line.flush();
      };
      if (this.#failure) {
        reject(this.#failure);
        return () => 'none';
      }
      this.#calls.add(call);
      this.#line.add(call);
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
      this.#channel.leave(2_000).receive('ok', done).receive('timeout', done);
    });
  }

  /** Leaves once every call is answered, since the server has at most 100 topics for a socket. @param error of later calls */
  end(error: AerieError): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#end = error;
    this.#leaveIfIdle();
  }

  #leaveIfIdle(): void {
    if (this.#calls.size > 0) return;
    this.#failure ??= this.#end;
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
    for (const call of this.#calls) call.lost();
  }

  #fail(error: AerieError): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#failure ??= error;
    this.#first.reject(error);
    this.#lost();
    for (const call of [...this.#calls]) call.fail(error);
    this.#failures.tell(error);
  }
}
