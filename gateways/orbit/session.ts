import { randomUUID } from 'node:crypto';
import { newId } from '../../channels/kernel/ids.ts';
import { AGENT_MS } from '../../channels/session/agent_watch.ts';
import type { UserConnection } from '../../channels/session/user_connection.ts';
import type { UserDialect } from '../../channels/session/user_dialect.ts';
import type { UserSide } from '../../channels/session/user_side.ts';
import { type Log, type RawSession, type RawSocket, Unavailable } from '../../server/index.ts';
import {
  agentReady,
  agentStart,
  entryFrame,
  errorFrame,
  INVALID_JSON,
  liveFrames,
  readFrame,
  thinking,
} from './frames.ts';
import type { Awaited, Readiness } from './readiness.ts';
import { Turns, type TurnsOut } from './turns.ts';

/** A session that its user has made elsewhere and connects to by a token. */
export interface GivenSession {
  readonly id: string;
  /** The agent that its user named, or that it has. */
  readonly agentId: string | undefined;
  readonly capability: string;
}

export interface OrbitSessionOptions {
  readonly userSide: UserSide;
  readonly readiness: Readiness;
  /** Left out: one is made with the first message, and ends with the socket. */
  readonly given: GivenSession | undefined;
  /** The capability of agents that answer in sessions made here. */
  readonly capability: string;
  /** Time that one message may take. */
  readonly turnMs: number;
  /** Waits for work that goes on behind a socket that is gone. */
  readonly finish: (work: Promise<void>) => void;
  readonly log: Log;
}

/** An agent may take so long to come before the client is told that there is none. */
const READY_MS = 10_000;
const DONE = 1000;
const TRY_LATER = 1013;

/** One socket of a user in the ORBIT dialect: turns frames into calls, and what is told into frames. */
export class OrbitSession implements RawSession, UserDialect, TurnsOut {
  readonly #socket: RawSocket;
  readonly #options: OrbitSessionOptions;
  readonly #turns = new Turns(this);
  #connection: UserConnection | undefined;
  /** The session that was made here, or may have been: the store's answer may have been lost. */
  #madeId: string | undefined;
  #isMade = false;
  #isStarting: Promise<void> | undefined;
  readonly #late: NodeJS.Timeout;
  #turnEnd: NodeJS.Timeout | undefined;
  #agentEnd: NodeJS.Timeout | undefined;
  #beganAtMs = 0;
  /** The session has ended. */
  #isOver = false;
  #stopAwaiting: (() => void) | undefined;
  #stopSeeking: (() => void) | undefined;

  constructor(socket: RawSocket, options: OrbitSessionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.send(agentStart());
    this.#late = setTimeout(() => this.#error(`Initialization failed: ${this.#absence()}`), READY_MS);
    if (options.given) void this.#connectTo(options.given.id);
    else {
      this.#awaitAgent();
      this.#turns.open();
    }
  }

