import { type Store, StoreUnavailable } from '../../server/store/index.ts';
import { untilDone } from '../kernel/attempts.ts';
import { inTurn } from '../kernel/in_turn.ts';
import type { KindTimes, Pair } from './counts.ts';

/** Time for which two agents that exchanged something are partners. */
export const PARTNER_MS = 86_400_000;
/** Partners of one agent that are kept, the newest. */
export const MAX_PARTNERS = 2_000;

const KIND = 'contacts';
const INDEX = 'contacts:last';
/** Begins a field: `with:<agent>` has the times of each kind. */
const WITH = 'with:';
/** Agents that are changed or read at a time. */
const AT_A_TIME = 8;
const PAGE = 500;
/** Edges that are read. */
const MAX_EDGES = 50_000;
const LATEST_MS = 10 ** 15;

/** What is recorded of a pair. */
export type Contact = Pick<Pair, 'from' | 'to'> & { readonly lastMs: KindTimes };

/**
 * The record of who had to do with whom: an aggregate for each agent, with a field for each partner of the last 24 hours. Nodes
 * write it some seconds after a pair has begun, and then once a minute while it goes on; times only grow, so that the nodes'
 * order does not matter, and twice is fine.
 */
export class Contacts {
  readonly #store: Pick<Store, 'read' | 'readMany' | 'commit' | 'lookup' | 'nowMs'>;

  constructor(store: Pick<Store, 'read' | 'readMany' | 'commit' | 'lookup' | 'nowMs'>) {
    this.#store = store;
  }

  /** @returns those that could not be recorded now */
  async record<P extends Contact>(pairs: readonly P[]): Promise<P[]> {
    const byAgent = new Map<string, Map<string, KindTimes>>();
    for (const { from, to, lastMs } of pairs) {
      grouped(byAgent, from).set(to, lastMs);
      grouped(byAgent, to).set(from, lastMs);
    }
    const failed = new Set<string>();
    const write = async (agentId: string, partners: ReadonlyMap<string, KindTimes>) => {
      try {
        // Not to wait for the store as often as there are agents.
        if (failed.size > 0) return void failed.add(agentId);
        await this.#write(agentId, partners);
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        failed.add(agentId);
      }
    };
    await inTurn(
      [...byAgent].map(
        ([agentId, partners]) =>
          () =>
            write(agentId, partners),
      ),
      AT_A_TIME,
    );
    return pairs.filter(({ from, to }) => failed.has(from) || failed.has(to));
  }

  async partnersOf(agentIds: readonly string[]): Promise<Set<string>> {
    const partners = new Set<string>();
    for (let at = 0; at < agentIds.length; at += PAGE) {
      for (const { fields, nowMs } of await this.#store.readMany(KIND, agentIds.slice(at, at + PAGE))) {
        for (const [partner, lastMs] of partnersIn(fields)) {
          if (Math.max(...lastMs) > nowMs - PARTNER_MS) partners.add(partner);
        }
      }
    }
    return partners;
  }

  /** Pairs that had to do with each other after a time; each once. */
  async since(sinceMs: number): Promise<Contact[]> {
    const found: Contact[] = [];
    for await (const agentIds of this.#newestFirst(sinceMs)) {
      const snapshots = await this.#store.readMany(KIND, agentIds);
      for (const [at, { fields }] of snapshots.entries()) {
        const from = agentIds[at] as string;
        for (const [to, lastMs] of partnersIn(fields)) {
          // The other's record says the same, or is about to.
          if (Math.max(...lastMs) > sinceMs)
            found.push(from < to ? { from, to, lastMs } : { from: to, to: from, lastMs });
        }
      }
      if (found.length >= 2 * MAX_EDGES) break;
    }
    return found;
  }

  /** Agents by their last contact, the newest first. */
  async newest(limit: number): Promise<string[]> {
    const newest = new Set<string>();
    for await (const agentIds of this.#newestFirst(0)) {
      for (const agentId of agentIds) if (newest.size < limit) newest.add(agentId);
      if (newest.size >= limit) break;
    }
    return [...newest];
  }

  async *#newestFirst(sinceMs: number): AsyncIterable<string[]> {
    const until = keyOf(sinceMs);
    for (let hits = await this.#store.lookup(INDEX, { until, limit: PAGE }); hits.length > 0; ) {
      yield hits.map(({ id }) => id);
      const after = hits.at(-1);
      if (hits.length < PAGE || !after) return;
      hits = await this.#store.lookup(INDEX, { until, after, limit: PAGE });
    }
  }

  #write(agentId: string, partners: ReadonlyMap<string, KindTimes>): Promise<true> {
    const aggregate = { kind: KIND, id: agentId };
    return untilDone(`${KIND} ${agentId}`, async () => {
      const { version, fields, nowMs } = await this.#store.read(aggregate);
      const known = partnersIn(fields);
      const changed: Record<string, string | null> = {};
      for (const [partner, lastMs] of partners) {
        const merged = later(known.get(partner), lastMs);
        known.set(partner, merged);
        changed[WITH + partner] = merged.join();
      }
      for (const partner of forgotten(known, nowMs)) {
        known.delete(partner);
        changed[WITH + partner] = null;
      }
      const newestMs = Math.max(0, ...[...known.values()].flat());
      const index = [{ index: INDEX, key: keyOf(newestMs) }];
      return (await this.#store.commit(aggregate, version, { fields: changed, index })).ok || undefined;
    });
  }
}

/** Sorts the newest first. */
const keyOf = (ms: number) => String(LATEST_MS - Math.floor(ms)).padStart(16, '0');

export const later = (one: KindTimes | undefined, other: KindTimes): KindTimes =>
  one ? (one.map((ms, kind) => Math.max(ms, other[kind] ?? 0)) as [number, number, number, number]) : other;

function partnersIn(fields: Readonly<Record<string, string>>): Map<string, KindTimes> {
  const partners = new Map<string, KindTimes>();
  for (const [field, value] of Object.entries(fields)) {
    if (!field.startsWith(WITH)) continue;
    const [message = 0, task = 0, negotiation = 0, payment = 0] = value.split(',').map(Number);
    partners.set(field.slice(WITH.length), [message, task, negotiation, payment]);
  }
  return partners;
}

/** Those of more than 24 hours ago, and the oldest of too many. */
function forgotten(known: ReadonlyMap<string, KindTimes>, nowMs: number): string[] {
  const newestFirst = [...known].map(([partner, lastMs]) => ({ partner, ms: Math.max(...lastMs) }));
  newestFirst.sort((one, other) => other.ms - one.ms);
  return newestFirst
    .filter(({ ms }, at) => at >= MAX_PARTNERS || ms <= nowMs - PARTNER_MS)
    .map(({ partner }) => partner);
}

function grouped(groups: Map<string, Map<string, KindTimes>>, agentId: string): Map<string, KindTimes> {
  const group = groups.get(agentId) ?? new Map<string, KindTimes>();
  groups.set(agentId, group);
  return group;
}
