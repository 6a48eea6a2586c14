import type { Broadcast, Deliver, PubSub, Subscription } from './port.ts';
import { createTopics } from './topics.ts';

/** The adapter for one node: everything is delivered before `publish` returns, nothing gets lost. */
export function localPubSub({ nodeId }: { readonly nodeId: string }): PubSub {
  const topics = createTopics();
  return {
    nodeId,
    publish: (topic: string, message: Broadcast) => topics.deliver(topic, message, nodeId),
    subscribe(topic: string, deliver: Deliver): Subscription {
      return { ready: undefined, stop: topics.add(topic, deliver) };
    },
    onGap() {},
    silenceMs: () => 0,
    lagMs: () => 0,
    async close() {
      topics.clear();
    },
  };
}
