import type { IndexEntry, Store } from '../../server/store/index.ts';
import { Aggregates, type AggregateType, ok } from '../kernel/aggregate.ts';
import { placeKey } from '../kernel/lists/order.ts';
import { refuse } from '../kernel/reasons.ts';

/**
 * Where a conversation stands in the lists of its participants. It may stand in too many for a moment, never in too few:
 * whoever reads a list checks each hit. An agent is put here before it is added, and taken away after it was removed.
 */
interface Listing {
  /** Null: the id was claimed for a conversation that was not made, and is free again. */
  readonly taskId: string | null;
  readonly createdAtMs: number;
  /** As of this seq of its log. */
  readonly seq: number;
  readonly participants: readonly string[];
  /** About to be added. */
  readonly coming: readonly string[];
}

type ListingCommand =
  | { readonly type: 'claim'; readonly taskId: string; readonly coming: readonly string[] }
  | { readonly type: 'forsake'; readonly taskId: string }
  | { readonly type: 'expect'; readonly agentId: string }
  | {
      readonly type: 'settle';
      readonly createdAtMs: number;
      readonly seq: number;
      readonly participants: readonly string[];
      /** Those that are no longer about to be added. */
      readonly come: readonly string[];
    };

/** The index of an agent's conversations, by creation. */
export const agentConversationsIndex = (agentId: string) => `conversations:agent:${agentId}`;

const listingType: AggregateType<Listing, ListingCommand, never> = {
  kind: 'conversation',
  places: placesOf,
  parse: ({ listing = '{}' }) => JSON.parse(listing) as Listing,
  change: (after) => ({ fields: { listing: JSON.stringify(after) } }),
  decide(before, command, nowMs) {
    if (command.type === 'claim') {
      const { taskId, coming } = command;
      if (!before || before.taskId === null) {
        return ok({ state: { taskId, createdAtMs: nowMs, seq: 0, participants: [], coming }, events: [] });
      }
      if (before.taskId !== taskId) return refuse('forbidden', { reason: 'conflict' });
      const all = [...new Set([...before.coming, ...coming])];
      // One that is made already is called again: it is listed with those who are in it.
      const isListed = before.seq > 0 || all.length === before.coming.length;
      return ok({ state: isListed ? before : { ...before, coming: all }, events: [] });
    }
    if (!before) return refuse('conversation_not_found');
    if (command.type === 'forsake') {
      const isUnused = before.taskId === command.taskId && before.seq === 0;
      return ok({ state: isUnused ? { ...before, taskId: null, coming: [] } : before, events: [] });
    }
    if (command.type === 'expect') {
      const { agentId } = command;
      const isListed = before.coming.includes(agentId) || before.participants.includes(agentId);
      return ok({ state: isListed ? before : { ...before, coming: [...before.coming, agentId] }, events: [] });
    }
    const { createdAtMs, seq, participants, come } = command;
    const coming = before.coming.filter((agentId) => !come.includes(agentId));
    const isNewer = seq >= before.seq;
    return ok({ state: { ...before, coming, ...(isNewer && { createdAtMs, seq, participants }) }, events: [] });
  },
};

function placesOf({ createdAtMs, participants, coming }: Listing): IndexEntry[] {
  const key = placeKey(createdAtMs);
  return [...new Set([...participants, ...coming])].map((agentId) => ({
    index: agentConversationsIndex(agentId),
    key,
  }));
}

/** The conversations by their ids, and the lists of their participants. */
export class ConversationDirectory {
  readonly #listings: Aggregates<Listing, ListingCommand, never>;

  constructor(store: Store) {
    this.#listings = new Aggregates(store, listingType);
  }

  async taskOf(conversationId: string): Promise<string | undefined> {
    return (await this.#listings.read(conversationId))?.taskId ?? undefined;
  }

  /** In the order of `ids`. */
  async tasksOf(conversationIds: readonly string[]): Promise<(string | undefined)[]> {
    return (await this.#listings.readMany(conversationIds)).map((listing) => listing?.taskId ?? undefined);
  }

  /** Takes an id for a task, for good, and lists it with those who are about to be in it. `forbidden`: another task's. */
  claim(conversationId: string, taskId: string, coming: readonly string[]) {
    return this.#listings.apply(conversationId, { type: 'claim', taskId, coming });
  }

  /** Gives an id back that was taken for a conversation which was not made. */
  async forsake(conversationId: string, taskId: string): Promise<void> {
    await this.#listings.apply(conversationId, { type: 'forsake', taskId });
  }

  /** Lists a conversation with an agent that is about to be added. */
  async expect(conversationId: string, agentId: string): Promise<void> {
    await this.#listings.apply(conversationId, { type: 'expect', agentId });
  }

  /** Lists a conversation with those who are in it as of a seq of its log. @param come no longer about to be added */
  async settle(
    conversationId: string,
    as: { readonly createdAtMs: number; readonly seq: number; readonly participants: readonly string[] },
    come: readonly string[],
  ): Promise<void> {
    await this.#listings.apply(conversationId, { type: 'settle', ...as, come });
  }
}
