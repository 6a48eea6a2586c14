import type { SocketAllowance } from '../allowance/socket_allowance.ts';
import { frameworkRefusal, type Refusal } from '../refusal.ts';
import { isReserved } from '../reserved_topics.ts';
import type { OpenSocket } from '../socket.ts';
import { type ClientMessage, type Frame, isBinary, json, type Serializer } from '../wire/serializer.ts';
import type { ChannelConnection } from './channel_connection.ts';
import { allOf, type ChannelsByTopic, channelOf, countOf, withChannel, withoutChannel } from './channels_by_topic.ts';
import type { MindedConnection, Watch } from './connections.ts';
import type { RuntimeContext } from './context.ts';
import { JoinedChannel } from './joined_channel.ts';
import { closeCodes, type Transport } from './transport.ts';

/** Of a topic, in the log: longer ones are nobody's. */
const MAX_TOLD = 256;

/** One client's connection over any transport: takes its frames apart and brings them to its channels. */
export class Connection implements ChannelConnection, MindedConnection {
  readonly context: RuntimeContext;
  readonly transport: Transport;
  readonly serializer: Serializer;
  readonly socket: OpenSocket;
  #channels: ChannelsByTopic;
  /** Time at which the client was last heard, in ms since the epoch. */
  heardAtMs = Date.now();
  /** Time of the server's last ping, likewise; 0 if there was none. */
  pingedAtMs = 0;
  watch: Watch | undefined;
  lookedAtMs = 0;
  readonly #allowance: SocketAllowance | undefined;
  #closed = false;

  /** @param allowance how much the client may send; `undefined`: as much as it likes */
  constructor(
    context: RuntimeContext,
    transport: Transport,
    serializer: Serializer,
    socket: OpenSocket,
    allowance?: SocketAllowance,
  ) {
    this.context = context;
    this.transport = transport;
    this.serializer = serializer;
    this.socket = socket;
    this.#allowance = allowance;
    allowance?.enter(this);
  }

