import type { Awaitable } from '../../answer.ts';
import type { OriginPolicy } from '../../http/origin.ts';
import type { CredentialPlaces, RawAccepted, RawRejected, RawRequest } from '../../raw_socket.ts';

/** A mount for a raw socket as an application gives it; what it leaves out is as `rawMountDefaults` says. */
export type RawMountOptions = Pick<
  RawMount,
  'kind' | 'path' | 'open' | 'fault' | 'maxFrameBytes' | 'maxBufferedBytes'
> & {
  readonly [K in keyof typeof rawMountDefaults]?: RawMount[K];
};

export const rawMountDefaults = {
  origins: 'same_host',
  credentials: {},
  headers: [],
  timeoutMs: 60_000,
  pings: true,
} as const;

/** The path on which clients of a raw socket connect, and the terms. */
export interface RawMount {
  readonly kind: 'raw';
  /** `/ws/user-agent/:session_id`: a segment that begins with `:` stands for any one segment. */
  readonly path: string;
  /** Lets clients in. One that throws is logged, and the client gets 503. */
  readonly open: (request: RawRequest) => Awaitable<RawAccepted | RawRejected>;
  /**
   * Says, as a stable code for the log, what is malformed in a request (400); undefined if nothing is. Asked before anything
   * else about the client.
   */
  readonly fault?: (request: Pick<RawRequest, 'params' | 'headers'>) => string | undefined;
  readonly origins: OriginPolicy;
  readonly credentials: CredentialPlaces;
  /** The headers that `open` gets, in lower case. */
  readonly headers: readonly string[];
  /** Silence after which a client is closed (1001). */
  readonly timeoutMs: number;
  /** True if the server pings a silent client, whose pong then counts. */
  readonly pings: boolean;
  /** A larger client frame is closed with 1009; at most, and unless told, that of the endpoint. */
  readonly maxFrameBytes?: number;
  /** Bytes that a session may have waiting to be sent; beyond it its client is closed (1013). Unless told, that of the endpoint. */
  readonly maxBufferedBytes?: number;
}
