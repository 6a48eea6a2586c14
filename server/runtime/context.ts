import type { Log } from '../log.ts';
import type { Refusal } from '../refusal.ts';
import type { Fanout } from './fanout.ts';

/** What all connections of an endpoint share. */
export interface RuntimeContext {
  /** The node's name, as other nodes know it. */
  readonly nodeId: string;
  readonly fanout: Fanout;
  readonly log: Log;
  readonly limits: Limits;
  readonly stats: RuntimeStats;
  /**
   * What a client gets when a handler threw. `undefined`: the channel crashes (`phx_error`, or `join crashed`), as in
   * Phoenix.
   */
  readonly onFault: (error: unknown, where: { readonly topic: string; readonly event: string }) => Refusal | undefined;
}

export interface Limits {
  readonly maxChannelsPerSocket: number;
  /** What may wait for a channel that is still joining or busy; beyond it messages are answered `rate_limited`. */
  readonly maxWaitingMessages: number;
  readonly maxWaitingBytes: number;
  /** How long a leave waits for what was sent before it: a join, a handler, answers to come. Then it is carried out. */
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
