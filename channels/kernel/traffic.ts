import type { Change, Store } from '../../server/store/index.ts';

/** Kinds of what passes between two agents, in the order in which they are named. */
export const TRAFFIC_KINDS = ['message', 'task', 'negotiation', 'payment'] as const;

export type TrafficKind = (typeof TRAFFIC_KINDS)[number];

/**
 * That something has passed from one agent to another. Unlike a fact it is not stored: it is told on the node that has made the
 * commit, after it, to whoever shows what passes now.
 */
export interface Traffic {
  readonly kind: TrafficKind;
  /** `null`: the platform. */
  readonly from: string | null;
  readonly to: string;
  /** The store's clock at the decision. */
  readonly atMs: number;
  /** Messages, chunks, offers or transfers; 0: something else that the two have to do with each other. */
  readonly messages: number;
  /** Of their payloads. */
  readonly bytes: number;
  readonly settled: SettledTraffic | null;
  /** The message that an inbox has taken. */
  readonly message: InboxMessage | null;
}

/** What a recipient has made of a message that came from `from`. */
export interface SettledTraffic {
  readonly as: 'acknowledged' | 'rejected';
  /** From its storing. */
  readonly afterMs: number;
}

export interface InboxMessage {
  readonly id: string;
  readonly type: string;
  readonly payloadJson: string;
  readonly payloadBytes: number;
  readonly expiresAtMs: number;
  /** False for a word of the platform about a thing between agents: that is counted where the thing changes. */
  readonly isCounted: boolean;
}

/** Something between two agents that is neither a message nor answers one. */
export const touched = (kind: TrafficKind, from: string, to: string, atMs: number): Traffic => ({
  kind,
  from,
  to,
  atMs,
  messages: 0,
  bytes: 0,
  settled: null,
  message: null,
});

/** A message, chunk, offer or transfer. @param bytes of its payload */
export const passed = (kind: TrafficKind, from: string, to: string, atMs: number, bytes = 0): Traffic => ({
  kind,
  from,
  to,
  atMs,
  messages: 1,
  bytes,
  settled: null,
  message: null,
});

/** A change, and what passes by it. A store keeps the change alone. */
export interface TrafficChange extends Change {
  readonly traffic?: readonly Traffic[];
}

/** Hands over what has passed by commits of this node. */
export class TrafficTap {
  readonly #listeners: ((traffic: Traffic) => void)[] = [];

  /** @param listener must not throw, and is called for every message: what it costs, every message costs */
  listen(listener: (traffic: Traffic) => void): void {
    this.#listeners.push(listener);
  }

  tell(traffic: Traffic): void {
    for (const listener of this.#listeners) listener(traffic);
  }
}

/** The same store, whose commits tell what has passed once they are durable. */
export const tapped = (store: Store, tap: Pick<TrafficTap, 'tell'>): Store => ({
  ...store,
  async commit(aggregate, expected, change: TrafficChange, lastCommitId) {
    const result = await store.commit(aggregate, expected, change, lastCommitId);
    if (result.ok && change.traffic) for (const traffic of change.traffic) tap.tell(traffic);
    return result;
  },
});
