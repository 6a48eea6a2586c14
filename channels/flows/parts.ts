import type { SentMessage } from './port.ts';

/** Two agents (`from` < `to`): when one node has last seen each kind of traffic between them, and how much of it. */
export type PairItem = readonly [what: 'pair', from: string, to: string, lastMs: readonly number[], sent: number];

/** Seconds of what went one way by one node, as `SlidingWindow.since` gives them. */
export type WindowItem = readonly [
  what: 'window',
  from: string,
  to: string,
  lastActivityMs: number,
  seconds: readonly number[],
];

export type MessageItem = readonly [what: 'message', message: SentMessage];

/** What a node tells of itself; the same again changes nothing, but for messages. */
export type PartItem = PairItem | WindowItem;
export type PartChange = PartItem | MessageItem;