  #awaitAgent(): void {
    if (this.#isOver || !this.#socket.isOpen) return;
    this.#stopAwaiting = this.#options.readiness.wait(this.#awaited(), () => {
      clearTimeout(this.#late);
      this.#socket.send(agentReady());
    });
  }

  #awaited(): Awaited {
    const { given, capability } = this.#options;
    return given?.agentId === undefined ? { capability: given?.capability ?? capability } : { agentId: given.agentId };
  }

  #absence(): string {
    const awaited = this.#awaited();
    return 'agentId' in awaited
      ? `agent ${awaited.agentId} is not online`
      : `no agent with capability ${awaited.capability} is online`;
  }

  async #connectTo(sessionId: string): Promise<void> {
    try {
      if (!(await this.#connect(sessionId))) return this.#close(TRY_LATER, 'too many sockets');
    } catch (error) {
      this.#options.log.warn({ err: error, session: sessionId }, 'connecting a user to a session failed');
      return this.#close(TRY_LATER, 'try again');
    }
    this.#turns.open();
  }

  /** @returns undefined if the session has as many sockets already */
  async #connect(sessionId: string): Promise<UserConnection | undefined> {
    const onMade = (made: UserConnection) => {
      this.#connection = made;
    };
    const connecting = { dialect: this, wire: this.#socket, after: undefined, onMade };
    let connection: UserConnection | undefined;
    try {
      connection = await this.#options.userSide.connect(sessionId, connecting);
    } finally {
      this.#connection = connection;
    }
    if (!this.#socket.isOpen) connection?.close();
    return connection;
  }

  #close(code: number, reason: string): void {
    if (this.#socket.isOpen) this.#socket.close(code, reason);
  }

  // ---- frames of the client

  message(text: string): void {
    const frame = readFrame(text);
    if (!frame) return;
    if ('fault' in frame) return this.#error(frame.fault);
    if (!this.#turns.said(frame.content)) this.#error('Too many messages waiting');
  }

  binary(): void {
    this.#error(INVALID_JSON);
  }

  refused(): void {
    this.#error('Rate limit exceeded');
  }

  pong(payload: string): void {
    this.#connection?.pong(payload);
  }

  drained(): void {
    this.#connection?.drained();
  }

  closed(): void {
    this.#turns.close();
    this.#stopAwaiting?.();
    this.#stopSeeking?.();
    clearTimeout(this.#late);
    this.ended();
    this.#connection?.close();
    this.#options.finish(this.#leave());
  }

  /** Ends the session that was made here, also one that is only just being made. */
  async #leave(): Promise<void> {
    await this.#isStarting?.catch(() => {});
    if (this.#madeId !== undefined) await this.#options.userSide.disconnected(this.#madeId);
  }

  // ---- turns

  store(content: string): void {
    this.#say(content).catch((error: unknown) => {
      const incident = randomUUID();
      const { log } = this.#options;
      if (error instanceof Unavailable)
        log.warn({ err: error, incident }, 'a message of a user was not stored, or is not known to be');
      else log.error({ err: error, incident }, 'a message of a user failed');
      this.#turns.fail(`Server error: ${incident}`);
    });
  }

  async #say(content: string): Promise<void> {
    if (!this.#connection) {
      this.#isStarting = this.#start();
      await this.#isStarting;
    }
    if (!this.#socket.isOpen || !this.#connection) return;
    const said = await this.#connection.say(content, undefined, (executionId) => this.#turns.stored(executionId));
    if (said.ok) {
      if (said.agentIsThere) this.#turns.handed();
      return;
    }
    // The end is told by its entry.
    if (said.reason === 'session_closed') return this.#turns.dismiss();
    this.#turns.fail(`Invalid message: ${said.message}`);
  }

  /** Makes the session of this socket, and connects to it. */
  async #start(): Promise<void> {
    const { userSide, capability } = this.#options;
    this.#madeId ??= newId();
    if (!this.#isMade) {
      const made = await userSide.begin(this.#madeId, capability);
      if (!made.ok) throw new Error(`a session was not made: ${made.reason}`);
      this.#isMade = true;
    }
    if (this.#socket.isOpen) await this.#connect(this.#madeId);
  }

  began(executionId: string): void {
    this.#beganAtMs = Date.now();
    this.#turnEnd = setTimeout(() => {
      if (this.#turns.current === executionId) this.#turns.fail('Agent processing failed: timed out');
    }, this.#options.turnMs);
  }

  thinking(executionId: string): void {
    clearTimeout(this.#agentEnd);
    this.#socket.send(thinking(executionId));
  }

  failed(executionId: string | undefined, message: string): void {
    this.#error(message, executionId);
  }

  ended(): void {
    clearTimeout(this.#turnEnd);
    clearTimeout(this.#agentEnd);
  }

  // ---- what the domain tells

  entry(entry: Parameters<UserDialect['entry']>[0]): void {
    if (entry.type === 'session_closed') return this.#sessionClosed(entry.reason);
    if (entry.type !== 'user_message' && entry.type !== 'agent_message') return;
    const { execution_id: execution } = entry;
    if (!this.#isTold(execution)) return;
    if (entry.type === 'agent_message') this.#turns.atWork(execution);
    const frame = entryFrame(entry, { withSeq: this.#options.given !== undefined });
    if (frame !== undefined) this.#socket.send(frame);
    if (entry.type === 'user_message') this.#turns.received(entry.execution_id);
    else if (entry.final) this.#turns.answered(execution);
  }

  /** A client without a token hears of the message that is being answered, and of nothing else. */
  #isTold(execution: string | null | undefined): boolean {
    return this.#options.given !== undefined || (execution != null && execution === this.#turns.current);
  }

  live(event: Parameters<UserDialect['live']>[0]): void {
    const { execution_id: execution } = event;
    if (!this.#isTold(execution) || (execution !== undefined && this.#turns.isOver(execution))) return;
    this.#turns.atWork(execution);
    for (const frame of liveFrames(event)) this.#socket.send(frame);
  }

  /** Waits for the agent once the user has what it had not confirmed. */
  caughtUp(): void {
    if (this.#options.given) this.#awaitAgent();
  }

  agentJoined(): void {
    this.#turns.handed();
  }

  /** The domain tells at once where there is no agent to give the session to: one may come yet. */
  agentUnavailable({ execution_id }: Parameters<UserDialect['agentUnavailable']>[0]): void {
    this.#seekAgent();
    if (this.#turns.current !== execution_id || !this.#turns.isUnhanded) return;
    const leftMs = Math.max(0, this.#beganAtMs + AGENT_MS - Date.now());
    clearTimeout(this.#agentEnd);
    this.#agentEnd = setTimeout(() => {
      if (this.#turns.current !== execution_id || !this.#turns.isUnhanded) return;
      this.#turns.fail('Agent processing failed: agent unavailable');
    }, leftMs);
  }

  /** Has the session given to the first agent that comes, where it has none. */
  #seekAgent(): void {
    const connection = this.#connection;
    if (!connection || connection.agent || this.#stopSeeking || !this.#socket.isOpen) return;
    const { readiness, given, capability, log } = this.#options;
    this.#stopSeeking = readiness.wait({ capability: given?.capability ?? capability }, () => {
      this.#stopSeeking = undefined;
      const assigned = connection.assign().catch((error: unknown) => {
        log.warn({ err: error, session: connection.sessionId }, 'giving a session to an agent failed');
        return false;
      });
      void assigned.then((isAssigned) => {
        if (!isAssigned) setTimeout(() => this.#seekAgent(), SEEK_AGAIN_MS).unref();
      });
    });
  }

  /** The dialect has no word for a payment. */
  asked(): void {}

  #sessionClosed(reason: string): void {
    const message = `Session closed: ${reason}`;
    const execution = this.#turns.current;
    this.#isOver = true;
    this.#stopAwaiting?.();
    clearTimeout(this.#late);
    this.#turns.close();
    if (execution === undefined) this.#error(message);
    else this.#turns.fail(message);
  }

  over(): void {
    this.#close(DONE, 'session closed');
  }

  #error(message: string, execution?: string): void {
    this.#socket.send(errorFrame(message, execution));
  }
}

/** Pause before an agent is sought again that could not be given the session. */
const SEEK_AGAIN_MS = 1_000;
