import type { AccountSocket } from '../../allowance/accounts.ts';
import { MAX_MESSAGE_COST, type SocketAllowance } from '../../allowance/socket_allowance.ts';
import type { Log } from '../../log.ts';
import {
  type CloseCause,
  checkClose,
  type RawAccepted,
  type RawSession,
  type RawSocket,
  type RawTerms,
} from '../../raw_socket.ts';
import type { MindedConnection, Watch } from '../../runtime/connections.ts';
import type { RuntimeStats } from '../../runtime/context.ts';
import { closeCodes } from '../../runtime/transport.ts';
import { connected, type Why } from '../../socket.ts';
import type { RawTransport } from './transport.ts';

/** So much of the end of a message tells it from others. */
const CONTENT_TAIL = 128;

export interface RawConnectionParts {
  readonly accepted: RawAccepted;
  readonly transport: RawTransport;
  /** The client's allowance; `undefined`: no bound. */
  readonly allowance: SocketAllowance | undefined;
  readonly maxFrameBytes: number;
  readonly stats: RuntimeStats;
  readonly log: Log;
  /** Has the endpoint mind a connection that is somebody's from now on. */
  readonly onIdentified: (connection: RawConnection) => void;
  /** Counts a credential that the session has refused. */
  readonly onRefused: (why: Why) => void;
}

/** One client's raw socket: brings what comes to its session, within what the client may send. */
export class RawConnection implements MindedConnection, AccountSocket, RawSocket {
  socket: Pick<RawAccepted, 'connected'>;
  #isIdentified = false;
  readonly channels = [];
  readonly transport: RawTransport;
  heardAtMs = Date.now();
  pingedAtMs = 0;
  watch: Watch | undefined;
  lookedAtMs = 0;
  readonly #parts: RawConnectionParts;
  #session: RawSession | undefined;
  #isClosing = false;
  #closed = false;

  constructor(parts: RawConnectionParts) {
    this.#parts = parts;
    this.socket = parts.accepted;
    this.transport = parts.transport;
    parts.allowance?.enter(this);
  }

  /** Has the author take over. To be called once, when everything else is ready. */
  start(): void {
    try {
      this.#session = this.#parts.accepted.start(this);
    } catch (error) {
      this.#failed(error);
    }
  }

  // ---- what comes in