  get channels(): Iterable<JoinedChannel> {
    return allOf(this.#channels);
  }

  get channelCount(): number {
    return countOf(this.#channels);
  }

  /** One frame from the client; a malformed one closes the connection, as in Phoenix. @returns whether it was read */
  receive(data: string | Uint8Array): boolean {
    this.heardAtMs = Date.now();
    this.context.stats.messagesIn++;
    const bytes = data.length;
    const nowMs = this.#allowance ? performance.now() : 0;
    const isScarce = this.#allowance?.isAmple(bytes, nowMs) === false;
    // What is refused is not to cost the reading of its payload.
    const head = isScarce ? this.serializer.head(data) : undefined;
    if (head && !this.#admit(head, data, nowMs)) return true;
    const message = this.serializer.decode(data);
    if (typeof message === 'string') {
      this.context.log.info({ refusal: message, bytes }, 'unreadable frame');
      this.close(closeCodes.internalError, '');
      return false;
    }
    if (head || this.#admit(message, data, nowMs)) this.dispatch(message, bytes);
    return true;
  }

  mindReader(): void {
    this.transport.mindReader?.();
  }

  /** A ping or pong of the client. */
  receiveControl(bytes: number): void {
    this.heardAtMs = Date.now();
    // The transport has answered a ping by then, and nobody may be reading the pongs.
    this.transport.mindBacklog();
    if (this.#allowance?.takeControl(bytes, performance.now()) === false) this.context.stats.dropped++;
  }

  receivePong(payload: ArrayBuffer): void {
    this.receiveControl(payload.byteLength);
  }

  /** Brings a message to where it belongs. Never throws: one that fails beyond every channel ends the connection. */
  dispatch(message: ClientMessage, bytes: number): void {
    try {
      this.#dispatch(message, bytes);
    } catch (error) {
      this.context.stats.faults++;
      this.context.log.error({ err: error }, 'handling a message failed');
      this.close(closeCodes.internalError, '');
    }
  }

  #dispatch(message: ClientMessage, bytes: number): void {
    if (this.#closed) return;
    const { topic, event } = message;
    if (topic === 'phoenix' && event === 'heartbeat') return this.#plainReply(null, message, 'ok', {});
    const channel = typeof topic === 'string' ? channelOf(this.#channels, topic) : undefined;
    if (event === 'phx_join') {
      if (channel?.holdsBackJoins) return channel.wait(message, bytes);
      return this.#join(message, channel);
    }
    if (channel) return channel.receive(message, bytes);
    // Leaving what is not joined is fine: the client may have raced a close.
    if (event === 'phx_leave') return this.#plainReply(message.joinRef, message, 'ok', {});
    this.#unmatched(message);
  }

  #join(message: ClientMessage, replaced: JoinedChannel | undefined): void {
    const { topic } = message;
    // An unpaired surrogate would make one topic of two on the way between nodes.
    const mayJoin = typeof topic === 'string' && topic.isWellFormed() && !isReserved(topic);
    const definition = mayJoin ? this.socket.channels.route(topic) : undefined;
    if (!definition || typeof topic !== 'string') {
      this.tellRefusedJoin(topic, 'unmatched topic');
      return this.#unmatched(message);
    }
    replaced?.end('duplicate_join');
    if (this.channelCount >= this.context.limits.maxChannelsPerSocket) {
      const reason = 'too many channels joined';
      this.tellRefusedJoin(topic, reason);
      this.#plainReply(message.joinRef, message, 'error', { reason });
      return replaced?.sendEnded('phx_close');
    }
    const channel = new JoinedChannel(this, definition, topic, message);
    this.#channels = withChannel(this.#channels, channel);
    channel.join(message, replaced);
  }

  /** To operators: counts it, and one line of the log, however long what was asked for is. */
  tellRefusedJoin(topic: unknown, reason: unknown): void {
    const { stats, log } = this.context;
    stats.refusedJoins++;
    const told = typeof topic === 'string' ? topic.slice(0, MAX_TOLD) : undefined;
    log.info({ topic: told, id: this.socket.connected.ids[0], reason }, 'join refused');
  }

  #unmatched(message: ClientMessage): void {
    this.#plainReply(null, message, 'error', { reason: 'unmatched topic' });
  }

  /** Answers a message with a refusal before any channel has seen it. */
  refuse(message: ClientMessage, { reason, message: text, details }: Refusal): void {
    if (reason === 'rate_limited') this.context.stats.rateLimited++;
    this.#plainReply(message.joinRef, message, 'error', { reason, message: text, ...(details && { details }) });
  }

  #plainReply(joinRef: unknown, { ref, topic }: ClientMessage, status: 'ok' | 'error', response: object): void {
    this.send(this.serializer.plainReply(json(joinRef), json(ref), json(topic), status, json(response)));
  }

  /** Takes room for a message, or answers `rate_limited`; heartbeats and leaves have an allowance of their own. */
  #admit(message: ClientMessage, data: string | Uint8Array, nowMs: number): boolean {
    const allowance = this.#allowance;
    if (!allowance) return true;
    const bytes = data.length;
    const { topic, event } = message;
    const channel = typeof topic === 'string' ? channelOf(this.#channels, topic) : undefined;
    if (event === 'phx_leave' && channel) {
      allowance.takeAnyway(bytes, nowMs);
      return true;
    }
    if (event === 'phx_leave' || (topic === 'phoenix' && event === 'heartbeat')) {
      const isTaken = allowance.takeControl(bytes, nowMs);
      if (!isTaken) this.context.stats.dropped++;
      return isTaken;
    }
    const retryAfterMs = allowance.take(channel?.costOf(event) ?? 1, bytes, nowMs, () => contentOf(message, data));
    if (retryAfterMs === 0) return true;
    this.refuse(message, frameworkRefusal('rate_limited', { retry_after_ms: retryAfterMs }));
    return false;
  }

  send(frame: Frame): void {
    if (this.#closed) return;
    this.context.stats.messagesOut++;
    this.transport.send(frame);
  }

  sendSnapshot(frame: Frame): void {
    if (this.#closed) return;
    this.context.stats.messagesOut++;
    this.transport.sendExcused(frame);
  }

  forget(channel: { readonly topic: string }): void {
    this.#channels = withoutChannel(this.#channels, channel);
  }

  /** Closes the connection from this side; its channels end. */
  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.transport.close(code, reason);
    this.closed();
  }

  closeForFlood(): void {
    if (this.#closed) return;
    this.context.stats.floodCloses++;
    this.close(closeCodes.flood, 'too many messages');
  }

  /** The transport is gone: ends all channels. Twice is fine. */
  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#allowance?.leave(this);
    for (const channel of allOf(this.#channels)) channel.end('closed');
    this.socket.connected.onClose?.();
  }
}

/** So much of the end of a message tells it from others. */
const CONTENT_TAIL = 128;

/** Identifies a message among those of its socket without its refs, since a client sends it again under new ones. */
function contentOf({ topic, event, payload }: ClientMessage, data: string | Uint8Array): string {
  const content = payload === undefined ? behindRefs(data, topic) : isBinary(payload) ? payload : json(payload);
  const tail = content.slice(-CONTENT_TAIL);
  const tailText = typeof tail === 'string' ? tail : Buffer.from(tail).toString('latin1');
  return `${content.length} ${json(topic)} ${json(event)} ${tailText}`;
}

/** A frame of which the payload was not read: the refs are at its beginning. */
function behindRefs(data: string | Uint8Array, topic: unknown): string | Uint8Array {
  if (typeof data === 'string') return data.slice(Math.max(0, data.indexOf(json(topic))));
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return bytes.subarray(Math.max(0, bytes.indexOf(String(topic))));
}
