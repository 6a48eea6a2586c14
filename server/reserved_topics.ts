/**
 * Topics on which nodes talk to each other. A client cannot join them and an author cannot broadcast to them, so whatever
 * stands on them was sent by a node. Names on the wire do not change: nodes of two versions understand each other.
 */

/** Begins every internal topic but the oldest, which have names of their own. */
const MARK = '\0';
const DISCONNECT = 'disconnect';
const LONG_POLL_REQUESTS = 'longpoll_requests:';
const LONG_POLL_RESPONSES = 'longpoll_responses:';

/** A topic of the server's own, for what stands on the framework: `agent_changed` is `\0agent_changed`. */
export const internalTopic = (name: string): string => MARK + name;

/** The framework's own topics. */
export const reservedTopics = {
  /** Nodes tell each other here to close the sockets of an id. */
  disconnect: DISCONNECT,
  /** A node whose broadcasts may have got lost says so here. */
  lost: internalTopic('lost'),
  /** Nodes tell each other here that they came or went. */
  nodes: internalTopic('nodes'),
  /** Nodes ask each other here for their busiest topics, and answer on the asking node's own. */
  busyTopics: internalTopic('topics'),
  busyTopicsFor: (nodeId: string) => internalTopic(`topics:${nodeId}`),
  /** Polls and posts of a long-poll session for the node that holds it, and their answers. */
  longPollRequests: (nodeId: string) => LONG_POLL_REQUESTS + nodeId,
  longPollResponses: (nodeId: string) => LONG_POLL_RESPONSES + nodeId,
} as const;

/** The channel of Redis, beside those of topics, on which a node hears itself. @param part where there are several links */
export const canaryChannel = (keyPrefix: string, nodeId: string, part?: number): string =>
  part === undefined ? `${keyPrefix}canary:${nodeId}` : `${keyPrefix}canary:{${part}}:${nodeId}`;

/** True if a topic is one on which nodes talk to each other. */
export function isReserved(topic: string): boolean {
  return (
    topic.startsWith(MARK) ||
    topic === DISCONNECT ||
    topic.startsWith(LONG_POLL_REQUESTS) ||
    topic.startsWith(LONG_POLL_RESPONSES)
  );
}

/** @throws Error that says what to do, for a topic that is reserved */
export function refuseReserved(topic: string): void {
  if (!isReserved(topic)) return;
  const remedy =
    topic === DISCONNECT
      ? 'to close sockets, broadcast `disconnect` to one of their ids, or call disconnect(id)'
      : 'choose a topic that does not begin with a NUL character, longpoll_requests: or longpoll_responses:';
  throw new Error(
    `the topic ${JSON.stringify(topic.slice(0, 256))} is reserved for the server's own messages: ${remedy}`,
  );
}
