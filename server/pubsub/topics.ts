import type { Broadcast, Deliver } from './port.ts';

/** The subscribers on this node, by topic. */
export interface Topics {
  /** @returns a stop that may be called twice. The same function twice is two subscribers. */
  add(topic: string, deliver: Deliver): () => void;
  deliver(topic: string, message: Broadcast, nodeId: string): void;
  has(topic: string): boolean;
  names(): Iterable<string>;
  clear(): void;
}

/** `emptied` is called when a topic lost its last subscriber. */
export function createTopics(emptied?: (topic: string) => void): Topics {
  // Sets of entries rather than arrays: a subscriber may stop, or another start, while a message is being delivered.
  const subscribers = new Map<string, Set<{ readonly deliver: Deliver }>>();

  return {
    add(topic, deliver) {
      const entry = { deliver };
      const existing = subscribers.get(topic);
      if (existing) existing.add(entry);
      else subscribers.set(topic, new Set([entry]));

      return () => {
        const entries = subscribers.get(topic);
        if (!entries?.delete(entry) || entries.size > 0) return;
        subscribers.delete(topic);
        emptied?.(topic);
      };
    },

    deliver(topic, message, nodeId) {
      const entries = subscribers.get(topic);
      if (entries) for (const entry of entries) entry.deliver(message, nodeId);
    },

    has: (topic) => subscribers.has(topic),
    names: () => subscribers.keys(),
    clear: () => subscribers.clear(),
  };
}
