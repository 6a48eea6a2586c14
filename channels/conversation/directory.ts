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
  /** About to be added: once for each call that is under way, or of which it is not known how it ended. */
  readonly coming: readonly string[];
}

/** Beyond it an agent that is about to be added stands here once, whatever number of calls is under way. */
const MAX_COMING = 8_192;

type ListingCommand =
  | { readonly type: 'claim'; readonly taskId: string; readonly coming: readonly string[] }
  | { readonly type: 'forsake'; readonly taskId: string; readonly come: readonly string[] }
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
      return ok({ state: { ...before, coming: withThose(before.coming, coming) }, events: [] });
    }
    if (!before) return refuse('conversation_not_found');
    if (command.type === 'forsake') {
      if (before.taskId !== command.taskId) return ok({ state: before, events: [] });
      const coming = without(before.coming, command.come);
      const isUnused = before.seq === 0 && coming.length === 0;
      return ok({ state: { ...before, coming, taskId: isUnused ? null : before.taskId }, events: [] });
    }
    if (command.type === 'expect') {
      return ok({ state: { ...before, coming: withThose(before.coming, [command.agentId]) }, events: [] });
    }
    const { createdAtMs, seq, participants, come } = command;
    const coming = without(before.coming, come);
    const isNewer = seq >= before.seq;
    return ok({ state: { ...before, coming, ...(isNewer && { createdAtMs, seq, participants }) }, events: [] });
  },
};

const withThose = (coming: readonly string[], more: readonly string[]) =>
  coming.length < MAX_COMING ? [...coming, ...more] : [...new Set([...coming, ...more])];

/** Takes each of them away once. */
function without(coming: readonly string[], come: readonly string[]): string[] {
  const left = new Set(come);
  return coming.filter((agentId) => !left.delete(agentId));
}

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

  /** Takes an id for a task, and lists it with those who are about to be in it. `forbidden`: another task's. */
  claim(conversationId: string, taskId: string, coming: readonly string[]) {
    return this.#listings.apply(conversationId, { type: 'claim', taskId, coming });
  }

  /** Takes away those who were not added after all; an id of which nothing came, and nothing is to come, is free again. */
  async forsake(conversationId: string, taskId: string, come: readonly string[]): Promise<void> {
    await this.#listings.apply(conversationId, { type: 'forsake', taskId, come });
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
