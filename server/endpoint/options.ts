import type { Allowances } from '../allowance/accounts.ts';
import type { RequestAllowance } from '../allowance/requests.ts';
import type { Exchange } from '../http/exchange.ts';
import type { TrustedProxies } from '../http/trusted_proxies.ts';
import type { Hub } from '../hub.ts';
import type { Log } from '../log.ts';
import type { Limits, RuntimeContext } from '../runtime/context.ts';
import type { MountOptions } from '../transport/mount.ts';
import type { RawMountOptions } from '../transport/raw/mount.ts';
import type { Listener, ListenerOptions } from './listener.ts';
import type { EndpointStats } from './stats.ts';

/** Options of an endpoint; only a mount is required. */
export interface EndpointOptions {
  readonly mounts: readonly (MountOptions | RawMountOptions)[];
  /** Made for this endpoint alone. Left out: one without other nodes. */
  readonly hub?: Hub;
  readonly log?: Log;
  /** Signs long-poll sessions; the same on all nodes. Left out: made up, so sessions end with the process. */
  readonly secret?: string;
  /** Those left out are as `defaultLimits` says. */
  readonly limits?: Partial<Limits & EndpointLimits>;
  /** Limits on what clients send; those left out come from `defaultAllowances`. All left out: no limit. */
  readonly allowances?: Partial<Allowances>;
  /** Limits HTTP requests; opening a socket counts as one. Left out: no limit. */
  readonly requests?: RequestAllowance;
  readonly trustedProxies?: TrustedProxies;
  readonly tls?: ListenerOptions['tls'];
  /** One that may listen already, and answers for itself until this endpoint does; `tls` is its own then. */
  readonly listener?: Listener;
  /** Answers what no mount does; without it that is 404. */
  readonly http?: AnswerHttp;
  /** The endpoint's counts, for code that reads them before there is an endpoint. */
  readonly stats?: EndpointStats;
  /** The client's answer when a handler threw; without it the channel crashes, as in Phoenix. */
  readonly onFault?: RuntimeContext['onFault'];
}

/**
 * A further port of an endpoint. It has raw mounts only: uWebSockets.js publishes to the sockets of one port, and Phoenix
 * channels live by that.
 */
export interface FurtherPort {
  readonly mounts: readonly RawMountOptions[];
  /** Answers what no mount does; without it that is 404. */
  readonly http?: AnswerHttp;
  readonly tls?: ListenerOptions['tls'];
  /**
   * Tells by the `Host` header whether a request is meant for this port; any other gets 421, so that a page whose name
   * points to this machine gets nothing. Left out: every one is.
   */
  readonly takesHost?: TakesHost;
}

export type TakesHost = (host: string | undefined) => boolean;

export type AnswerHttp = (exchange: Exchange) => void | Promise<void>;

export interface EndpointLimits {
  /** A larger client frame ends the connection. */
  readonly maxFrameBytes: number;
  /** A reader further behind with live traffic is closed. */
  readonly maxBackpressureBytes: number;
  /** Of an HTTP request. */
  readonly maxBodyBytes: number;
}

export const defaultLimits: Limits & EndpointLimits = {
  maxFrameBytes: 512 * 1024,
  maxBackpressureBytes: 1024 * 1024,
  maxBodyBytes: 1024 * 1024,
  maxChannelsPerSocket: 100,
  maxWaitingMessages: 1_000,
  maxWaitingBytes: 1024 * 1024,
  maxLeaveDelayMs: 5_000,
};
