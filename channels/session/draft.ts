import { createHash } from 'node:crypto';
import type { StreamChange } from '../../server/store/index.ts';
import { type Decision, ok } from '../kernel/aggregate.ts';
import { iso } from '../kernel/iso.ts';
import { refuse } from '../kernel/reasons.ts';
import { sortedJson } from '../kernel/request_digest.ts';
import type { Event } from './commands.ts';
import { type LogEntry, MAX_ENTRIES, type NewEntry } from './entries.ts';
import type { Said, Session, SessionState } from './state.ts';

/** The stream of the store that holds a session's log, by seq. */
export const LOG = 'log';

/** Effects of one decision: the state it leaves, the entries it adds to the log, and its events. */
export class SessionDraft {
  session: Session;
  readonly events: Event[] = [];
  readonly entries: StreamChange[] = [];
  readonly #before: SessionState;
  readonly #nowMs: number;
  #said: Map<string, Said> | undefined;

  constructor(before: SessionState, nowMs: number) {
    this.#before = before;
    this.#nowMs = nowMs;
    this.session = before.session;
  }

  set(changes: Partial<Session>): void {
    this.session = { ...this.session, ...changes };
  }

  append(entry: NewEntry): LogEntry {
    const stored = { seq: this.session.entries + 1, ...entry, at: iso(this.#nowMs) } as LogEntry;
    this.set({ entries: stored.seq, lastEntryAtMs: this.#nowMs });
    this.entries.push({ stream: LOG, position: stored.seq, value: JSON.stringify(stored) });
    this.events.push({ type: 'appended', entry: stored });
    return stored;
  }

  remember(key: string, said: Said): void {
    this.#said ??= new Map(this.#before.said);
    this.#said.set(key, said);
  }

  get state(): SessionState {
    if (this.session === this.#before.session && !this.#said) return this.#before;
    return { session: this.session, said: this.#said ?? this.#before.said };
  }
}

export type SessionDecision = Decision<SessionState, Event>;

/** Turns a draft into a decision. */
export function done({ state, events, entries }: SessionDraft, dropStreams?: readonly string[]): SessionDecision {
  return ok({ state, events, ...(entries.length > 0 && { entries }), ...(dropStreams && { dropStreams }) });
}

/** The key under which something that a client said is remembered. */
export const saidKey = (by: 'user' | 'agent' | 'request', id: string) => `said:${by}:${id}`;

export const digestOf = (said: object) => createHash('sha256').update(sortedJson(said)).digest('base64url');

/** The repeat of something said before: yes without events, or `conflict` for other words under the same id. */
export function repeated(before: SessionState, said: Said | undefined, digest: string): SessionDecision | undefined {
  if (!said) return undefined;
  return said.digest === digest ? ok({ state: before, events: [] }) : refuse('conflict');
}

/** Refuses what no session that has ended, or whose log is full, takes. */
export function writeRefusal({ closing, entries }: Session) {
  if (closing) return refuse('session_closed', { reason: closing.reason });
  return entries >= MAX_ENTRIES ? refuse('session_full', { limit: MAX_ENTRIES }) : undefined;
}
