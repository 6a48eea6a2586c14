import type { UserConnection } from '../../channels/session/user_connection.ts';
import type { UserDialect } from '../../channels/session/user_dialect.ts';
import type { UserSide } from '../../channels/session/user_side.ts';
import type { Log, RawSession, RawSocket, Refusal } from '../../server/index.ts';
import { Unavailable } from '../../server/index.ts';
import { type ErrorType, entryFrame, errorFrame, readFrame, requestFrame } from './frames.ts';

export interface OrchestratorSessionOptions {
  readonly userSide: UserSide;
  readonly log: Log;
}

/** The session is over for this socket. */
const DONE = 1000;
/** Too many sockets, or the store is out of reach: the client is to come back later. */
const TRY_LATER = 1013;

/** One socket of a session's user in the orchestrator's dialect: turns frames into calls, and what is told into frames. */
export class OrchestratorSession implements RawSession, UserDialect {
  readonly #socket: RawSocket;
  readonly #options: OrchestratorSessionOptions;
  #connection: UserConnection | undefined;

  /** @param after the log's seq up to which the client has everything, where it says so */
  constructor(socket: RawSocket, sessionId: string, after: number | undefined, options: OrchestratorSessionOptions) {
    this.#socket = socket;
    this.#options = options;
    void this.#connect(sessionId, after);
  }

  async #connect(sessionId: string, after: number | undefined): Promise<void> {
    try {
      const onMade = (connection: UserConnection) => {
        this.#connection = connection;
      };
      const connecting = { dialect: this, wire: this.#socket, after, onMade };
      const connection = await this.#options.userSide.connect(sessionId, connecting);
      if (!connection) return this.#close(TRY_LATER, 'too many sockets');
      if (!this.#socket.isOpen) return connection.close();
    } catch (error) {
      this.#options.log.warn({ err: error, session: sessionId }, 'connecting a user to a session failed');
      return this.#close(TRY_LATER, 'try again');
    }
  }

  #close(code: number, reason: string): void {
    if (this.#socket.isOpen) this.#socket.close(code, reason);
  }

  // ---- frames of the client

  message(text: string): void {
    const frame = readFrame(text);
    if ('fault' in frame) return this.#error('internal_error', frame.fault);
    const connection = this.#connection;
    if (!connection) return;
    if (frame.type === 'USER_MESSAGE') return this.#tellRefusal(connection.say(frame.content, frame.id));
    if (frame.type === 'PAYMENT_RESPONSE') return this.#tellRefusal(connection.answer(frame.approved, frame.requestId));
    return this.#tellRefusal(connection.cancel());
  }

  binary(): void {
    this.#error('internal_error', 'Expected a text frame.');
  }

  refused(retryAfterMs: number): void {
    this.#error('internal_error', `Too many messages: wait ${retryAfterMs} ms, then send it again.`);
  }

  pong(payload: string): void {
    this.#connection?.pong(payload);
  }

  drained(): void {
    this.#connection?.drained();
  }

  closed(): void {
    this.#connection?.close();
  }

  /** Tells what was not taken; what was has no receipt in this dialect. */
  #tellRefusal(answer: Promise<{ readonly ok: true } | Refusal>): void {
    answer.then(
      (answered) => {
        if (!answered.ok) this.#error('internal_error', answered.message);
      },
      (error: unknown) => {
        const isAway = error instanceof Unavailable;
        if (!isAway) this.#options.log.error({ err: error }, 'a message of a user failed');
        this.#error('internal_error', isAway ? 'Out of reach: what became of it is not known.' : 'An error of ours.');
      },
    );
  }

  // ---- what the domain tells

  entry(entry: Parameters<UserDialect['entry']>[0]): void {
    const frame = entryFrame(entry, this.#connection?.agent ?? null);
    if (frame !== undefined) this.#socket.send(frame);
  }

  asked(request: Parameters<UserDialect['asked']>[0]): void {
    this.#socket.send(requestFrame(request, this.#connection?.agent ?? null));
  }

  agentUnavailable(): void {
    this.#error('agent_unavailable', 'The agent is not there. The message reaches it when it comes.');
  }

  /** This dialect has no frame for what an agent does meanwhile. */
  live(): void {}
  agentJoined(): void {}

  over(): void {
    this.#close(DONE, 'session closed');
  }

  #error(type: ErrorType, message: string): void {
    this.#socket.send(errorFrame(type, message));
  }
}
