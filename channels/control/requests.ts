import type { Log, Refusal } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { Aggregates, type Applied } from '../kernel/aggregate.ts';
import { refuse } from '../kernel/reasons.ts';
import { CONTROL_REQUEST, OPEN_INDEX, openOfAgentIndex, requestType } from './codec.ts';
import type { Answer, Command, Event, HandOver } from './commands.ts';
import { OpenRequests } from './open_requests.ts';
import { type Callback, type HandedOver, isForgotten, type Outcome, RESULT_MS, type RequestState } from './state.ts';

/** A request as it is now; `resultExpired` of a completed one whose result is no longer kept. */
export interface KnownRequest extends HandedOver {
  readonly resultExpired: boolean;
}

export type EndedRequest = HandedOver & { readonly outcome: Outcome };

export interface RequestsOptions {
  readonly store: Store;
  readonly log: Log;
  /** Told on the node that has committed the outcome, once. @param callback whom to call about it */
  readonly onEnded: (key: string, request: EndedRequest, callback: Callback | null) => void;
  /** Told where a commit may have gone through without an answer. */
  readonly onUncertain: (key: string) => void;
}

const STATE_FIELDS = ['terms', 'outcome'];
const PAGE = 1_000;

/** The requests whose command was handed over, in the store, by the key of their principal and id. */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #aggregates: Aggregates<RequestState, Command, Event>;
  readonly open: OpenRequests;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#aggregates = new Aggregates(options.store, requestType);
    this.open = new OpenRequests({
      store: options.store,
      haveEnded: async (keys) => {
        const found = await this.#aggregates.readMany(keys, STATE_FIELDS);
        return found.map((state) => (state === undefined ? undefined : state === null || state.outcome !== null));
      },
    });
  }

  /** Undefined for one that was never handed over, or is forgotten. */
  async read(key: string): Promise<KnownRequest | undefined> {
    const { store } = this.#options;
    const [state, nowMs] = await Promise.all([this.#aggregates.read(key), store.nowMs()]);
    if (isForgotten(state, nowMs)) return undefined;
    const { outcome } = state;
    const isKept = outcome?.status === 'completed' && outcome.keepsResult && nowMs < outcome.endedAtMs + RESULT_MS;
    return { ...state, resultExpired: outcome?.status === 'completed' && !isKept };
  }

  /**
   * Commits that the command is handed over. With `handed_over` among the events it was this call's doing, and nobody
   * else's, on any node; without, somebody else was faster.
   *
   * @throws StoreUnavailable it may have been, and then ends by its time
   */
  handOver(key: string, command: HandOver): Promise<Applied<RequestState, Event>> {
    return this.#apply(key, command);
  }

  /** Takes what the agent says of it: the first time. `not_found` for an unknown, an ended, and another agent's request. */
  async answer({ agentId, requestId, outcome }: Omit<Answer, 'type'>): Promise<{ readonly ok: true } | Refusal> {
    const query = { from: requestId, limit: 1 };
    const [hit] = isIndexKey(requestId) ? await this.#options.store.lookup(openOfAgentIndex(agentId), query) : [];
    if (hit?.key !== requestId) return refuse('not_found');
    const applied = await this.#apply(hit.id, { type: 'answer', agentId, requestId, outcome });
    if (!applied.ok) return applied;
    const isOver = applied.state?.outcome?.status === 'failed' && applied.state.outcome.reason === 'timeout';
    return isOver ? refuse('not_found') : { ok: true };
  }

  /** Ends what an agent has open, as it is gone. */
  async disconnect(agentId: string): Promise<void> {
    const hits = await this.#options.store.lookup(openOfAgentIndex(agentId), { limit: PAGE });
    await Promise.all(hits.map(({ id, key }) => this.#apply(id, { type: 'disconnect', requestId: key })));
  }

  /** True if an agent has to answer something. */
  async hasOpen(agentId: string): Promise<boolean> {
    return (await this.#options.store.lookup(openOfAgentIndex(agentId), { limit: 1 })).length > 0;
  }

  /** All agents that have to answer something. */
  async agentsWithOpen(): Promise<Set<string>> {
    const agents = new Set<string>();
    for (let after: { key: string; id: string } | undefined; ; ) {
      const hits = await this.#options.store.lookup(OPEN_INDEX, { limit: PAGE, ...(after && { after }) });
      for (const { key } of hits) agents.add(key);
      if (hits.length < PAGE) return agents;
      after = hits.at(-1);
    }
  }

  /** Does what is due: the end of an open one, of a result, of the id. */
  async wake(key: string): Promise<void> {
    const applied = await this.#apply(key, { type: 'wake' });
    // A node may have died between the outcome and this.
    if (applied.ok && applied.state?.outcome) await this.open.giveUp(applied.state.by, key);
  }

  async #apply(key: string, command: Command): Promise<Applied<RequestState, Event>> {
    const { onEnded, onUncertain, log } = this.#options;
    const applied = await this.#aggregates.apply(key, command).catch((error: unknown) => {
      onUncertain(key);
      throw error;
    });
    for (const event of applied.ok ? applied.events : []) {
      if (event.type !== 'ended') continue;
      onEnded(key, event.request, event.callback);
      await this.open
        .giveUp(event.request.by, key)
        .catch((error: unknown) => log.warn({ err: error }, 'the place of an ended request is given up later'));
    }
    return applied;
  }
}

export { CONTROL_REQUEST };

/** Keys of indexes are free of U+0000 and not long. */
const isIndexKey = (text: string) => /^[0-9A-Za-z-]{1,128}$/.test(text);
