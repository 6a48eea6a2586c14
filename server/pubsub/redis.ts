import { randomBytes } from 'node:crypto';
import { clusterHosts, keyPrefix, type RedisOptions } from '../redis/connect.ts';
import { reservedTopics } from '../reserved_topics.ts';
import { within } from '../within.ts';
import { ClusterLinks } from './cluster_links.ts';
import { decodeFrame, encodeFrame, isFrameOf, nodeIdBytes } from './frame.ts';
import { GapDebouncer } from './gap_debouncer.ts';
import type { Links, LinksListener } from './links.ts';
import { LossNotifier } from './loss_notifier.ts';
import { oneLink } from './one_link.ts';
import { type Broadcast, type Deliver, type PubSub, PubSubUnavailable, type Subscription } from './port.ts';
import { createTopics } from './topics.ts';

/** A gap is told once all links stand again; it does not wait longer than this for the last. */
const TELL_GAP_WITHIN_MS = 1_000;

/** Gaps that follow on one are gathered for so many canaries' time. */
const CANARIES_OF_QUIET = 3;

const { lost: LOST } = reservedTopics;

export interface RedisPubSubOptions extends RedisOptions {
  /** The first part of `PubSub.nodeId`; a random part follows, so that two processes of one name stay apart. */
  readonly nodeId: string;
  /** Interval at which the node sends itself a message through Redis. Default 1 s. */
  readonly canaryMs?: number;
}

export interface RedisPubSub extends PubSub {
  /** Resolves when this node has heard itself through Redis. @throws PubSubUnavailable after `timeoutMs` */
  ready(timeoutMs: number): Promise<void>;
}

/**
 * Broadcasts through Redis: through one link, or in a Redis Cluster through one to each master, by the topic's slot. A gap
 * is told here after subscriptions were lost, and on the other nodes after broadcasts of this one may have been.
 */
export function redisPubSub(options: RedisPubSubOptions): RedisPubSub {
  const { canaryMs = 1_000, onTrouble } = options;
  const nodeId = `${options.nodeId}.${randomBytes(6).toString('hex')}`;
  const nodeBytes = nodeIdBytes(nodeId);
  const topicPrefix = `${keyPrefix(options.networkId)}topic:`;

  const topics = createTopics((topic) => links.of(topicPrefix + topic)?.remove(topicPrefix + topic));
  const losses = new LossNotifier(() => links.of(topicPrefix + LOST));
  const gaps = new GapDebouncer(CANARIES_OF_QUIET * canaryMs);
  const heardListeners = new Set<() => void>();
  let gapTimer: NodeJS.Timeout | undefined;

  const listener: LinksListener = {
    received: (channel, frame) => {
      try {
        receive(channel, frame);
      } catch (error) {
        // A subscriber's fault is not one of the connection that brought the message.
        onTrouble?.(error instanceof Error ? error : new Error(String(error)));
      }
    },
    lost: (link) => losses.lost(link),
    heard() {
      for (const hear of heardListeners) hear();
    },
    restored(missed) {
      if (missed) gapTimer ??= setTimeout(tellGap, TELL_GAP_WITHIN_MS).unref();
      if (gapTimer && links.all().every(({ isSubscribed }) => isSubscribed)) tellGap();
    },
    replaced: (mayHaveLost) => losses.replaced(mayHaveLost),
    *wanted() {
      yield topicPrefix + LOST;
      for (const topic of topics.names()) yield topicPrefix + topic;
    },
    trouble: (error) => onTrouble?.(error),
  };
  const hosts = clusterHosts(options);
  const links: Links = hosts ? new ClusterLinks(options, hosts, nodeId, listener) : oneLink(options, nodeId, listener);
  links.of(topicPrefix + LOST)?.add(topicPrefix + LOST);

  /** If it is lost, the others are told later. */
  function sendBroadcast(topic: string, message: Broadcast) {
    links.publish(topicPrefix + topic, encodeFrame(nodeBytes, message));
  }

  function tick() {
    for (const link of links.all()) link.tick();
    if (losses.take()) sendBroadcast(LOST, { event: 'lost', payload: '{}' });
  }

  function tellGap() {
    clearTimeout(gapTimer);
    gapTimer = undefined;
    gaps.tell();
  }

  function receive(channel: string, frame: Buffer) {
    if (isFrameOf(nodeBytes, frame)) return;
    const decoded = decodeFrame(frame);
    if (channel === topicPrefix + LOST) return decoded?.message.event === 'lost' ? gaps.tell() : undefined;
    if (decoded) topics.deliver(channel.slice(topicPrefix.length), decoded.message, decoded.nodeId);
  }

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
      const link = links.of(topicPrefix + topic);
      return { ready: link ? link.add(topicPrefix + topic) : nowhere(), stop };
    },

    onGap: (listener) => gaps.add(listener),
    silenceMs: () => performance.now() - links.heardAt(),
    lagMs: () => Math.max(0, ...links.all().map(({ lagMs }) => lagMs)),

    async ready(timeoutMs) {
      const asked = performance.now();
      let heard = () => {};
      const hasHeard = new Promise<true>((resolve) => {
        heard = () => links.heardAt() > asked && resolve(true);
      });
      heardListeners.add(heard);
      for (const link of links.all()) link.sendCanary();
      const inTime = await within(timeoutMs, hasHeard);
      heardListeners.delete(heard);
      if (!inTime) throw new PubSubUnavailable(`no message came back through Redis within ${timeoutMs} ms`);
    },

    async close() {
      clearInterval(timer);
      clearTimeout(gapTimer);
      gaps.close();
      topics.clear();
      await Promise.all(links.all().map((link) => link.published()));
      links.close();
    },
  };
}

/** No master is known to carry the topic. */
function nowhere(): Promise<void> {
  const promise = Promise.reject<void>(new PubSubUnavailable('Redis is out of reach'));
  promise.catch(() => {});
  return promise;
}
