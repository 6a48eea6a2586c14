import { type Redis, ReplyError } from 'ioredis';
import { breakConnection } from '../redis/connect.ts';
import { Canary } from './canary.ts';
import type { PubSubCommands } from './commands.ts';
import { Subscriptions } from './subscriptions.ts';

/** Broadcasts on their way to Redis; what comes on top is lost for other nodes, as if the connection had broken. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

export interface LinkOptions {
  readonly commands: PubSubCommands;
  readonly publisher: Redis;
  readonly subscriber: Redis;
  /** Only this node's: it has to belong to the Redis of this link. */
  readonly canaryChannel: string;
  /** Since when this node has not heard itself, on the clock of `performance.now()`. */
  readonly heardAt: number;
  /** True if messages missed before the subscriptions stand count as a gap. */
  readonly missed: boolean;
  readonly listener: LinkListener;
}

export interface LinkListener {
  received(channel: string, frame: Buffer): void;
  /** A broadcast may be lost because this link was down; undefined: because every link was. */
  lost(link: Link | undefined): void;
  /** The canary came back. */
  heard(): void;
  /** All subscriptions stand; `missed` when they did not for a time. */
  restored(missed: boolean): void;
  /**
   * A connection broke, or Redis does not carry a channel that it should. With `'subscriptions'` it is unknown what the link
   * is still subscribed to.
   */
  suspect(link: Link, what: 'way' | 'subscriptions'): void;
  trouble(error: Error): void;
}

/**
 * Two connections to one Redis: one publishes, the other is subscribed to what is wanted. Each is reopened by itself when
 * it breaks, also when it breaks without a word.
 */
export class Link {
  readonly publisher: Redis;
  readonly #subscriber: Redis;
  readonly #commands: PubSubCommands;
  readonly #listener: LinkListener;
  readonly #canaryChannel: string;
  readonly #canary: Canary;
  readonly #channels: Subscriptions;
  #missed: boolean;
  #pendingBytes = 0;
  #lastAnswer: Promise<unknown> | undefined;
  #closed = false;

  constructor({ commands, publisher, subscriber, canaryChannel, heardAt, missed, listener }: LinkOptions) {
    this.#commands = commands;
    this.publisher = publisher;
    this.#subscriber = subscriber;
    this.#listener = listener;
    this.#canaryChannel = canaryChannel;
    this.#canary = new Canary(heardAt);
    this.#missed = missed;
    // `Subscriptions` knows better what is still wanted.
    subscriber.options.autoResubscribe = false;
    this.#channels = new Subscriptions(subscriber, commands, () => this.#restored());
    this.#channels.add(canaryChannel);
    this.#listen();
    for (const connection of [publisher, subscriber]) connection.connect().catch(() => {});
  }

