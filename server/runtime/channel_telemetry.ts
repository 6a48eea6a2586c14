import type { Channel } from '../channel.ts';
import { hooks } from '../hooks.ts';
import type { ChannelConnection } from './channel_connection.ts';

// Counters of the node, its log and the hooks: all that is told of a joined channel to others than its client. Plain
// functions, so that a channel has no object for it, and nothing is made while nobody listens.

/** A channel that something is told of. */
interface Observed {
  readonly topic: string;
  readonly channel: Channel<never>;
  readonly connection: Pick<ChannelConnection, 'context' | 'socket'>;
}

/** Counts a join that was accepted, and writes it to the log. */
export function countJoin({ topic, connection: { context, socket } }: Observed): void {
  context.stats.joins++;
  context.log.info({ topic, id: socket.connected.ids[0] }, 'joined');
}

/** @param startedAtMs when the channel was asked, by `startOf` */
export function tellJoined(observed: Observed, startedAtMs: number): void {
  if (startedAtMs === 0) return;
  hooks.joined.publish({ ...whereabouts(observed), durationMs: performance.now() - startedAtMs });
}

/** For every event: one object, made in one piece. @param startedAtMs when the event's turn came, by `startOf` */
export function tellHandled(observed: Observed, event: string, startedAtMs: number): void {
  if (startedAtMs === 0) return;
  const { topic, channel, connection } = observed;
  hooks.handled.publish({
    nodeId: connection.context.nodeId,
    pattern: channel.topic,
    topic,
    event,
    isDeclared: channel.events.has(event),
    durationMs: performance.now() - startedAtMs,
  });
}

/** @param event `phx_join` for a join */
export function tellRefusal(observed: Observed, event: string, reason: unknown): void {
  if (hooks.refused.hasSubscribers) hooks.refused.publish({ ...whereabouts(observed), event, reason: String(reason) });
}

/** Counts something that an author's code threw, whatever the client is answered. @param event `phx_join` for a join */
export function tellFault(observed: Observed, event: string, error: unknown): void {
  observed.connection.context.stats.faults++;
  if (hooks.crashed.hasSubscribers) hooks.crashed.publish({ ...whereabouts(observed), event, error });
}

export function logJoinCrash({ topic, connection }: Observed, error: unknown): void {
  connection.context.log.error({ err: error, topic }, 'join crashed');
}

export function logCrash({ topic, connection }: Observed, event: string, error: unknown): void {
  connection.context.log.error({ err: error, topic, event }, 'channel crashed');
}

export function logFailedEnd({ topic, connection }: Observed, error: unknown): void {
  connection.context.log.error({ err: error, topic }, 'leave hook of a channel failed');
}

const whereabouts = ({ topic, channel, connection }: Observed) => ({
  nodeId: connection.context.nodeId,
  pattern: channel.topic,
  topic,
});
