import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { breakConnection, connectPubSub, keyPrefix, type RedisOptions } from '../redis/connect.ts';
import { Canary } from './canary.ts';
import { Channels } from './channels.ts';
import { decodeFrame, encodeFrame, isFrameOf, nodeIdBytes } from './frame.ts';
import { type Broadcast, type Deliver, type PubSub, PubSubUnavailable, type Subscription } from './port.ts';
import { createTopics } from './topics.ts';

/** Broadcasts on their way to Redis; what comes on top is lost for other nodes, as if the connection had broken. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

/** A node whose broadcasts may have got lost says so on this topic; no client can join it. */
const LOST = '\0lost';

export interface RedisPubSubOptions extends RedisOptions {
  /** The first part of `PubSub.nodeId`; a random part follows, so that two processes of one name stay apart. */
  readonly nodeId: string;
  /** How often the node sends itself a message through Redis. 1 s unless told. */
  readonly canaryMs?: number;
}

export interface RedisPubSub extends PubSub {
  /** Resolves when this node has heard itself through Redis. @throws PubSubUnavailable after `timeoutMs` */
  ready(timeoutMs: number): Promise<void>;
}

/**
 * Broadcasts through Redis: one connection to publish, one that is subscribed to the topics with members on this node.
 * Each is reopened by itself when it breaks, also when it breaks without a word; a gap
 * is told here after the subscribed one was lost, and on the other nodes after the publishing one was.
 */
export function redisPubSub(options: RedisPubSubOptions): RedisPubSub {
  const { canaryMs = 1_000, onTrouble } = options;
  const nodeId = `${options.nodeId}.${randomBytes(6).toString('hex')}`;
  const nodeBytes = nodeIdBytes(nodeId);
  const topicPrefix = `${keyPrefix(options.networkId)}topic:`;
  const canaryChannel = `${keyPrefix(options.networkId)}canary:${nodeId}`;

  const publisher = connectPubSub(options);
  const subscriber = connectPubSub(options);
  // `Channels` knows better what is still wanted.
  subscriber.options.autoResubscribe = false;

  const canary = new Canary();
  const channels = new Channels(subscriber, restored);
  const topics = createTopics((topic) => channels.remove(topicPrefix + topic));
  const gapListeners: (() => void)[] = [];
  const heardListeners = new Set<() => void>();
  let gapOwed = false;
  /** Whether a broadcast of this node may not have reached the others, who do not know. */
  let wordOwed = false;
  let pendingBytes = 0;
  let lastPublish: Promise<unknown> = Promise.resolve();

  channels.add(canaryChannel);
  channels.add(topicPrefix + LOST)?.catch(() => {});

  function send(channel: string, frame: Buffer | string): Promise<unknown> {
    pendingBytes += frame.length;
    const answer = publisher.publish(channel, frame).finally(() => {
      pendingBytes -= frame.length;
    });
    answer.catch(() => {});
    lastPublish = answer;
    return answer;
  }

  /** As `send`, for what others count on: if it gets lost, they are told once words get through again. */
  function sendBroadcast(topic: string, message: Broadcast) {
    if (publisher.status !== 'ready' || pendingBytes >= MAX_PENDING_BYTES) {
      wordOwed = true;
      return;
    }
    send(topicPrefix + topic, encodeFrame(nodeBytes, message)).catch(() => {
      wordOwed = true;
    });
  }

  function tellOfLoss() {
    if (!wordOwed || publisher.status !== 'ready') return;
    wordOwed = false;
    sendBroadcast(LOST, { event: 'lost', payload: '{}' });
  }

  function sendCanary() {
    canary.sent(send(canaryChannel, String(performance.now())));
  }

  function tick() {
    if (canary.publisherDead()) {
      canary.publisherOpened();
      reopen(publisher, 'publishing');
    }
    if (canary.subscriberDead()) {
      canary.subscriberOpened();
      reopen(subscriber, 'subscriber');
    }
    channels.retry();
    sendCanary();
    tellOfLoss();
  }

  function reopen(connection: Redis, name: string) {
    // One that is being opened has time-outs of its own.
    if (connection.status !== 'ready') return;
    onTrouble?.(new Error(`the ${name} connection to Redis has fallen silent and is opened again`));
    // Not `disconnect`, which waits for the other end to agree.
    breakConnection(connection);
  }

  function restored() {
    sendCanary();
    if (!gapOwed) return;
    gapOwed = false;
    for (const listener of gapListeners) listener();
  }

  function receive(channel: Buffer, frame: Buffer) {
    const name = channel.toString();
    if (name === canaryChannel) {
      canary.heard(Number(frame.toString()));
      for (const listener of heardListeners) listener();
      return;
    }
    if (isFrameOf(nodeBytes, frame)) return;
    const decoded = decodeFrame(frame);
    if (name === topicPrefix + LOST) {
      for (const listener of gapListeners) listener();
      return;
    }
    if (decoded) topics.deliver(name.slice(topicPrefix.length), decoded.message, decoded.nodeId);
  }

  subscriber.on('messageBuffer', (channel: Buffer, frame: Buffer) => {
    try {
      receive(channel, frame);
    } catch (error) {
      // A subscriber's fault is not one of the connection that brought the message.
      onTrouble?.(error instanceof Error ? error : new Error(String(error)));
    }
  });
  subscriber.on('ready', () => {
    canary.subscriberOpened();
    channels.restore();
  });
  subscriber.on('close', () => {
    gapOwed = true;
    channels.lost();
  });
  publisher.on('ready', () => {
    canary.publisherOpened();
    sendCanary();
  });

  for (const connection of [publisher, subscriber]) connection.connect().catch(() => {});
  const timer = setInterval(tick, canaryMs).unref();

  return {
    nodeId,

    publish(topic: string, message: Broadcast) {
      try {
        topics.deliver(topic, message, nodeId);
      } finally {
        sendBroadcast(topic, message);
      }
    },

    subscribe(topic: string, deliver: Deliver): Subscription {
      const stop = topics.add(topic, deliver);
      return { ready: channels.add(topicPrefix + topic), stop };
    },

    onGap: (listener) => void gapListeners.push(listener),
    silenceMs: canary.silenceMs,
    lagMs: canary.lagMs,

    ready: (timeoutMs) =>
      new Promise((resolve, reject) => {
        const heard = () => {
          clearTimeout(timeout);
          heardListeners.delete(heard);
          resolve();
        };
        const timeout = setTimeout(() => {
          heardListeners.delete(heard);
          reject(new PubSubUnavailable(`no message came back through Redis within ${timeoutMs} ms`));
        }, timeoutMs);
        heardListeners.add(heard);
        sendCanary();
      }),

    async close() {
      clearInterval(timer);
      topics.clear();
      await lastPublish.catch(() => {});
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}
