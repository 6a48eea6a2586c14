import type { Hub } from '../server/index.ts';
import type { Meta } from './entry.ts';
import type { Replication } from './replication.ts';

/** A channel as presence needs it: a member of a topic, until it ends. */
export interface Tracked {
  readonly topic: string;
  /** Calls back once when the channel ends; at once if it has ended. */
  onEnd(listener: () => void): void;
}

/** Tracks who is present, by key, in the format that Phoenix.Presence sends to the official client's `Presence`. */
export interface Presence {
  /**
   * Keeps the topic's presences up to date on this node until the channel ends; undefined if they are already.
   * Rejects if other nodes' presences cannot be had now; those come as diffs then, as soon as they can.
   */
  follow(channel: Tracked): Promise<void> | undefined;

  /**
   * Tracks `key` for this channel until it ends.
   *
   * @returns phx_ref
   * @throws Error if this channel already tracks that key
   * @throws TypeError if `meta` cannot be written as JSON
   */
  track(channel: Tracked, key: string, meta: object): string;

  /** Replaces the meta: new phx_ref, phx_ref_prev = the former one. @returns false if not tracked */
  update(channel: Tracked, key: string, meta: object): boolean;

  untrack(channel: Tracked, key: string): void;

  /** The metas of one key as they are now, newest last; [] if absent. */
  get(topic: string, key: string): readonly Meta[];

  /** The keys that are present now. */
  keys(topic: string): Iterable<string>;

  /**
   * Calls back with each key of a topic that has changed: `get` says so already. Of other nodes' changes where the topic is
   * followed here.
   *
   * @returns a stop
   */
  listen(topic: string, listener: (key: string) => void): () => void;

  /**
   * The JSON text of a `presence_state` payload: `{key:{metas:[{…meta, phx_ref}]}}`. It is what the diffs broadcast so
   * far add up to, so that a member which gets it and all later diffs knows the truth: a change of this moment is not
   * in it, its diff follows. One cached string until a diff is broadcast.
   */
  state(topic: string): string;

  /** Broadcasts what is gathered, then gives up this node's entries. */
  close(): Promise<void>;
}

export interface PresenceOptions {
  /** Brings each `presence_diff` to the members of its topic on this node. */
  readonly hub: Pick<Hub, 'broadcastLocal'>;
  /** The least time between two diffs of one topic; 0: every change is a diff of its own. */
  readonly diffIntervalMs: number;
  /** Left out: this node is alone. */
  readonly replication?: Replication;
}
