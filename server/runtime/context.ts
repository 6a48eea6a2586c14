import type { Log } from '../log.ts';
import type { Refusal } from '../refusal.ts';
import type { Fanout } from './fanout.ts';

/** Everything that the connections of an endpoint share. */
export interface RuntimeContext {
  /** The node's name, as other nodes know it. */
  readonly nodeId: string;
  readonly fanout: Fanout;
  readonly log: Log;
  readonly limits: Limits;
  readonly stats: RuntimeStats;
  /**
   * Gives the client's answer when a handler threw. `undefined`: the channel crashes (`phx_error`, or `join crashed`),
   * as in Phoenix.
   */
  readonly onFault: (error: unknown, where: { readonly topic: string; readonly event: string }) => Refusal | undefined;
}

export interface Limits {
  readonly maxChannelsPerSocket: number;
  /** Most messages that wait for a channel that is joining or busy; more are answered `rate_limited`. */
  readonly maxWaitingMessages: number;
  readonly maxWaitingBytes: number;
  /** Longest time that a leave waits for what was sent before it: a join, a handler, answers to come. */
  readonly maxLeaveDelayMs: number;
}

export interface RuntimeStats {
  joins: number;
  refusedJoins: number;
  messagesIn: number;
  messagesOut: number;
  faults: number;
  /** Messages answered `rate_limited`. */
  rateLimited: number;
  /** Control frames, heartbeats and leaves beyond their allowance. */
  dropped: number;
  /** Connections closed because their account flooded the node. */
  floodCloses: number;
}
