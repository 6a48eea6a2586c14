import type { Awaitable } from './answer.ts';
import type { Channel } from './channel.ts';
import { assertReachable } from './channel_faults.ts';
import { refuseReserved } from './reserved_topics.ts';

/** A client's request to connect. */
export interface ConnectRequest {
  /** The query parameters, decoded; of a name given twice the last one counts. */
  readonly params: Readonly<Record<string, string>>;
  /** The official client's `authToken`. */
  readonly authToken: string | undefined;
  readonly transport: 'websocket' | 'longpoll';
  /** The client's IP address as text; behind a trusted proxy, the one in `X-Forwarded-For`. */
  readonly address: string;
  /**
   * True if a credential that has to be looked up, and that was not seen good before, may be: only some are for an
   * address that was refused again and again. To be asked right before a look-up, which it counts.
   */
  readonly mayLookUp: () => boolean;
}

export type ConnectAnswer<C extends object> = Connected<C> | Rejected;

export interface Connected<C extends object> {
  readonly ok: true;
  readonly assigns: C;
  /** Broadcasting `disconnect` to any of these closes the socket, on whichever node it is. The first is *the* id. */
  readonly ids: readonly string[];
  /** Account it belongs to: the sockets of one share allowances on each node. Left out: shared with no other socket. */
  readonly account: string | undefined;
  /** Time at which the server closes the socket, in ms since the epoch. */
  readonly expiresAtMs: number | undefined;
  /** Called once when the connection is gone. */
  readonly onClose: (() => void) | undefined;
  /**
   * True if the credential still holds. Asked once the socket is open, for it may have been revoked in between, and
   * after this node may have missed a `disconnect`. The socket is closed if not; a rejection changes nothing.
   */
  readonly stillHolds: (() => Promise<boolean>) | undefined;
}

/** `forbidden` is HTTP 403, `unavailable` 503. */
export interface Rejected {
  readonly ok: false;
  readonly reason: 'forbidden' | 'unavailable';
  readonly why?: Why;
}

/** For the log alone; a client learns no more than the status. Never holds a credential. */
export interface Why {
  /** A stable snake_case code. */
  readonly reason: string;
  /** The socket id that it would have had, where the server knows who it is. */
  readonly id?: string;
  /** The credential is good: its address is not held for it. */
  readonly holds?: true;
}

const NO_IDS: readonly string[] = [];

export function connected<C extends object>(
  assigns: C,
  { ids = NO_IDS, account, expiresAtMs, onClose, stillHolds }: Partial<Omit<Connected<C>, 'ok' | 'assigns'>> = {},
): Connected<C> {
  return { ok: true, assigns, ids, account, expiresAtMs, onClose, stillHolds };
}

export function reject(reason: Rejected['reason'] = 'forbidden', why?: Why): Rejected {
  return { ok: false, reason, ...(why && { why }) };
}

/** A socket as its author writes it: who may connect, and which channels there are. `R`: what it is asked with. */
export interface SocketSpec<C extends object, R extends ConnectRequest = ConnectRequest> {
  connect(request: R): Awaitable<ConnectAnswer<C>>;
  readonly channels: readonly Channel<C>[];
}

/** A client that connected, and the channels it may join. */
export interface OpenSocket {
  readonly ok: true;
  readonly connected: Connected<object>;
  readonly channels: ChannelTable;
}

/** Opens sockets for a mount; refuses by a `Rejected`. */
export type Opener<R extends ConnectRequest = ConnectRequest> = (request: R) => Awaitable<OpenSocket | Rejected>;

/**
 * Defines a socket. What it returns opens connections: mount it on an endpoint.
 *
 * @throws Error if two of its channels have one topic, or one could never be joined for another before it
 */
export function socket<C extends object, R extends ConnectRequest = ConnectRequest>(spec: SocketSpec<C, R>): Opener<R> {
  const channels = new ChannelTable(spec.channels as readonly Channel<never>[]);
  const opened = (answer: ConnectAnswer<C>) =>
    answer.ok ? ({ ok: true, connected: answer, channels } as const) : answer;
  return (request) => {
    const answer = spec.connect(request);
    return 'ok' in answer ? opened(answer) : answer.then(opened);
  };
}

/** The part of a topic that matches the `*` of its channel; empty if there is none. */
export function idOf(channel: Pick<Channel<never>, 'topic'>, topic: string): string {
  const { topic: pattern } = channel;
  return topic.slice(pattern.endsWith('*') ? pattern.length - 1 : pattern.length);
}

/** Finds the channel of a topic: the first whose pattern is the topic, or a prefix of it that ends with `*`. */
export class ChannelTable {
  readonly #patterns: readonly { readonly prefix: string; readonly exact: boolean; readonly channel: Channel<never> }[];

  /** @throws Error if one of the channels could never be joined */
  constructor(channels: readonly Channel<never>[]) {
    assertReachable(channels.map(({ topic }) => topic));
    this.#patterns = channels.map((channel) => {
      refuseReserved(channel.topic);
      const exact = !channel.topic.endsWith('*');
      return { prefix: exact ? channel.topic : channel.topic.slice(0, -1), exact, channel };
    });
  }

  route(topic: string): Channel<never> | undefined {
    for (const { prefix, exact, channel } of this.#patterns) {
      if (exact ? topic === prefix : topic.startsWith(prefix)) return channel;
    }
    return undefined;
  }
}
