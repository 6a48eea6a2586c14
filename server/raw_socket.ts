import type { Awaitable } from './answer.ts';
import { type Connected, type ConnectRequest, connected, type Why } from './socket.ts';

/** A client of a raw socket that connects: one that speaks a wire of its author's and no Phoenix channels. */
export interface RawRequest extends Pick<ConnectRequest, 'params' | 'address' | 'mayLookUp'> {
  /** Values of the `:name` segments of the mount's path, decoded. */
  readonly pathParams: Readonly<Record<string, string>>;
  /** Those that the mount asks for, by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The credential, from wherever the mount takes one. */
  readonly credential: string | undefined;
}

/** One client's socket. */
export interface RawSocket {
  /**
   * Sends a text or a binary message, in order.
   *
   * `queued`: it waits in this process, since the client does not read as fast; past the mount's `maxBufferedBytes` the
   * client is closed (1013). `closed`: it goes nowhere.
   */
  send(data: string | Uint8Array): 'sent' | 'queued' | 'closed';
  /**
   * Sends a ping of 1 to 125 bytes. Its pong tells, by the session's `pong`, that the client has read all that was sent
   * before it. One at a time: some clients end a connection on which many pongs wait.
   *
   * @returns false, and sends nothing, while the pong of an earlier one is awaited or when the socket is closed
   * @throws RangeError for another length
   */
  ping(payload: string): boolean;
  /**
   * Says whose socket it is, for a wire whose clients show their credential in a message: as `openRaw` says it of others. From
   * then on the terms hold, and allowances are those of the account.
   *
   * @throws Error if that was said before
   */
  identify(terms: RawTerms): void;
  /** Counts and logs a credential that was shown in a message and refused, as a refused connect of the client's address. */
  refuseCredential(why: Why): void;
  /** Bytes that wait in this process to be sent. */
  readonly bufferedBytes: number;
  readonly isOpen: boolean;
  /**
   * Closes it; the session's `closed` is called before this returns.
   *
   * @param code 1000 to 1014 without 1004 to 1006, or 3000 to 4999
   * @param reason at most 123 bytes of UTF-8
   * @throws RangeError for others
   */
  close(code: number, reason?: string): void;
}

/** Why the server closes a socket by itself. */
export type CloseCause =
  /** The node ends (1012). */
  | 'drain'
  /** The time of its credential is over (1001). */
  | 'expired'
  /** Its credential does not hold any more (1001). */
  | 'revoked'
  /** `disconnect` was broadcast to one of its ids (1001). */
  | 'disconnected'
  /** Nothing was heard of it (1001). */
  | 'silent'
  /** Its account floods the node (1008). */
  | 'flood'
  /** A frame over the mount's `maxFrameBytes` (1009). */
  | 'frame_too_large'
  /** A binary message to a session that takes none (1003). */
  | 'binary_unsupported'
  /** It does not read (1013). */
  | 'too_slow'
  /** The session threw (1011). */
  | 'fault';

/**
 * The author's part of a socket. One that throws, or whose promise rejects, ends the socket (1011); messages do not
 * wait for each other's promises.
 */
export interface RawSession {
  message(text: string): Awaitable<void>;
  /** Takes a binary message, to keep. Left out: the socket takes none (1003). */
  binary?(bytes: Uint8Array): Awaitable<void>;
  /** As how many messages one counts, 1 to 10. Asked before each, so it looks at little of it. Left out: 1. */
  cost?(data: string | Uint8Array): number;
  /**
   * Tells the client, in its own words, that a message came too early and had no effect.
   *
   * @param message to be read no further than the answer needs: this is what a flood costs the server
   */
  refused(retryAfterMs: number, message: string | Uint8Array): void;
  /** The client has read all that was sent before the ping of this payload. Pongs that answer no ping do not come here. */
  pong?(payload: string): void;
  /** Some of what waited was sent: whoever paces itself by `bufferedBytes` goes on. */
  drained?(): void;
  /**
   * The server is about to close the socket: the place for last words. A number is sent as the close code instead of
   * the usual one.
   */
  closing?(cause: CloseCause): number | undefined;
  /** The socket is gone, whoever closed it. Called once; nothing comes afterwards. */
  closed(code: number): void;
}

/** A client that is let in. */
export interface RawAccepted {
  readonly ok: true;
  readonly connected: Connected<object>;
  /** Called once the socket is open, which may be never: the client may go away before. */
  readonly start: (socket: RawSocket) => RawSession;
}

/** The way in which a client is told: by an HTTP status, or by a close code after the upgrade, as a browser sees no status. */
export type RawRefusal =
  | { readonly status: 400 | 401 | 403 | 404 | 421 | 503 }
  | {
      readonly code: number;
      /** At most 123 bytes of UTF-8. */
      readonly reason?: string;
      /** Sent before the close. */
      readonly message?: string;
    };

export interface RawRejected {
  readonly ok: false;
  readonly refusal: RawRefusal;
  /** For the log, and for whether the address is held: `holds` where the credential is good. */
  readonly why: Why;
}

/** The places where a mount's clients may show a credential. Two that differ are refused (400). */
export interface CredentialPlaces {
  /** `Authorization: Bearer <credential>`. */
  readonly bearer?: boolean;
  /** A header that holds the credential alone, as `x-api-key`. */
  readonly header?: string;
  /** A query parameter. Addresses end up in the logs of proxies: for what is short-lived. */
  readonly query?: string;
  /** Entries of `Sec-WebSocket-Protocol`, for browsers, which set no headers. */
  readonly subprotocol?: {
    /** The subprotocol that the handshake selects; a credential without it is refused (400). */
    readonly select: string;
    /** `bearer.`: what follows is the credential. */
    readonly prefix: string;
    /** `bearer64.`: what follows is base64url of it, for credentials with other characters. */
    readonly base64Prefix?: string;
  };
}

/** Whose a socket is, and until when. */
export type RawTerms = NonNullable<Parameters<typeof connected>[1]>;

/** Lets a client in. @param terms as of `connected` */
export function openRaw(start: RawAccepted['start'], terms: RawTerms = {}): RawAccepted {
  return { ok: true, connected: connected({}, terms), start };
}

export function rejectRaw(refusal: RawRefusal, why: Why): RawRejected {
  return { ok: false, refusal, why };
}

/** The most that the reason of a close, or a ping, takes (RFC 6455, section 5.5). */
const MAX_CLOSE_REASON_BYTES = 123;
const MAX_PING_BYTES = 125;

/** @throws RangeError for what a close frame cannot carry (RFC 6455, sections 5.5 and 7.4) */
export function checkClose(code: number, reason: string): void {
  const isDefined = (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
  if (!Number.isInteger(code) || !isDefined) {
    throw new RangeError(`invalid close code ${code}: expected 1000 to 1014 without 1004 to 1006, or 3000 to 4999`);
  }
  const bytes = Buffer.byteLength(reason);
  if (bytes > MAX_CLOSE_REASON_BYTES) {
    throw new RangeError(`invalid close reason of ${bytes} bytes: expected at most ${MAX_CLOSE_REASON_BYTES}`);
  }
}

/** @throws RangeError for what a ping cannot carry, and for an empty one, which is the server's own */
export function checkPing(payload: string): void {
  const bytes = Buffer.byteLength(payload);
  if (bytes >= 1 && bytes <= MAX_PING_BYTES) return;
  throw new RangeError(`invalid ping of ${bytes} bytes: expected 1 to ${MAX_PING_BYTES}`);
}
