import type { Log } from '../../server/index.ts';
import type { Sessions } from './sessions.ts';

/** Interval at which confirmations are stored: after a crash users may get again what they had for so long. */
const FLUSH_MS = 1_000;

/** Stores how far users have read their sessions' logs. */
export class Confirmations {
  readonly #sessions: Pick<Sessions, 'apply'>;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  readonly #seqs = new Map<string, number>();

  constructor(sessions: Pick<Sessions, 'apply'>, log: Log) {
    this.#sessions = sessions;
    this.#log = log;
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS);
    this.#timer.unref();
  }

  confirm(sessionId: string, seq: number): void {
    this.#seqs.set(sessionId, Math.max(seq, this.#seqs.get(sessionId) ?? 0));
  }

  /** Stores those of all sessions, or of one, now. */
  async flush(only?: string): Promise<void> {
    const due = [...this.#seqs].filter(([id]) => only === undefined || id === only);
    await Promise.all(due.map(([id, seq]) => this.#store(id, seq)));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  async #store(id: string, seq: number): Promise<void> {
    this.#seqs.delete(id);
    try {
      await this.#sessions.apply(id, { type: 'confirm', seq });
    } catch (error) {
      this.confirm(id, seq);
      this.#log.warn({ err: error, session: id }, 'storing how far a user has read failed; it is tried again');
    }
  }
}
