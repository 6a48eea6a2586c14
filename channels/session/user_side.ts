import { setTimeout as sleep } from 'node:timers/promises';
import { type Hub, internalTopic, type Refusal, type Subscription } from '../../server/index.ts';
import { DISCONNECTED } from './sessions.ts';
import { isOver, type Session } from './state.ts';
import { type Connecting, type ConnectionParts, UserConnection } from './user_connection.ts';

export interface UserSideOptions extends ConnectionParts {
  readonly hub: Hub;
  readonly findOnline: (capability: string) => AsyncIterable<{ readonly id: string }>;
  /** Sockets of a user over all nodes and of all kinds. */
  readonly maxSocketsPerUser: number;
  /** This process, by which others know when its sockets are gone. */
  readonly host: string;
}

/** Sockets of its user per session, over all nodes. */
export const MAX_USER_SOCKETS = 5;
/** Pause before the end of a session is tried again. */
const RETRY_MS = 2_000;
const AGENT_HOMES = internalTopic('agent_homes');

/** The user's side of sessions, whatever the dialect (SESSIONS.md). */
export class UserSide {
  readonly #options: UserSideOptions;
  readonly #homeListeners = new Set<() => void>();
  readonly #homes: Subscription;
  #isClosed = false;

  constructor(options: UserSideOptions) {
    this.#options = options;
    this.#homes = options.hub.subscribe(AGENT_HOMES, () => {
      for (const listener of [...this.#homeListeners]) listener();
    });
    this.#homes.ready?.catch(() => {});
  }

  /** Reads a session that a user may connect to: not one that is gone, or over and read to its end. */
  async find(sessionId: string): Promise<Session | undefined> {
    const session = await this.#options.sessions.read(sessionId);
    return session && !isOver(session) ? session : undefined;
  }

  /**
   * Connects a socket of the user to a session. What is due comes to `dialect` from then on.
   *
   * @returns undefined if the user has as many sockets already
   * @throws StoreUnavailable, NodesUnavailable
   */
  async connect(sessionId: string, { dialect, wire, after, onMade }: Connecting): Promise<UserConnection | undefined> {
    const connection = new UserConnection(sessionId, { ...this.#options, dialect, wire });
    const opening = this.#open(connection, after);
    connection.waitFor(opening);
    onMade(connection);
    return (await opening) ? connection : undefined;
  }

  async #open(connection: UserConnection, after: number | undefined): Promise<boolean> {
    const { feeds, sessions } = this.#options;
    const { sessionId } = connection;
    try {
      if (!(await this.#enter(connection))) {
        connection.refuseAll();
        return false;
      }
      await connection.open(after);
    } catch (error) {
      connection.refuseAll();
      throw error;
    }
    feeds.publish(sessionId, { type: 'user_moved' });
    const session = await sessions.read(sessionId);
    if (session) await sessions.assign(session);
    return true;
  }

  /** Counts one more socket of the session and of its user. @returns whether there was room */
  async #enter(connection: UserConnection): Promise<boolean> {
    const { attendance, sessions, maxSocketsPerUser } = this.#options;
    const { sessionId } = connection;
    const userId = (await sessions.read(sessionId))?.userId;
    if (typeof userId === 'string') {
      const leaveAccount = await attendance.enterIfRoom('account', userId, maxSocketsPerUser);
      if (!leaveAccount) return false;
      connection.onClose(leaveAccount);
    }
    const leave = await attendance.enterIfRoom('user', sessionId, MAX_USER_SOCKETS);
    if (leave) connection.onClose(leave);
    return leave !== undefined;
  }

  /**
   * Makes a session without credits that ends with its socket.
   *
   * @param id chosen by the caller: after an unknown outcome it calls again, or ends what may be there
   */
  async begin(id: string, capability: string): Promise<{ readonly ok: true; readonly session: Session } | Refusal> {
    const { sessions, host } = this.#options;
    const fields = { userId: null, agentId: undefined, capability, autoPay: null, tiedTo: host };
    return sessions.make('socket', id, fields);
  }

  /** Ends a session whose socket is gone, however long the store is out of reach. */
  async disconnected(sessionId: string): Promise<void> {
    const { sessions, log } = this.#options;
    while (!this.#isClosed) {
      try {
        await sessions.apply(sessionId, { type: 'close', by: 'user', reason: DISCONNECTED });
        return;
      } catch (error) {
        log.warn(
          { err: error, session: sessionId },
          'closing a session whose socket is gone failed; it is tried again',
        );
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  /** True if an agent is online that would get a new session, and has joined its topic. */
  async isServed(capability: string): Promise<boolean> {
    const { findOnline, attendance } = this.#options;
    const ids: string[] = [];
    for await (const { id } of findOnline(capability)) {
      ids.push(id);
      if (ids.length === MAX_LOOKED_AT) break;
    }
    return ids.length > 0 && (await attendance.areThere('home', ids)).some(Boolean);
  }

  /** True if the session's agent has joined its topic. */
  async isAgentHome(agentId: string): Promise<boolean> {
    return this.#options.attendance.isThere('home', agentId);
  }

  /** Calls back whenever an agent has joined its topic, on any node. @returns a stop */
  onAgentHome(listener: () => void): () => void {
    this.#homeListeners.add(listener);
    return () => this.#homeListeners.delete(listener);
  }

  /** Tells all nodes that an agent has joined its topic. */
  agentCameHome(agentId: string): void {
    this.#options.hub.publish(AGENT_HOMES, { event: 'joined', payload: JSON.stringify({ id: agentId }) });
  }

  close(): void {
    this.#isClosed = true;
    this.#homes.stop();
  }
}

/** Online agents that are asked for. */
const MAX_LOOKED_AT = 100;
