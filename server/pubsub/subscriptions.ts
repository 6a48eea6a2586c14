import type { Redis } from 'ioredis';
import type { PubSubCommands } from './commands.ts';
import { PubSubUnavailable } from './port.ts';

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

interface Channel {
  readonly name: string;
  wanted: boolean;
  /** SUBSCRIBE was sent on this connection. */
  asked: boolean;
  /** Undefined as soon as Redis has confirmed. */
  waiting: Deferred | undefined;
}

/**
 * Keeps what one connection is subscribed to equal to what is wanted.
 *
 * Changes are gathered for a turn of the event loop and sent as the difference between wanted and asked, in order on
 * one connection: however quickly a channel is added, removed and added again, it ends as it was last wanted.
 */
export class Subscriptions {
  readonly #redis: Redis;
  readonly #commands: PubSubCommands;
  readonly #channels = new Map<string, Channel>();
  readonly #changed = new Set<Channel>();
  readonly #onRestored: () => void;
  /** Topics that a new connection has yet to confirm. */
  readonly #missing = new Set<Channel>();
  #up = false;
  #flushing = false;
  #refusals = 0;

  /** `onRestored` is called when a connection has confirmed all that was wanted at its start. */
  constructor(redis: Redis, commands: PubSubCommands, onRestored: () => void) {
    this.#redis = redis;
    this.#commands = commands;
    this.#onRestored = onRestored;
  }

  /** @returns undefined if the channel is confirmed already. */
  add(name: string): Promise<void> | undefined {
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = { name, wanted: true, asked: false, waiting: deferred() };
      this.#channels.set(name, channel);
    }
    channel.wanted = true;
    if (!this.#up) return rejected();
    if (!channel.asked) this.#change(channel);
    return channel.waiting?.promise;
  }

  remove(name: string) {
    const channel = this.#channels.get(name);
    if (!channel) return;
    channel.wanted = false;
    if (this.#up) this.#change(channel);
    else this.#channels.delete(name);
  }

  /** The connection is gone, and with it all subscriptions. */
  lost() {
    this.#up = false;
    this.#changed.clear();
    this.#missing.clear();
    for (const channel of this.#channels.values()) {
      channel.waiting?.reject(unavailable());
      if (!channel.wanted) this.#channels.delete(channel.name);
      channel.asked = false;
      channel.waiting = deferred();
    }
  }

  /** A connection is there: subscribes to all that is wanted. */
  restore() {
    this.#up = true;
    for (const channel of this.#channels.values()) this.#missing.add(channel);
    this.retry();
  }

  /** Asks again for what Redis has refused or not answered in time. */
  retry() {
    if (!this.#up) return;
    for (const channel of this.#channels.values()) if (!channel.asked) this.#change(channel);
  }

  /** True when every topic wanted at connecting is confirmed. */
  get isSubscribed(): boolean {
    return this.#up && this.#missing.size === 0;
  }

  /**
   * Call it just before a question to Redis, on the same connection, how many channels that is subscribed to.
   *
   * @returns what has to be the answer, to be called when it is there
   */
  expectedCount(): () => number {
    const refusals = this.#refusals;
    let asked = 0;
    for (const channel of this.#channels.values()) if (channel.asked) asked++;
    return () => asked - (this.#refusals - refusals);
  }

  #confirmed(channel: Channel) {
    if (this.#missing.delete(channel) && this.#missing.size === 0) this.#onRestored();
  }

  #change(channel: Channel) {
    this.#changed.add(channel);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  #flush() {
    this.#flushing = false;
    const ask = new Map<string, Channel>();
    const drop: string[] = [];
    for (const channel of this.#changed) {
      if (channel.wanted) {
        if (!channel.asked) ask.set(channel.name, channel);
        continue;
      }
      // A channel added again later is another object, so a late confirmation of this one cannot count for it.
      this.#channels.delete(channel.name);
      channel.waiting?.resolve();
      this.#confirmed(channel);
      if (channel.asked) drop.push(channel.name);
    }
    this.#changed.clear();

    for (const names of this.#commands.parts(drop)) this.#commands.unsubscribe(this.#redis, names).catch(() => {});
    for (const names of this.#commands.parts([...ask.keys()])) {
      this.#ask(names.map((name) => ask.get(name) as Channel));
    }
  }

  #ask(channels: readonly Channel[]) {
    const asked = channels.map((channel) => {
      channel.asked = true;
      return { channel, waiting: channel.waiting };
    });
    const names = channels.map(({ name }) => name);
    this.#commands.subscribe(this.#redis, names).then(
      () => {
        for (const { channel, waiting } of asked) {
          waiting?.resolve();
          if (channel.waiting !== waiting) continue;
          channel.waiting = undefined;
          this.#confirmed(channel);
        }
      },
      (error: Error) => {
        this.#refusals += asked.length;
        for (const { channel, waiting } of asked) {
          waiting?.reject(unavailable(error));
          if (channel.waiting !== waiting) continue;
          channel.asked = false;
          channel.waiting = deferred();
        }
      },
    );
  }
}

function deferred(): Deferred {
  let resolve: Deferred['resolve'] = () => {};
  let reject: Deferred['reject'] = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // No caller waits for a subscription.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

function rejected(): Promise<void> {
  const promise = Promise.reject<void>(unavailable());
  promise.catch(() => {});
  return promise;
}

const unavailable = (cause?: Error) => new PubSubUnavailable('Redis is out of reach', { cause });
