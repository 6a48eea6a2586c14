import type { RawSocket } from '../../server/index.ts';
import type { LogEntry } from './entries.ts';
import type { AskedRequest, LiveEvent } from './feed.ts';

/** The ear of a dialect: it is told everything in order, and turns it into frames. */
export interface UserDialect {
  /** An entry of the log, each once on this socket, in the order of seq. */
  entry(entry: LogEntry): void;
  /** Something that the agent does beside the log. */
  live(event: LiveEvent): void;
  /** The user has to answer this request: now, or again on this connect. */
  asked(request: AskedRequest): void;
  /** Everything of the log that was due on this connect was told. */
  caughtUp?(): void;
  agentJoined(): void;
  /** The agent did not come in time for this user message. */
  agentUnavailable(about: { readonly seq: number; readonly execution_id: string }): void;
  /** The end was brought to the user, and read where the client answers pings: the socket is to be closed. */
  over(): void;
}

/** The socket under a dialect. */
export type UserWire = Pick<RawSocket, 'ping' | 'isOpen' | 'bufferedBytes'>;

/** A user message that is stored, or was before. */
export interface TakenMessage {
  readonly ok: true;
  readonly seq: number;
  readonly executionId: string;
  readonly duplicate: boolean;
  /** True if a joined agent has it now. */
  readonly agentIsThere: boolean;
}
