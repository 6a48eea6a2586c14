import { frameworkRefusal, type Refusal } from '../refusal.ts';
import type { OpenSocket } from '../socket.ts';
import { type ClientMessage, type Frame, json, type Serializer } from '../wire/serializer.ts';
import type { RuntimeContext } from './context.ts';
import { JoinedChannel } from './joined_channel.ts';
import { closeCodes, type Transport } from './transport.ts';

/** Of a topic, in the log: longer ones are nobody's. */
const MAX_TOLD = 256;

/** One client's connection over any transport: takes its frames apart and brings them to its channels. */
export class Connection {
  readonly context: RuntimeContext;
  readonly transport: Transport;
  readonly serializer: Serializer;
  readonly socket: OpenSocket;
  readonly #channels = new Map<string, JoinedChannel>();
  /** When the client was last heard, in ms since the epoch. */
  heardAtMs = Date.now();
  /** When the server last sent a ping, likewise; 0 if never. */
  pingedAtMs = 0;
  #tokens: number;
  #tokensAtMs = this.heardAtMs;
  #closed = false;

  constructor(context: RuntimeContext, transport: Transport, serializer: Serializer, socket: OpenSocket) {
    this.context = context;
    this.transport = transport;
    this.serializer = serializer;
    this.socket = socket;
    this.#tokens = context.limits.rate?.burst ?? 0;
  }

  get channels(): Iterable<JoinedChannel> {
    return this.#channels.values();
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  /** One frame from the client; a malformed one closes the connection, as in Phoenix. @returns whether it was read */
  receive(data: string | Uint8Array): boolean {
    this.heardAtMs = Date.now();
    this.context.stats.messagesIn++;
    const bytes = data.length;
    const message = this.serializer.decode(data);
    if (typeof message === 'string') {
      this.context.log.info({ refusal: message, bytes }, 'unreadable frame');
      this.close(closeCodes.internalError, '');
      return false;
    }
    if (this.#mayGoOn(message)) this.dispatch(message, bytes);
    return true;
  }

  /** Brings a message to where it belongs. Never throws: one that fails beyond every channel ends the connection. */
  dispatch(message: ClientMessage, bytes: number): void {
    try {
      this.#dispatch(message, bytes);
    } catch (error) {
      this.context.stats.faults++;
      this.context.log.error({ err: error }, 'message failed');
      this.close(closeCodes.internalError, '');
    }
  }

  #dispatch(message: ClientMessage, bytes: number): void {
    if (this.#closed) return;
    const { topic, event } = message;
    if (topic === 'phoenix' && event === 'heartbeat') return this.#plainReply(null, message, 'ok', {});
    const channel = typeof topic === 'string' ? this.#channels.get(topic) : undefined;
    if (event === 'phx_join') {
      if (channel?.joining) return channel.wait(message, bytes);
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
    const route = typeof topic === 'string' && topic.isWellFormed() ? this.socket.channels.route(topic) : undefined;
    if (!route || typeof topic !== 'string') {
      this.tellRefusedJoin(topic, 'unmatched topic');
      return this.#unmatched(message);
    }
    replaced?.end('duplicate_join');
    if (this.#channels.size >= this.context.limits.maxChannelsPerSocket) {
      const reason = 'too many channels joined';
      this.tellRefusedJoin(topic, reason);
      this.#plainReply(message.joinRef, message, 'error', { reason });
      return replaced?.sendEnded('phx_close');
    }
    const channel = new JoinedChannel(this, route, topic, message);
    this.#channels.set(topic, channel);
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

  #mayGoOn(message: ClientMessage): boolean {
    const { rate } = this.context.limits;
    const { topic, event } = message;
    if (!rate || event === 'phx_leave' || (topic === 'phoenix' && event === 'heartbeat')) return true;
    const sinceMs = this.heardAtMs - this.#tokensAtMs;
    this.#tokensAtMs = this.heardAtMs;
    this.#tokens = Math.min(rate.burst, this.#tokens + (Math.max(0, sinceMs) * rate.perSecond) / 1_000);
    if (this.#tokens >= 1) {
      this.#tokens--;
      return true;
    }
    const retryAfterMs = Math.ceil(((1 - this.#tokens) * 1_000) / rate.perSecond);
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

  forget(channel: JoinedChannel): void {
    if (this.#channels.get(channel.topic) === channel) this.#channels.delete(channel.topic);
  }

  /** Closes the connection from this side; its channels end. */
  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.transport.close(code, reason);
    this.closed();
  }

  /** The transport is gone: ends all channels. Twice is fine. */
  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const channel of [...this.#channels.values()]) channel.end('closed');
    this.socket.connected.onClose?.();
  }
}
