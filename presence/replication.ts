import { Unavailable } from '../server/index.ts';
import type { Entry } from './entry.ts';
import type { EntryChange } from './group.ts';
import type { TopicChangeTarget } from './topic_replica.ts';

/**
 * Shares this node's presences with the other nodes and brings theirs. Each node owns its entries: nobody else changes
 * or removes them while it lives. A broker that is away shows nowhere but in `follow`.
 */
export interface Replication {
  /**
   * From now on `target` gets the changes of the topic's entries on other nodes. Resolves when those of all live nodes are
   * there, undefined if they are. Rejects with `PresenceUnavailable` if they cannot be had now; they come as changes as
   * soon as they can.
   */
  follow(topic: string, target: TopicChangeTarget): Promise<void> | undefined;

  /** @returns the entries of other nodes, of which the target gets no changes any more. */
  unfollow(topic: string): readonly Entry[];

  /** Notes a change of this node's own entries. */
  record(topic: string, change: EntryChange): void;

  /** Shares what was noted. */
  flush(topic: string): void;

  close(): Promise<void>;
}

/** Other nodes' presences cannot be had now. */
export class PresenceUnavailable extends Unavailable {
  override readonly name = 'PresenceUnavailable';
}
