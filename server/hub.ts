import { randomUUID } from 'node:crypto';
import { localPubSub } from './pubsub/local.ts';
import type { Broadcast, Deliver, PubSub, Subscription } from './pubsub/port.ts';
import { refuseReserved, reservedTopics } from './reserved_topics.ts';
import { Fanout, type FanoutStats } from './runtime/fanout.ts';
import type { NativePublish } from './runtime/transport.ts';

/** A topic with members on one node. */
export interface LocalTopic {
  readonly name: string;
  readonly members: number;
  readonly receivedPerSecond: number;
  readonly broadcastsPerSecond: number;
}

/**
 * Carries messages between whoever is on a topic: clients, and the parts of a node. It is made before everything else and
 * handed to features, presence and the endpoint, so that each can broadcast without knowing the endpoint.
 */
export class Hub {
  readonly pubsub: PubSub;
  /** The members of topics on this node; for the endpoint. */
  readonly fanout: Fanout;
  #hasEndpoint = false;

  /** @param pubsub left out: this node is alone */
  constructor(pubsub: PubSub = localPubSub({ nodeId: randomUUID() })) {
    this.pubsub = pubsub;
    this.fanout = new Fanout(pubsub);
  }

  get stats(): Readonly<FanoutStats> {
    return this.fanout.stats;
  }

  /** The topics with members or joins on this node, each as it is when it is its turn. */
  *topics(): Iterable<LocalTopic> {
    for (const { name, size, traffic } of this.fanout.topics()) {
      const { received, broadcasts } = traffic.perSecond(Date.now());
      yield { name, members: size, receivedPerSecond: received, broadcastsPerSecond: broadcasts };
    }
  }

  /** Delivers what is published to a topic from now on, on any node, to this part of this node. */
  subscribe(topic: string, deliver: Deliver): Subscription {
    return this.pubsub.subscribe(topic, deliver);
  }

  /** Publishes to the subscribers of a topic, on every node: for an `internalTopic`, which no client can join. */
  publish(topic: string, message: Broadcast): void {
    this.pubsub.publish(topic, message);
  }

  /**
   * Broadcasts to the members of a topic, on every node; `disconnect` to a socket id closes the sockets of that id.
   *
   * @param payload an object, or bytes
   * @throws EncodeError before anything is sent, if a member's protocol version cannot carry the payload
   * @throws Error for a topic that is reserved
   */
  broadcast(topic: string, event: string, payload: object): void {
    refuseReserved(topic);
    if (event === 'disconnect') this.disconnect(topic);
    this.fanout.publish(topic, event, payload);
  }

  /** Broadcasts to this node's members only. @param payloadJson JSON text of an object */
  broadcastLocal(topic: string, event: string, payloadJson: string): void {
    refuseReserved(topic);
    this.fanout.publishLocal(topic, event, payloadJson);
  }

  /** Closes every socket of an id, on every node; clients may come back. */
  disconnect(id: string): void {
    this.pubsub.publish(reservedTopics.disconnect, { event: 'disconnect', payload: JSON.stringify({ id }) });
  }

  /**
   * Plugs in the endpoint that has this node's clients.
   *
   * @param publish its native publisher, which serves all subscribers of a native topic at once
   * @param disconnect closes its sockets of an id
   * @returns a stop: nothing is disconnected after it
   * @throws Error if there is one already: a native publisher reaches its own endpoint's clients alone
   */
  plug(publish: NativePublish, disconnect: (id: string) => void): () => void {
    if (this.#hasEndpoint) throw new Error('This hub has an endpoint already: make a Hub for each Endpoint.');
    this.#hasEndpoint = true;
    this.fanout.plug(publish);
    const { ready, stop } = this.subscribe(reservedTopics.disconnect, ({ event, payload }) => {
      if (event !== 'disconnect') return;
      const { id } = JSON.parse(String(payload)) as { id: string };
      disconnect(id);
    });
    ready?.catch(() => {});
    return stop;
  }
}
