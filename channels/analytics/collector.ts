import type { Log } from '../../server/index.ts';
import type { LoggedFact, Store } from '../../server/store/index.ts';
import { factText } from '../kernel/facts.ts';
import { inTurn } from '../kernel/in_turn.ts';
import type { DomainCounter } from '../principals/domain.ts';
import { MINUTE_MS } from './buckets.ts';
import { type CountedFact, type OnlineSampled, parseFact } from './facts.ts';
import type { FiguresStore } from './figures_store.ts';
import type { LocatedFact } from './fold.ts';
import type { OwnedAgents, OwnerChanges } from './owned_agents.ts';
import { agentScope, agentsOf, GLOBAL } from './scope.ts';

export interface CollectorOptions {
  readonly store: Pick<Store, 'read' | 'commit' | 'facts' | 'trimFacts'>;
  readonly figuresStore: FiguresStore;
  readonly owned: OwnedAgents;
  /** The ids of the agents that are present on any node. */
  readonly present: () => Iterable<string>;
  readonly log: Log;
}

interface Named {
  readonly minute: number;
  readonly agents: ReadonlySet<string>;
}

export const COLLECTOR = 'collector';
const aggregate = { kind: COLLECTOR, id: 'analytics' };

/** True if no version has ever collected on this store. */
export const isNeverCollected = async (store: Pick<Store, 'read'>) => (await store.read(aggregate, [])).version === 0;

/** Counts of a collector, for `/metrics`. */
export const collectorCounters = (stats: Collector['stats']): readonly DomainCounter[] => [
  {
    name: 'aerie_facts_counted_total',
    help: 'Facts that this node has counted into the figures',
    read: () => stats.facts,
  },
  { name: 'aerie_collector_rounds_total', help: 'Rounds in which this node has counted', read: () => stats.rounds },
];

/** Interval at which the log is counted. */
const COLLECT_EVERY_MS = 1_000;
/** Interval at which online agents are counted. */
const LOOK_EVERY_MS = 5_000;
const BATCH = 5_000;
/** Scopes that are changed at a time. */
const AT_A_TIME = 64;
/** Agents that one fact names. */
const MAX_NAMED = 500;

/**
 * Counts the log of facts into the buckets of everybody they concern. One node does at a time, but nothing depends on
 * that: every scope knows up to where it has counted, and the collector moves on, and the log is trimmed, only when all
 * scopes have. Who dies in between is repeated by whoever comes next, and what is counted already stays as it is.
 */
export class Collector {
  readonly #options: CollectorOptions;
  /** Whom this node has named in this minute; whom another one named is named again, which changes nothing. */
  #named: Named = { minute: 0, agents: new Set() };
  readonly stats = { facts: 0, rounds: 0 };

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Makes sure that some node collects, also after a failover that has lost the deadline. */
  async begin(): Promise<void> {
    const { store } = this.#options;
    const { version, nowMs } = await store.read(aggregate, []);
    await store.commit(aggregate, version, { deadlineMs: nowMs });
  }

  /** Counts what is in the log. Resolves when all of it is counted. */
  async collect(): Promise<void> {
    const { store } = this.#options;
    for (;;) {
      const { version, fields, nowMs } = await store.read(aggregate);
      const logged = await store.facts(fields.position, BATCH);
      await this.#count(logged);
      const last = logged.at(-1)?.position;
      const look = this.#look(nowMs, Number(fields.looked ?? 0));
      const committed = await store.commit(aggregate, version, {
        fields: { ...(last !== undefined && { position: last }), ...(look && { looked: String(nowMs) }) },
        ...(look && { facts: look.facts.map(factText) }),
        deadlineMs: nowMs + COLLECT_EVERY_MS,
      });
      if (!committed.ok) continue;
      if (look) this.#named = look.named;
      this.stats.rounds++;
      this.stats.facts += logged.length;
      if (last !== undefined) await store.trimFacts(last);
      if (logged.length < BATCH) return;
    }
  }

  /** Looks now and then at who is online. */
  #look(nowMs: number, lookedAtMs: number): { readonly facts: OnlineSampled[]; readonly named: Named } | undefined {
    if (nowMs < lookedAtMs + LOOK_EVERY_MS) return undefined;
    const minute = Math.floor(nowMs / MINUTE_MS);
    const known = this.#named.minute === minute ? this.#named.agents : new Set<string>();
    const online = [...this.#options.present()];
    const fresh = online.filter((agent) => !known.has(agent));
    const look = { online: online.length, isFirst: Math.floor(lookedAtMs / MINUTE_MS) !== minute };
    const facts: OnlineSampled[] = [];
    for (let at = 0; at === 0 || at < fresh.length; at += MAX_NAMED) {
      const agents = fresh.slice(at, at + MAX_NAMED);
      facts.push({ type: 'online_sampled', atMs: nowMs, look: at === 0 ? look : null, agents });
    }
    return { facts, named: { minute, agents: new Set([...known, ...fresh]) } };
  }

  async #count(logged: readonly LoggedFact[]): Promise<void> {
    if (logged.length === 0) return;
    const { figuresStore, owned } = this.#options;
    const facts: LocatedFact[] = [];
    const byAgent = new Map<string, LocatedFact[]>();
    const byUser = new Map<string, OwnerChanges>();
    for (const { position, fact: text } of logged) {
      const fact = this.#read(text);
      if (!fact) continue;
      const located = { position, fact };
      facts.push(located);
      for (const agent of agentsOf(fact)) grouped(byAgent, agent, located);
      if (fact.type === 'agent_registered') owns(byUser, fact.user, fact.agent, true);
      if (fact.type !== 'agent_moved') continue;
      owns(byUser, fact.from, fact.agent, false);
      owns(byUser, fact.to, fact.agent, true);
    }
    const work = [
      () => figuresStore.count(GLOBAL, facts),
      ...[...byAgent].map(
        ([agent, own]) =>
          () =>
            figuresStore.count(agentScope(agent), own),
      ),
      ...[...byUser].map(
        ([user, changes]) =>
          () =>
            owned.change(user, changes),
      ),
    ];
    await inTurn(work, AT_A_TIME);
  }

  #read(text: string): CountedFact | undefined {
    try {
      return parseFact(text);
    } catch (error) {
      this.#options.log.error({ err: error }, 'unreadable fact left out of the analytics');
      return undefined;
    }
  }
}

/** The last word on each agent counts. */
function owns(byUser: Map<string, OwnerChanges>, user: string | null, agent: string, isOwned: boolean): void {
  if (user === null) return;
  const changes = byUser.get(user);
  if (changes) changes.set(agent, isOwned);
  else byUser.set(user, new Map([[agent, isOwned]]));
}

function grouped<V>(groups: Map<string, V[]>, key: string, value: V): void {
  const group = groups.get(key);
  if (group) group.push(value);
  else groups.set(key, [value]);
}