  #listen() {
    this.#subscriber.on(this.#commands.messageEvent, (channel: Buffer, frame: Buffer) => {
      if (!this.#closed) this.#receive(channel.toString(), frame);
    });
    this.#subscriber.on('ready', () => {
      if (this.#closed) return;
      this.#canary.subscriberOpened();
      this.#channels.restore();
    });
    this.#subscriber.on('close', () => {
      if (this.#closed) return;
      this.#missed = true;
      this.#channels.lost();
      this.#doubt('way');
    });
    // SSUBSCRIBE was refused as the slot is elsewhere, or Redis ended a subscription as the slot moved.
    this.#subscriber.on('moved', () => this.#doubt('subscriptions'));
    this.publisher.on('ready', () => {
      this.#canary.publisherOpened();
      this.sendCanary();
    });
    this.publisher.on('close', () => this.#doubt('way'));
  }

  get heardAt(): number {
    return this.#canary.heardAt;
  }

  /** Time at which Redis last took something that was published, on the clock of `performance.now()`. */
  get answeredAt(): number {
    return this.#canary.answeredAt;
  }

  get lagMs(): number {
    return this.#canary.lagMs();
  }

  /** True when every wanted topic is subscribed. */
  get isSubscribed(): boolean {
    return this.#channels.isSubscribed;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  publish(channel: string, frame: Buffer) {
    if (this.publisher.status !== 'ready' || this.#pendingBytes >= MAX_PENDING_BYTES) {
      this.#listener.lost(this);
      return;
    }
    this.#pendingBytes += frame.length;
    this.#lastAnswer = this.#commands.publish(this.publisher, channel, frame).then(
      () => {
        this.#pendingBytes -= frame.length;
      },
      (error: Error) => {
        this.#pendingBytes -= frame.length;
        this.#refused(error);
        this.#listener.lost(this);
      },
    );
  }

  /** Resolves when Redis has answered, or will not answer, all that was published: its answers come in order. */
  async published(): Promise<void> {
    await this.#lastAnswer;
  }

  add(channel: string): Promise<void> | undefined {
    return this.#channels.add(channel);
  }

  remove(channel: string) {
    this.#channels.remove(channel);
  }

  sendCanary() {
    if (this.#closed) return;
    this.#canary.sent();
    this.#commands.publish(this.publisher, this.#canaryChannel, String(performance.now())).then(
      () => this.#canary.taken(),
      (error: Error) => this.#refused(error),
    );
  }

  /** Once per canary's time. */
  tick() {
    if (this.#canary.publisherDead()) {
      this.#canary.publisherOpened();
      this.#reopenSilent(this.publisher, 'publishing');
    }
    if (this.#canary.subscriberDead()) {
      this.#canary.subscriberOpened();
      this.#reopenSilent(this.#subscriber, 'subscriber');
    }
    this.#channels.retry();
    this.sendCanary();
  }

  /** Asks Redis whether it counts the subscriptions that were asked for. */
  countSubscriptions() {
    if (this.#subscriber.status !== 'ready') return;
    const expected = this.#channels.expectedCount();
    this.#subscriber.client('INFO').then(
      (info) => {
        const [, count] = / ssub=(\d+)/.exec(String(info)) ?? [];
        // Redis tells since 7.0.3.
        if (count !== undefined && Number(count) !== expected()) this.#doubt('subscriptions');
      },
      (error: Error) => {
        if (isElsewhere(error)) this.#doubt('subscriptions');
        else if (!this.#closed) this.#listener.trouble(error);
      },
    );
  }

  /** Used when it is unknown what the connection is still subscribed to. */
  reopenSubscriber() {
    // One that is being opened starts anew anyway.
    if (this.#subscriber.status === 'ready') breakConnection(this.#subscriber);
  }

  close({ atOnce = false } = {}) {
    this.#closed = true;
    this.#channels.lost();
    for (const connection of [this.publisher, this.#subscriber]) {
      if (atOnce) breakConnection(connection);
      connection.disconnect();
    }
  }

  #reopenSilent(connection: Redis, name: string) {
    // One that is being opened has time-outs of its own.
    if (connection.status !== 'ready') return;
    this.#listener.trouble(new Error(`the ${name} connection to Redis is silent: opening it again`));
    // Not `disconnect`, which waits for the other end to agree.
    breakConnection(connection);
  }

  #doubt(what: 'way' | 'subscriptions') {
    if (!this.#closed) this.#listener.suspect(this, what);
  }

  #refused(error: Error) {
    if (isElsewhere(error)) this.#doubt('way');
    // As for want of permission, which no reconnect will bring.
    else if (error instanceof ReplyError && !this.#closed) this.#listener.trouble(error);
  }

  #restored() {
    const missed = this.#missed;
    this.#missed = false;
    this.sendCanary();
    this.#listener.restored(missed);
  }

  #receive(channel: string, frame: Buffer) {
    if (channel !== this.#canaryChannel) return this.#listener.received(channel, frame);
    this.#canary.heard(Number(frame.toString()));
    this.#listener.heard();
  }
}

/** Error codes of a Redis Cluster node that does not serve a channel, or not now. */
const isElsewhere = ({ message }: Error) => message.startsWith('MOVED ') || message.startsWith('CLUSTERDOWN ');
