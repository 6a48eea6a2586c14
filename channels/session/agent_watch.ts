import type { Log } from '../../server/index.ts';
import type { Attendance } from './attendance.ts';
import type { Feeds } from './feed.ts';

/** An agent has so long to come after a user message. */
export const AGENT_MS = 10_000;
const TICK_MS = 250;

interface Watched {
  readonly sessionId: string;
  readonly seq: number;
  readonly execution_id: string;
  readonly dueAtMs: number;
}

/** Tells users of messages for which no agent came in time: those that this node has taken. */
export class AgentWatch {
  readonly #attendance: Attendance;
  readonly #feeds: Feeds;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  /** By session, the oldest first. */
  readonly #watched = new Map<string, Watched[]>();

  constructor(attendance: Attendance, feeds: Feeds, log: Log) {
    this.#attendance = attendance;
    this.#feeds = feeds;
    this.#log = log;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  watch(sessionId: string, about: { readonly seq: number; readonly execution_id: string }): void {
    const { seq, execution_id } = about;
    const watched = { sessionId, seq, execution_id, dueAtMs: Date.now() + AGENT_MS };
    const others = this.#watched.get(sessionId);
    if (others) others.push(watched);
    else this.#watched.set(sessionId, [watched]);
  }

  /** The agent has come. */
  came(sessionId: string): void {
    this.#watched.delete(sessionId);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowMs = Date.now();
    for (const [sessionId, watched] of this.#watched) {
      const due = watched.filter(({ dueAtMs }) => dueAtMs <= nowMs);
      if (due.length === 0) continue;
      const left = watched.slice(due.length);
      if (left.length > 0) this.#watched.set(sessionId, left);
      else this.#watched.delete(sessionId);
      this.#tell(sessionId, due).catch((error: unknown) =>
        this.#log.warn({ err: error }, 'telling of an absent agent failed'),
      );
    }
  }

  async #tell(sessionId: string, due: readonly Watched[]): Promise<void> {
    if (await this.#attendance.isThere('agent', sessionId)) return;
    for (const { seq, execution_id } of due)
      this.#feeds.publish(sessionId, { type: 'agent_unavailable', seq, execution_id });
  }
}