  receive(data: string | Uint8Array): void {
    const session = this.#session;
    if (this.#closed || !session) return;
    this.heardAtMs = Date.now();
    this.#parts.stats.messagesIn++;
    if (isLonger(data, this.#parts.maxFrameBytes)) {
      return this.close(closeCodes.tooLarge, 'frame too large', 'frame_too_large');
    }
    if (typeof data !== 'string' && !session.binary) {
      return this.close(closeCodes.unsupported, 'text only', 'binary_unsupported');
    }
    try {
      const retryAfterMs = this.#takeRoom(session, data);
      // It may have been one too many.
      if (this.#closed) return;
      if (retryAfterMs > 0) {
        this.#parts.stats.rateLimited++;
        return session.refused(retryAfterMs, data);
      }
      // What uWebSockets.js hands over is its own again when this returns.
      const taking = typeof data === 'string' ? session.message(data) : session.binary?.(data.slice());
      if (taking instanceof Promise) taking.catch((error: unknown) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
    }
  }

  #takeRoom(session: RawSession, data: string | Uint8Array): number {
    const { allowance } = this.#parts;
    if (!allowance) return 0;
    const cost = Math.min(MAX_MESSAGE_COST, Math.max(1, session.cost?.(data) || 1));
    return allowance.take(cost, data.length, performance.now(), () => contentOf(data));
  }

  receiveControl(bytes: number): void {
    this.heardAtMs = Date.now();
    // The transport has answered a ping by then, and nobody may be reading the pongs.
    this.transport.mindBacklog();
    const { allowance, stats } = this.#parts;
    if (allowance?.takeControl(bytes, performance.now()) === false) stats.dropped++;
  }

  receivePong(payload: ArrayBuffer): void {
    const text = Buffer.from(payload).toString();
    // One that the session asked for costs the client nothing: it has no say in how many there are.
    if (!this.transport.takePong(text)) return this.receiveControl(payload.byteLength);
    this.heardAtMs = Date.now();
    this.#call((session) => session.pong?.(text));
  }

  /** Some of what waited is sent. */
  drained(): void {
    this.transport.drained();
    this.#call((session) => session.drained?.());
  }

  mindReader(): void {
    if (this.transport.takeCaughtUp()) this.drained();
  }

  #call(what: (session: RawSession) => void): void {
    if (this.#closed || !this.#session) return;
    try {
      what(this.#session);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { stats, log } = this.#parts;
    stats.faults++;
    log.error({ err: error, id: this.socket.connected.ids[0] }, 'message failed');
    this.close(closeCodes.internalError, '', 'fault');
  }

  // ---- what an author calls

  get bufferedBytes(): number {
    return this.transport.bufferedBytes;
  }

  get isOpen(): boolean {
    return this.transport.isOpen;
  }

  send(data: string | Uint8Array): 'sent' | 'queued' | 'closed' {
    if (!this.isOpen) return 'closed';
    this.#parts.stats.messagesOut++;
    this.transport.send(data);
    if (!this.isOpen) return 'closed';
    return this.bufferedBytes > 0 ? 'queued' : 'sent';
  }

  ping(payload: string): boolean {
    return this.transport.pingWith(payload);
  }

  identify(terms: RawTerms): void {
    if (this.#isIdentified) throw new Error('This socket is somebody’s already: identify it once.');
    this.#isIdentified = true;
    if (this.#closed) return terms.onClose?.();
    const opened = this.socket.connected.onClose;
    const onClose = () => {
      opened?.();
      terms.onClose?.();
    };
    this.socket = { connected: connected({}, { ...terms, onClose }) };
    this.#parts.onIdentified(this);
  }

  refuseCredential(why: Why): void {
    this.#parts.onRefused(why);
  }

  // ---- the end

  /** @param cause why the server closes it; left out: its author does */
  close(code: number, reason = '', cause?: CloseCause): void {
    if (cause === undefined) checkClose(code, reason);
    if (this.#closed || this.#isClosing) return;
    this.#isClosing = true;
    const sent = (cause && this.#lastWords(cause)) ?? code;
    this.transport.close(sent, reason);
    this.closed(sent);
  }

  #lastWords(cause: CloseCause): number | undefined {
    try {
      const code = this.#session?.closing?.(cause);
      if (code !== undefined) checkClose(code, '');
      return code;
    } catch (error) {
      this.#parts.log.error({ err: error, cause }, 'closing failed');
      return undefined;
    }
  }

  closeForFlood(): void {
    if (this.#closed) return;
    this.#parts.stats.floodCloses++;
    this.close(closeCodes.flood, 'too many messages', 'flood');
  }

  /** The socket is gone. Twice is fine. */
  closed(code: number): void {
    if (this.#closed) return;
    this.#closed = true;
    const { allowance, log } = this.#parts;
    this.transport.closed(code);
    allowance?.leave(this);
    try {
      this.#session?.closed(code);
    } catch (error) {
      log.error({ err: error }, 'closing failed');
    }
    this.socket.connected.onClose?.();
  }
}

/** True if it has more bytes on the wire. */
function isLonger(data: string | Uint8Array, maxBytes: number): boolean {
  if (typeof data !== 'string') return data.length > maxBytes;
  // A UTF-16 unit has at most three bytes of UTF-8.
  return data.length * 3 > maxBytes && Buffer.byteLength(data) > maxBytes;
}

/** The content by which a message is known when it is sent again. */
function contentOf(data: string | Uint8Array): string {
  const tail = data.slice(-CONTENT_TAIL);
  return `${data.length} ${typeof tail === 'string' ? tail : Buffer.from(tail).toString('latin1')}`;
}
