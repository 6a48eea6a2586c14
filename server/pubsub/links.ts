import type { Link, LinkListener } from './link.ts';

/** The way to Redis, or to each master of a Redis Cluster. */
export interface Links {
  /** The one that carries a channel; undefined while none is known to. */
  of(channel: string): Link | undefined;
  publish(channel: string, frame: Buffer): void;
  all(): readonly Link[];
  /** Time at which the longest silent of them was last heard, on the clock of `performance.now()`. */
  heardAt(): number;
  close(): void;
}

export interface LinksListener extends Omit<LinkListener, 'suspect'> {
  /** The links are new ones; `mayHaveLost` when broadcasts may have gone to a master that had their slot no more. */
  replaced(mayHaveLost: boolean): void;
  /** Topics that new links have to subscribe to. */
  wanted(): Iterable<string>;
}

export const earliestHeard = (links: readonly Link[]) => Math.min(...links.map(({ heardAt }) => heardAt));
