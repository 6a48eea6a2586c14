import type { OriginPolicy } from '../http/origin.ts';
import type { Opener } from '../socket.ts';

/** A mount as an application gives it; what it leaves out is as `mountDefaults` says. */
export type MountOptions = Pick<Mount, 'path' | 'open'> & {
  readonly [K in keyof typeof mountDefaults]?: Mount[K];
};

/** Terms that suit browsers and other clients of the official kind. */
export const mountDefaults = {
  origins: 'same_host',
  authToken: true,
  websocket: { timeoutMs: 60_000, pings: true },
  longpoll: { windowMs: 10_000 },
} as const;

/** The path at which clients of a socket connect, and its rules. */
export interface Mount {
  /** `/socket`: its transports are `/socket/websocket` and `/socket/longpoll`. */
  readonly path: string;
  /** Lets clients in. */
  readonly open: Opener;
  readonly origins: OriginPolicy;
  /** True if the official client's `authToken` is read. */
  readonly authToken: boolean;
  readonly websocket: {
    /** Silence after which a client is closed (1001). */
    readonly timeoutMs: number;
    /** True if the server pings a silent client, whose pong then counts; browsers throttle what their pages send. */
    readonly pings: boolean;
    /** True if the mount's own path takes an upgrade too. */
    readonly atMount?: boolean;
  };
  readonly longpoll: {
    /** Time that a poll waits for a message. */
    readonly windowMs: number;
  };
}

export type LongPollMount = Pick<Mount, 'path' | 'open' | 'origins' | 'authToken' | 'longpoll'>;
