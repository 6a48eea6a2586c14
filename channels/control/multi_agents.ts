import type { Log, Refusal } from '../../server/index.ts';
import type { IndexHit, Store } from '../../server/store/index.ts';
import { Aggregates, type AggregateType, ok } from '../kernel/aggregate.ts';
import { placeKey } from '../kernel/lists/order.ts';
import { refuse } from '../kernel/reasons.ts';
import { sortedJson } from '../kernel/request_digest.ts';
import { keyOf } from './caller.ts';
import type { Configuration } from './schema.ts';

/** A multi-agent as it is kept (VISUALISATION.md, 9.8). */
export interface MultiAgent {
  readonly owner: string;
  readonly id: string;
  readonly version: number;
  readonly configuration: Configuration;
  readonly insertedAtMs: number;
  /** By when somebody has to do what follows from the configuration; null: it is done. */
  readonly followUpDueMs: number | null;
}

/** Multi-agents that one user may have. */
export const MAX_OF_OWNER = 100;
/** The kind of their aggregates, in the store and its deadlines. */
export const MULTI_AGENT = 'multi_agent';
/** A node that has not done what follows by then has died. */
const FOLLOW_UP_MS = 5_000;

type MultiAgentCommand =
  | { readonly type: 'configure'; readonly owner: string; readonly id: string; readonly configuration: Configuration }
  | { readonly type: 'followed_up'; readonly version: number };

const ofOwnerIndex = (owner: string) => `multi_agents:${owner}`;

const multiAgentType: AggregateType<MultiAgent, MultiAgentCommand, never> = {
  kind: MULTI_AGENT,
  parse: ({ multi_agent: text = '{}' }) => JSON.parse(text) as MultiAgent,
  places: ({ owner, insertedAtMs }) => [{ index: ofOwnerIndex(owner), key: placeKey(insertedAtMs) }],
  change: (after) => ({ fields: { multi_agent: JSON.stringify(after) }, deadlineMs: after.followUpDueMs }),
  decide(before, command, nowMs) {
    if (command.type === 'followed_up') {
      if (!before) return refuse('not_found');
      const isDone = before.version === command.version;
      return ok({ state: isDone ? { ...before, followUpDueMs: null } : before, events: [] });
    }
    const { owner, id, configuration } = command;
    const isSame = before && sortedJson(before.configuration) === sortedJson(configuration);
    if (isSame) return ok({ state: before, events: [] });
    const { version, insertedAtMs } = before ?? { version: 0, insertedAtMs: nowMs };
    const followUpDueMs = nowMs + FOLLOW_UP_MS;
    return ok({ state: { owner, id, version: version + 1, configuration, insertedAtMs, followUpDueMs }, events: [] });
  },
};

export interface MultiAgentsOptions {
  readonly store: Store;
  readonly log: Log;
  /** Does what follows from a configuration: tells the members, and whoever holds it against the figures. Again is fine. */
  readonly followUp: (multiAgent: MultiAgent) => Promise<void>;
}

/** The configurations of multi-agents, in the store: ids are per owner. */
export class MultiAgents {
  readonly #options: MultiAgentsOptions;
  readonly #aggregates: Aggregates<MultiAgent, MultiAgentCommand, never>;

  constructor(options: MultiAgentsOptions) {
    this.#options = options;
    this.#aggregates = new Aggregates(options.store, multiAgentType);
  }

  read(owner: string, id: string): Promise<MultiAgent | undefined> {
    return this.#aggregates.read(keyOf(owner, id));
  }

  /** Stores a configuration whole; the same again keeps its version. `rate_limited` beyond `MAX_OF_OWNER`. */
  async configure(
    owner: string,
    id: string,
    configuration: Configuration,
  ): Promise<{ readonly ok: true; readonly multiAgent: MultiAgent } | Refusal> {
    const key = keyOf(owner, id);
    if (!(await this.#aggregates.read(key)) && (await this.#count(owner)) >= MAX_OF_OWNER)
      return refuse('rate_limited');
    const applied = await this.#aggregates.apply(key, { type: 'configure', owner, id, configuration });
    if (!applied.ok) return applied;
    await this.#followUp(key, applied.state).catch((error: unknown) =>
      this.#options.log.warn({ err: error }, 'a configuration is followed up at its deadline'),
    );
    return { ok: true, multiAgent: applied.state };
  }

  /** Follows up what a node that died has left. */
  async wake(key: string): Promise<void> {
    const multiAgent = await this.#aggregates.read(key);
    if (multiAgent) await this.#followUp(key, multiAgent);
  }

  async #followUp(key: string, multiAgent: MultiAgent): Promise<void> {
    if (multiAgent.followUpDueMs === null) return;
    await this.#options.followUp(multiAgent);
    await this.#aggregates.apply(key, { type: 'followed_up', version: multiAgent.version });
  }

  async #count(owner: string): Promise<number> {
    const hits: readonly IndexHit[] = await this.#options.store.lookup(ofOwnerIndex(owner), { limit: MAX_OF_OWNER });
    return hits.length;
  }
}
