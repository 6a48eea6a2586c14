import type { PayloadKind, PayloadOf, PayloadType } from './payload.ts';

/** Events by name, each with what it carries. */
export type Events = Readonly<Record<string, PayloadType>>;

/** The pushes of a channel that declares none: any name, any payload. */
export type AnyPushes = Readonly<Record<string, PayloadKind<unknown>>>;

/** The signals of a channel that declares none. */
export type NoSignals = Readonly<Record<never, PayloadType>>;

type Name<O extends Events> = keyof O & string;

/** A payload of what is broadcast as `N`: a signal's or a push's. */
export type BroadcastOf<O extends Events, S extends Events, N> = N extends keyof S
  ? PayloadOf<S[N]>
  : N extends keyof O
    ? PayloadOf<O[N]>
    : never;

/** A hub of which only what `O` declares is broadcast. */
export interface TypedHub<O extends Events> {
  readonly broadcast: Broadcasting<O>;
}

/** Broadcasts an event that `O` declares to all members of a topic: the form that `Hub.broadcast` has. */
export type Broadcasting<O extends Events> = <N extends Name<O>>(
  topic: string,
  event: N,
  payload: PayloadOf<O[N]> & object,
) => void;

/**
 * One client joined to one topic, as a channel author sees it.
 *
 * `A`: what is assigned. `O`: what the channel declares as `pushes`. `S`: its `signals`.
 */
export interface ChannelSocket<A extends object, O extends Events = AnyPushes, S extends Events = NoSignals> {
  readonly topic: string;
  /** The part of the topic that matches `*`; empty if the pattern has no `*`. */
  readonly id: string;
  /** Assigned by `connect`, `join` and `assign`. */
  readonly assigns: A;
  /** Changes assigns of this channel; those that are not named stay. Who holds the former `assigns` does not see it. */
  assign(changes: Partial<A>): void;
  readonly transport: 'websocket' | 'longpoll';
  /**
   * Sends to this client alone. Here and below the payload is an object or bytes; protocol 2.0.0 has no frame for
   * anything else.
   *
   * @throws EncodeError
   * @throws Error before the client has its join reply: push from `joined` or from a handler
   */
  push<N extends Name<O>>(event: N, payload: PayloadOf<O[N]>): void;
  /**
   * Sends a state that may be large, as JSON text of an object. What of it the client has not read yet does not count
   * as a backlog of live traffic, for which a slow reader is closed.
   */
  pushSnapshot(event: Name<O>, payloadJson: string): void;
  /**
   * Resolves once little waits to be sent to this client, or it is gone; `undefined` if little waits now. Whoever has
   * much to send, as a replay has, asks before each `pushSnapshot` and so goes as fast as the client reads.
   */
  writable(): Promise<void> | undefined;
  /** True if the channel has ended; pushes do nothing then. */
  readonly ended: boolean;
  /**
   * Sends to every socket joined to the topic, on every node, this one too. A signal comes to their `intercept`.
   *
   * @throws Error before this client has its join reply
   */
  broadcast<N extends Name<O> | Name<S>>(event: N, payload: BroadcastOf<O, S, N>): void;
  /** Sends to every socket joined to the topic, on every node, but this one. */
  broadcastOthers<N extends Name<O> | Name<S>>(event: N, payload: BroadcastOf<O, S, N>): void;
  /** Ends the channel; the client sees `phx_close`. */
  stop(): void;
  /** Calls back once when the channel ends, for whatever reason; at once if it has ended. */
  onEnd(listener: (reason: EndReason) => void): void;
}

/**
 * Why a channel ended: the client left, the server stopped it, the same socket joined the topic again, the connection
 * is gone, a handler threw, or the node missed broadcasts and makes its clients join again.
 */
export type EndReason = 'left' | 'stopped' | 'duplicate_join' | 'closed' | 'crashed' | 'restarted';
