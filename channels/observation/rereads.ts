import { MULTI_AGENT_WATCH } from '../analytics/multi_agent_alerts.ts';
import { SESSION } from '../session/codec.ts';
import type { Reader } from './reader.ts';

/** Changes are gathered so long, and those of one thing read once. */
const GATHER_MS = 20;
const AGAIN_MS = 500;
const PAGE = 500;

/** What is to be read again because it has changed. */
export class Rereads {
  readonly #reader: Reader;
  readonly #onError: (error: unknown) => void;
  #waiting = new Map<string, Set<string>>();
  #working: Promise<void> | undefined;
  #isClosed = false;

  constructor(reader: Reader, onError: (error: unknown) => void) {
    this.#reader = reader;
    this.#onError = onError;
  }

  add(kind: string, id: string): void {
    const ids = this.#waiting.get(kind);
    if (ids) ids.add(id);
    else this.#waiting.set(kind, new Set([id]));
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** Resolves when what was added so far was read. */
  async settled(): Promise<void> {
    await this.#working;
  }

  close(): void {
    this.#isClosed = true;
  }

  async #work(): Promise<void> {
    let waitMs = GATHER_MS;
    while (this.#waiting.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (this.#isClosed) return;
      const taken = this.#waiting;
      this.#waiting = new Map();
      waitMs = GATHER_MS;
      for (const [kind, ids] of taken) {
        try {
          await this.#read(kind, [...ids]);
        } catch (error) {
          this.#onError(error);
          waitMs = AGAIN_MS;
          this.#waiting.set(kind, new Set([...(this.#waiting.get(kind) ?? []), ...ids]));
        }
      }
    }
  }

  async #read(kind: string, ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += PAGE) {
      const page = ids.slice(at, at + PAGE);
      if (kind === 'agent') await this.#reader.readAgents(page);
      else if (kind === SESSION) await this.#reader.readSessions(page);
      else if (kind === MULTI_AGENT_WATCH) await this.#reader.readWatches(page);
      else for (const id of page) await this.#reader.readOne(kind, id);
    }
  }
}
