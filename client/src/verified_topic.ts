import type { Connection } from './connection.ts';
import { deferred } from './deferred.ts';
import { type AerieError, evidenceMismatch, isReason } from './error.ts';
import { InTurn } from './in_turn.ts';
import { report } from './listeners.ts';
import { Topic } from './topic.ts';
import { Wake } from './wake.ts';

/** A topic about money: what comes is verified, one thing after the other. What does not fit is kept, and ends it for good. */
export class VerifiedTopic<Joined, End> extends Topic<Joined> {
  readonly #closed: AbortSignal;
  readonly #keep: (mismatch: unknown) => Promise<unknown>;
  readonly #turn = new InTurn();
  /** Of everything that was taken over, and of its end. */
  readonly news: Wake;
  /** Its end. Rejects with what did not fit, or why nothing comes any more. */
  readonly ended = deferred<End>();
  #failure: unknown;
  #isOver = false;

  /** @param keep keeps what did not fit */
  constructor({ line, closed }: Connection, name: string, keep: (mismatch: unknown) => Promise<unknown>) {
    super(line, name);
    this.#closed = closed;
    this.#keep = keep;
    this.news = new Wake(closed);
    this.onEnd((error) => this.#stop(error));
  }

  /** Reports what nobody waits for, unless it was stopped: then everybody is told. */
  complain(error: unknown): void {
    if (!this.#failure) report(error);
  }

  /** Joins it; resolves when what the server says of it is verified. @throws AerieError: what did not fit, or why it was refused */
  async enter(): Promise<void> {
    await this.join().joined;
    await this.hear(() => {});
  }

  /** @throws AerieError: what did not fit, or why nothing comes any more */
  demandSound(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Has each of these pushes looked at in its turn. What does not fit is told by `demandSound`. */
  onHeard<Payload>(event: string, look: (payload: Payload) => Promise<void> | void): void {
    this.on<Payload>(event, (payload) => void this.hear(() => look(payload)).catch(() => {}));
  }

  /** Looks at something once what came before it is verified. @throws AerieError: what did not fit, now or before */
  hear(look: () => Promise<void> | void): Promise<void> {
    return this.#turn.run(async () => {
      this.demandSound();
      try {
        await look();
      } catch (error) {
        if (this.#closed.aborted) throw error;
        // What cannot be read is no better than what contradicts. Anything else, as a keep that fails, is no fault of the server's.
        const isMalformed = error instanceof RangeError || error instanceof TypeError;
        const failure = isMalformed ? evidenceMismatch(String(error)) : error;
        if (isReason(failure, 'evidence_mismatch')) await this.#keep(failure.details).catch(report);
        this.#stop(failure);
        throw failure;
      }
    });
  }

  /** It has come to its end: nothing that comes later matters. */
  override end(error: AerieError): void {
    this.#isOver = true;
    super.end(error);
  }

  #stop(error: unknown): void {
    if (this.#isOver) return;
    this.#failure ??= error;
    this.ended.reject(this.#failure);
    this.news.wake();
  }
}
