import { channel } from 'node:diagnostics_channel';

/** Fields that every hook has. */
interface Hook {
  /** The node: one process may run several. */
  readonly nodeId: string;
  /** The topic as the channel defines it, `room:*`: of these there are few. */
  readonly pattern: string;
  readonly topic: string;
}

export interface ChannelJoined extends Hook {
  /** From when the channel was asked until the client was answered. */
  readonly durationMs: number;
}

export interface EventHandled extends Hook {
  /** As the client wrote it. */
  readonly event: string;
  /** True if the channel names the event among its `events`; others are clients' to invent. */
  readonly isDeclared: boolean;
  /** From when the event's turn came until its answer, by `later` too. */
  readonly durationMs: number;
}

export interface EventRefused extends Hook {
  /** `phx_join` for a join. */
  readonly event: string;
  readonly reason: string;
}

export interface HandlerCrashed extends Hook {
  /** `phx_join` for a join, `joined` for what comes after it. */
  readonly event: string;
  readonly error: unknown;
}

/**
 * Diagnostics channels of Node.js about channels, by these names and under `aerie.channel.<name>`: whoever subscribes
 * gets an object of the type beside it. While nobody does, nothing is measured and nothing made.
 *
 * @example hooks.handled.subscribe((message) => { const { pattern, event, durationMs } = message as EventHandled; });
 */
export const hooks = {
  /** `ChannelJoined` */
  joined: channel('aerie.channel.joined'),
  /** `EventHandled`: an event got its answer, a refusal or none by intent included. */
  handled: channel('aerie.channel.handled'),
  /** `EventRefused`: a join or an event was answered with a refusal. */
  refused: channel('aerie.channel.refused'),
  /** `HandlerCrashed`: a handler threw. */
  crashed: channel('aerie.channel.crashed'),
};

/** @returns when something began that `hook` will tell of, in ms; 0 while nobody listens */
export function startOf(hook: (typeof hooks)['joined' | 'handled']): number {
  return hook.hasSubscribers ? performance.now() : 0;
}
