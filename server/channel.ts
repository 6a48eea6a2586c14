import type { Answer, Awaitable, Grant, JoinAnswer } from './answer.ts';
import { type PayloadCheck, type PayloadOf, type PayloadType, payloadCheck } from './payload.ts';
import type { Refusal } from './refusal.ts';

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

/** Who asks to join which topic, without what they sent with it. */
export interface JoinAttempt<C extends object> {
  readonly topic: string;
  readonly id: string;
  /** What `connect` assigned. */
  readonly assigns: C;
  /** Not joined yet: it cannot push or broadcast. */
  readonly socket: ChannelSocket<C>;
}

export interface JoinRequest<C extends object, P, G = undefined> extends JoinAttempt<C> {
  readonly params: P;
  /** What `authorize` found. */
  readonly granted: G;
}

/**
 * What a join takes, and who may send it. The client is authorized first, whatever it sent: it learns so that it is
 * refused for good, while one that is told `invalid_payload` may try again for ever.
 */
export interface JoinParams<C extends object, P extends PayloadType, G> {
  authorize(attempt: JoinAttempt<C>): Awaitable<Grant<G> | Refusal>;
  /** What does not fit is answered `invalid_payload`. */
  readonly schema: P;
}

type Events = Readonly<Record<string, PayloadType>>;

/** A channel as its author writes it. `C`: what the socket's `connect` assigned; `A`: what `join` adds. */
export interface ChannelSpec<C extends object, A extends object, E extends Events, P extends PayloadType, G> {
  /** A topic, or a prefix that ends with `*`. */
  readonly topic: string;
  /** Left out: a join takes any payload, and `join` alone says who may. */
  readonly params?: JoinParams<C, P, G>;
  /** The client's events and what each takes. What does not fit is answered `invalid_payload`. */
  readonly events: E;
  join(request: JoinRequest<C, PayloadOf<P>, G>): Awaitable<JoinAnswer<A>>;
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
  readonly events: ReadonlyMap<string, EventHandler>;
  readonly intercepts: ReadonlyMap<string, (payload: unknown, socket: ChannelSocket<never>) => void>;
  /** Authorizes the client, checks the payload and joins, in this order. */
  readonly join: (attempt: JoinAttempt<C>, payload: unknown) => Awaitable<JoinAnswer<object>>;
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
  return function channel<A extends object, const E extends Events, P extends PayloadType = PayloadType, G = undefined>(
    spec: ChannelSpec<C, A, E, P, G>,
  ): Channel<C> {
    const events = new Map<string, EventHandler>();
    for (const [name, type] of Object.entries(spec.events)) {
      const handle = spec.on[name as keyof E] as EventHandler['handle'];
      events.set(name, { check: payloadCheck(type), cost: spec.costs?.[name as keyof E] ?? 1, handle });
    }
    return {
      topic: spec.topic,
      events,
      intercepts: new Map(Object.entries(spec.intercept ?? {})),
      join: joinSteps(spec),
      joined: spec.joined?.bind(spec),
      unknownEvent: spec.unknownEvent?.bind(spec),
      terminate: spec.terminate?.bind(spec),
    };
  };
}

function joinSteps<C extends object, P extends PayloadType, G>(
  spec: Pick<ChannelSpec<C, object, Events, P, G>, 'params' | 'join'>,
): Channel<C>['join'] {
  const { params } = spec;
  const join = (attempt: JoinAttempt<C>, payload: unknown, granted: unknown) =>
    spec.join({ ...attempt, params: payload as PayloadOf<P>, granted: granted as G });
  if (!params) return (attempt, payload) => join(attempt, payload, undefined);

  const check = payloadCheck(params.schema);
  const authorized = (attempt: JoinAttempt<C>, payload: unknown, answer: Grant<G> | Refusal) => {
    if ('ok' in answer) return answer;
    const checked = check(payload);
    return checked.ok ? join(attempt, checked.payload, answer.granted) : checked;
  };
  return (attempt, payload) => {
    const answer = params.authorize(attempt);
    if (!(answer instanceof Promise)) return authorized(attempt, payload, answer);
    return answer.then((settled) => authorized(attempt, payload, settled));
  };
}

/** Defines a channel for sockets that assign nothing. */
export const channel = channelsFor<object>();
