import type { Answer, Awaitable, JoinAnswer } from './answer.ts';
import { type PayloadCheck, type PayloadOf, type PayloadType, payloadCheck } from './payload.ts';

/** What a channel author sees of one client joined to one topic. */
export interface ChannelSocket<A extends object> {
  readonly topic: string;
  /** What stands for `*` in the topic; empty where the pattern has none. */
  readonly id: string;
  /** What `connect` and `join` assigned. */
  readonly assigns: A;
  readonly transport: 'websocket' | 'longpoll';
  /**
   * Sends to this client alone. Here and below the payload is an object or bytes; protocol 2.0.0 has no frame for
   * anything else.
   *
   * @throws EncodeError
   */
  push(event: string, payload: unknown): void;
  /**
   * Sends a state that may be large, as JSON text of an object. What of it the client has not read yet does not count
   * as a backlog of live traffic, for which a slow reader is closed.
   */
  pushSnapshot(event: string, payloadJson: string): void;
  /**
   * Resolves once little waits to be sent to this client, or it is gone; `undefined` if little waits now. Whoever has
   * much to send, as a replay has, asks before each `pushSnapshot` and so goes as fast as the client reads.
   */
  writable(): Promise<void> | undefined;
  /** Whether the channel has ended; pushes do nothing then. */
  readonly ended: boolean;
  /** Sends to every socket joined to the topic, on every node, this one too. */
  broadcast(event: string, payload: unknown): void;
  /** Sends to every socket joined to the topic, on every node, but this one. */
  broadcastOthers(event: string, payload: unknown): void;
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

export interface JoinRequest<C extends object, P> {
  readonly topic: string;
  readonly id: string;
  readonly params: P;
  /** What `connect` assigned. */
  readonly assigns: C;
  /** Not joined yet: it cannot push or broadcast. */
  readonly socket: ChannelSocket<C>;
}

type Events = Readonly<Record<string, PayloadType>>;

/** A channel as its author writes it. `C`: what the socket's `connect` assigned; `A`: what `join` adds. */
export interface ChannelSpec<C extends object, A extends object, E extends Events, P extends PayloadType> {
  /** A topic, or a prefix that ends with `*`. */
  readonly topic: string;
  /** What a join takes; any payload where it is left out. */
  readonly params?: P;
  /** The client's events and what each takes. What does not fit is answered `invalid_payload`. */
  readonly events: E;
  join(request: JoinRequest<C, PayloadOf<P>>): Awaitable<JoinAnswer<A>>;
  /** After the client has its join reply: the place for first pushes. */
  joined?(socket: ChannelSocket<C & A>): Awaitable<void>;
  readonly on: {
    readonly [N in keyof E]: (payload: PayloadOf<E[N]>, socket: ChannelSocket<C & A>) => Awaitable<Answer>;
  };
  /** Events that count as more than one message, at most 10, because they cost the server more. */
  readonly costs?: { readonly [N in keyof E]?: number };
  /** An event that `events` does not name. Left out: `unknown_event`. */
  unknownEvent?(event: string, payload: unknown, socket: ChannelSocket<C & A>): Awaitable<Answer>;
  /** Broadcasts of these events come here, once per member, instead of going out as they are. */
  readonly intercept?: Readonly<Record<string, (payload: unknown, socket: ChannelSocket<C & A>) => void>>;
  terminate?(reason: EndReason, socket: ChannelSocket<C & A>): void;
}

/** A channel as sockets hold it. `C` is what it needs `connect` to assign. */
export interface Channel<in C extends object> {
  readonly topic: string;
  readonly checkParams: PayloadCheck;
  readonly events: ReadonlyMap<string, EventHandler>;
  readonly intercepts: ReadonlyMap<string, (payload: unknown, socket: ChannelSocket<never>) => void>;
  readonly join: (request: JoinRequest<C, never>) => Awaitable<JoinAnswer<object>>;
  readonly joined: ((socket: ChannelSocket<never>) => Awaitable<void>) | undefined;
  readonly unknownEvent:
    | ((event: string, payload: unknown, socket: ChannelSocket<never>) => Awaitable<Answer>)
    | undefined;
  readonly terminate: ((reason: EndReason, socket: ChannelSocket<never>) => void) | undefined;
}

export interface EventHandler {
  readonly check: PayloadCheck;
  /** As how many messages it counts. */
  readonly cost: number;
  readonly handle: (payload: never, socket: ChannelSocket<never>) => Awaitable<Answer>;
}

/**
 * Gives the function that defines channels for sockets whose `connect` assigns `C`.
 *
 * @example const agentChannel = channelsFor<{ agent: Agent }>();
 */
export function channelsFor<C extends object>() {
  return function channel<A extends object, const E extends Events, P extends PayloadType = PayloadType>(
    spec: ChannelSpec<C, A, E, P>,
  ): Channel<C> {
    const events = new Map<string, EventHandler>();
    for (const [name, type] of Object.entries(spec.events)) {
      const handle = spec.on[name as keyof E] as EventHandler['handle'];
      events.set(name, { check: payloadCheck(type), cost: spec.costs?.[name as keyof E] ?? 1, handle });
    }
    return {
      topic: spec.topic,
      checkParams: spec.params ? payloadCheck(spec.params) : (payload) => ({ ok: true, payload }),
      events,
      intercepts: new Map(Object.entries(spec.intercept ?? {})),
      join: spec.join.bind(spec),
      joined: spec.joined?.bind(spec),
      unknownEvent: spec.unknownEvent?.bind(spec),
      terminate: spec.terminate?.bind(spec),
    };
  };
}

/** Defines a channel for sockets that assign nothing. */
export const channel = channelsFor<object>();
