import type { IndexHit, Store } from '../../server/store/index.ts';
import { isListed } from '../kernel/lists/upkeep.ts';
import { accountsIndex } from './indexes.ts';

export const WIRE_IDS = 'wire_ids';
const aggregate = { kind: WIRE_IDS, id: 'agents' };
const FILLED = 'filled';
const COUNTER = 'agent_wire_ids';
/** Agents are looked up, and read, so many at a time. */
const PAGE = 500;
const AGAIN_MS = 500;

/** Agents as their numbers need them. */
export interface NumberedAgents {
  readProfiles(
    ids: readonly string[],
  ): Promise<readonly ({ readonly id: string; readonly wireId?: number } | undefined)[]>;
  /** Gives a number to an agent that has none. */
  giveWireId(id: string, wireId: number): Promise<unknown>;
}

type WireIdStore = Pick<Store, 'read' | 'commit' | 'increment' | 'lookup'>;

/**
 * The numbers by which agents are named in binary frames: from 1 on, in order of registration, each given once. Agents that an
 * earlier version has registered get theirs before any new one does: one node goes through them, oldest first, and until it has,
 * new agents go without and are among those that it finds.
 */
export class WireIds {
  readonly #store: WireIdStore;
  #isFilled = false;

  constructor(store: WireIdStore) {
    this.#store = store;
  }

  /** The number of an agent that is about to be registered; `undefined`: it gets one later. */
  async next(): Promise<number | undefined> {
    return (await this.isFilled()) ? this.#store.increment(COUNTER, 1) : undefined;
  }

  /** True once all agents that were there before numbers were have one. */
  async isFilled(): Promise<boolean> {
    if (!this.#isFilled) this.#isFilled = (await this.#store.read(aggregate, [FILLED])).fields[FILLED] !== undefined;
    return this.#isFilled;
  }

  /** Has some node go through the agents, unless one has. */
  async begin(): Promise<void> {
    const { version, nowMs } = await this.#store.read(aggregate);
    if (version > 0) return;
    const isNew = (await isListed(this.#store)) && (await this.#agentIds(1)).length === 0;
    // Another node that was faster has done the same.
    await this.#store.commit(aggregate, 0, isNew ? { fields: { [FILLED]: '1' } } : { deadlineMs: nowMs });
  }

  /** At the deadline: gives numbers to all that have none, oldest first. Twice changes nothing. */
  async fill(agents: NumberedAgents): Promise<void> {
    const done = await isListed(this.#store);
    if (done) await this.give(agents, await this.#agentIds());
    const { version, nowMs } = await this.#store.read(aggregate);
    await this.#store.commit(
      aggregate,
      version,
      done ? { fields: { [FILLED]: '1' }, deadlineMs: null } : { deadlineMs: nowMs + AGAIN_MS },
    );
    // Those that were registered meanwhile.
    if (done) await this.give(agents, await this.#agentIds(PAGE));
  }

  /** Gives a number to each of these that has none, in their order. */
  async give(agents: NumberedAgents, ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += PAGE) {
      const page = await agents.readProfiles(ids.slice(at, at + PAGE));
      for (const agent of page) {
        // One after the other: also if two nodes do it, a later one has a higher number.
        if (agent && agent.wireId === undefined) {
          await agents.giveWireId(agent.id, await this.#store.increment(COUNTER, 1));
        }
      }
    }
  }

  /** Oldest first. @param most the newest so many */
  async #agentIds(most = Number.POSITIVE_INFINITY): Promise<string[]> {
    const ids: string[] = [];
    let after: IndexHit | undefined;
    for (;;) {
      const limit = Math.min(PAGE, most - ids.length);
      const hits = await this.#store.lookup(accountsIndex('agent'), { limit, ...(after && { after }) });
      after = hits.at(-1);
      ids.push(...hits.map(({ id }) => id));
      if (hits.length < limit || ids.length >= most) return ids.reverse();
    }
  }
}
