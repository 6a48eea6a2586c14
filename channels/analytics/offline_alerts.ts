import type { IndexHit, Store } from '../../server/store/index.ts';
import { inTurn } from '../kernel/in_turn.ts';
import { begun, ended, OFFLINE, OFFLINE_MS } from './alerts.ts';
import { COLLECTOR } from './collector.ts';
import { type FiguresStore, PRESENT, RUNNING_INDEX, TOLD } from './figures_store.ts';
import type { Head } from './head.ts';
import { agentScope } from './scope.ts';

/** Its id as a deadline of the collector's kind. */
export const OFFLINE_ALERTS = 'watch';
const aggregate = { kind: COLLECTOR, id: OFFLINE_ALERTS };

const LOOK_EVERY_MS = 5_000;
/** After this time without a check, no node was there to connect to. */
const BREAK_MS = 15_000;
const PAGE = 1_000;
const AT_A_TIME = 32;

/** Looks for agents that are away while tasks of theirs run: one node at a time, and again changes nothing. */
export class OfflineAlerts {
  readonly #store: Pick<Store, 'read' | 'commit' | 'lookup'>;
  readonly #figuresStore: Pick<FiguresStore, 'update'>;

  constructor(store: Pick<Store, 'read' | 'commit' | 'lookup'>, figuresStore: Pick<FiguresStore, 'update'>) {
    this.#store = store;
    this.#figuresStore = figuresStore;
  }

  /** Makes sure that some node checks. */
  async begin(): Promise<void> {
    const { version, nowMs } = await this.#store.read(aggregate, []);
    await this.#store.commit(aggregate, version, { deadlineMs: nowMs + LOOK_EVERY_MS });
  }

  /** An agent is away since it was seen absent, but not since before a break: after one all have to connect anew. */
  async look(present: Iterable<string>): Promise<void> {
    const { version, fields, nowMs } = await this.#store.read(aggregate);
    const isAnew = nowMs - Number(fields.looked ?? 0) > BREAK_MS;
    const sinceMs = isAnew ? nowMs : Number(fields.since);
    await this.#lookAt(new Set(present), sinceMs, nowMs);
    await this.#store.commit(aggregate, version, {
      fields: { looked: String(nowMs), since: String(sinceMs) },
      deadlineMs: nowMs + LOOK_EVERY_MS,
    });
  }

  /** Only those whose presence has changed are written. */
  async #lookAt(here: ReadonlySet<string>, sinceMs: number, nowMs: number): Promise<void> {
    let after: IndexHit | undefined;
    for (;;) {
      const hits = await this.#store.lookup(RUNNING_INDEX, { limit: PAGE, ...(after && { after }) });
      const changed = hits.filter(({ key, id }) => {
        if (here.has(id)) return key !== PRESENT;
        return key === PRESENT || (key !== TOLD && nowMs - Math.max(Number(key), sinceMs) >= OFFLINE_MS);
      });
      const work = changed.map(
        ({ id }) =>
          () =>
            this.#figuresStore.update(agentScope(id), (head, at) => seen(head, id, here.has(id), sinceMs, at)),
      );
      await inTurn(work, AT_A_TIME);
      after = hits.at(-1);
      if (hits.length < PAGE) return;
    }
  }
}

function seen(head: Head, agent: string, isPresent: boolean, sinceMs: number, nowMs: number): Head {
  if (head.running === 0) return head;
  if (isPresent) {
    if (head.offlineSinceMs === null) return head;
    return { ...head, offlineSinceMs: null, alerts: ended(head.alerts, OFFLINE) };
  }
  if (head.offlineSinceMs === null) return { ...head, offlineSinceMs: nowMs };
  const awayMs = nowMs - Math.max(head.offlineSinceMs, sinceMs);
  if (awayMs < OFFLINE_MS || Object.hasOwn(head.alerts, OFFLINE)) return head;
  const occurrence = { kind: OFFLINE, agent, value: Math.round(awayMs / 1_000), threshold: OFFLINE_MS / 1_000, nowMs };
  return { ...head, alerts: begun(head.alerts, OFFLINE, occurrence) };
}
