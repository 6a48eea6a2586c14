import { Unavailable } from '../unavailable.ts';

/**
 * The pub/sub port: carries broadcasts between nodes.
 *
 * At most once: a message may get lost with a connection, so what may not get lost lives in the store. Whoever has
 * subscriptions learns of a possible loss by `onGap`. Two adapters: `local` (one node) and `redis`.
 */
export interface PubSub {
  /** This node's name in messages; unique among running processes, a restarted node has another. */
  readonly nodeId: string;

  /**
   * Hands `message` to the subscribers of `topic` on every node: on this one before the call returns, on others soon;
   * in order per topic and publishing node.
   */
  publish(topic: string, message: Broadcast): void;

  /**
   * Delivers later publishes until `stop` is called. `ready` resolves when the publishes of other nodes arrive too;
   * it is undefined where that is so at once. Rejects with `PubSubUnavailable` while the broker is out of reach.
   */
  subscribe(topic: string, deliver: Deliver): Subscription;

  /** Calls back after a connection was lost and all subscriptions stand again: publishes in between may be missing. */
  onGap(listener: () => void): void;

  /** Milliseconds since this node last heard itself through the broker, all parts of it; 0 without a broker. */
  silenceMs(): number;

  /** Milliseconds that the latest canary took through the broker, its slowest part; 0 without a broker. */
  lagMs(): number;

  close(): Promise<void>;
}

/** Message that subscribers receive. Its payload is encoded already, so that no node encodes or parses it per subscriber. */
export interface Broadcast {
  readonly event: string;
  /** JSON text, or raw bytes for a binary broadcast. */
  readonly payload: string | Uint8Array;
}

/** `nodeId` is the publishing node's. */
export type Deliver = (message: Broadcast, nodeId: string) => void;

export interface Subscription {
  readonly ready: Promise<void> | undefined;
  /** Twice is fine. */
  stop(): void;
}

/** The broker is out of reach: what other nodes publish does not arrive. */
export class PubSubUnavailable extends Unavailable {
  override readonly name = 'PubSubUnavailable';
}
