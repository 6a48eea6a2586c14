import type { Answer, Awaitable, Grant, JoinAnswer } from './answer.ts';
import { assertWellFormed } from './channel_faults.ts';
import type { AnyPushes, ChannelSocket, EndReason, Events, NoSignals } from './channel_socket.ts';
import { type PayloadCheck, type PayloadOf, type PayloadType, payloadCheck } from './payload.ts';
import type { Refusal } from './refusal.ts';

/** A client's request to join a topic, without the params that it sent. */
export interface JoinAttempt<C extends object> {
  readonly topic: string;
  readonly id: string;
  /** Assigned by `connect`. */
  readonly assigns: C;
  /** Not joined yet: it cannot push or broadcast. */
  readonly socket: ChannelSocket<C>;
}

export interface JoinRequest<C extends object, P, G = undefined> extends JoinAttempt<C> {
  readonly params: P;
  /** Granted by `authorize`. */
  readonly granted: G;
}

/**
 * Params of a join, and a check of who may send them. The client is authorized before its params are checked, so that
 * it learns that it is refused for good. Told `invalid_payload` instead, it might try again for ever.
 */
export interface JoinParams<C extends object, P extends PayloadType, G> {
  authorize(attempt: JoinAttempt<C>): Awaitable<Grant<G> | Refusal>;
  /** Params that do not match are answered `invalid_payload`. */
  readonly schema: P;
}

/**
 * A channel as its author writes it.
 *
 * `C`: what the socket's `connect` assigned; `A`: what `join` adds; `E`, `O`, `S`: the events, pushes and signals.
 */
export interface ChannelSpec<
  C extends object,
  A extends object,
  E extends Events,
  P extends PayloadType,
  G,
  O extends Events = AnyPushes,
  S extends Events = NoSignals,
> {
  /** A topic, or a prefix that ends with `*`. */
  readonly topic: string;
  /** Left out: a join takes any payload, and `join` alone says who may. */
  readonly params?: JoinParams<C, P, G>;
  /** The client's events and what each takes. What does not fit is answered `invalid_payload`. */
  readonly events: E;
  /**
   * The server's events and what each carries: pushes and broadcasts of others, or of another form, do not compile. A
   * running server does not check them; `aerie/testing` does. Left out: any name, any payload.
   */
  readonly pushes?: O;
  /**
   * Broadcasts between members that no client gets as they are: each is passed to `intercept`. A signal may have the
   * name of a push and carry more fields.
   */
  readonly signals?: S;
  join(request: JoinRequest<C, PayloadOf<P>, G>): Awaitable<JoinAnswer<A>>;
  /** After the client has its join reply: the place for first pushes. */
  joined?(socket: ChannelSocket<C & A, O, S>): Awaitable<void>;
  readonly on: {
    readonly [N in keyof E]: (payload: PayloadOf<E[N]>, socket: ChannelSocket<C & A, O, S>) => Awaitable<Answer>;
  };
  /** Events that count as more than one message, at most 10, because they cost the server more. */
  readonly costs?: { readonly [N in keyof E]?: number };
  /** An event that `events` does not name. Left out: `unknown_event`. */
  unknownEvent?(event: string, payload: unknown, socket: ChannelSocket<C & A, O, S>): Awaitable<Answer>;
  /** Broadcasts of these events come here, once per member, instead of going out as they are. */
  readonly intercept?: Interceptions<S, ChannelSocket<C & A, O, S>>;
  terminate?(reason: EndReason, socket: ChannelSocket<C & A, O, S>): void;
}

/** One for each signal; where none are declared, for any event. */
type Interceptions<S extends Events, Socket> = [keyof S] extends [never]
  ? Readonly<Record<string, (payload: unknown, socket: Socket) => void>>
  : { readonly [N in keyof S]: (payload: PayloadOf<S[N]>, socket: Socket) => void };

/** A channel as sockets hold it. `C` is what it needs `connect` to assign. */
export interface Channel<in C extends object> {
  readonly topic: string;
  readonly events: ReadonlyMap<string, EventHandler>;
  /** The server's events, for documents and tests; `undefined` where the author declared none. */
  readonly pushes: Events | undefined;
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
 * Gives the function that defines channels for sockets whose `connect` assigns `C`. That function throws where a channel
 * cannot work (a handler is missing, `*` stands in the middle of the topic, ...) and says what to change.
 *
 * @example const agentChannel = channelsFor<{ agent: Agent }>();
 */
export function channelsFor<C extends object>() {
  return function channel<
    A extends object,
    const E extends Events,
    P extends PayloadType = PayloadType,
    G = undefined,
    const O extends Events = AnyPushes,
    const S extends Events = NoSignals,
  >(spec: ChannelSpec<C, A, E, P, G, O, S>): Channel<C> {
    assertWellFormed(spec);
    const events = new Map<string, EventHandler>();
    for (const [name, type] of Object.entries(spec.events)) {
      const handle = spec.on[name as keyof E] as EventHandler['handle'];
      events.set(name, { check: payloadCheck(type), cost: spec.costs?.[name as keyof E] ?? 1, handle });
    }
    return {
      topic: spec.topic,
      events,
      pushes: spec.pushes,
      intercepts: new Map(Object.entries(spec.intercept ?? {})) as Channel<C>['intercepts'],
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
    // Field by field: with a spread here a join took 1 µs more.
    spec.join({
      topic: attempt.topic,
      id: attempt.id,
      assigns: attempt.assigns,
      socket: attempt.socket,
      params: payload as PayloadOf<P>,
      granted: granted as G,
    });
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

/** Defines a channel for sockets that assign nothing. @throws Error as `channelsFor` says */
export const channel = channelsFor<object>();
