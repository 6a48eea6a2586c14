import type { IndexHit, Snapshot, Store } from '../../server/store/index.ts';
import type { Alert } from '../analytics/alerts.ts';
import type { Head } from '../analytics/head.ts';
import { MULTI_AGENT_WATCH } from '../analytics/multi_agent_alerts.ts';
import type { WatchedMultiAgent } from '../analytics/multi_agent_watch.ts';
import { AGENT_FIGURES } from '../analytics/scope.ts';
import { inTurn } from '../kernel/in_turn.ts';
import { usdc } from '../kernel/money.ts';
import type { Agent, Capability } from '../principals/agent.ts';
import { agentType, PROFILE } from '../principals/codec.ts';
import { accountsIndex } from '../principals/indexes.ts';
import { multiAgentOf } from '../principals/multi_agent_members.ts';
import { SESSION, SHOWN as SESSION_FIELDS, sessionType } from '../session/codec.ts';
import { openSessionsIndex } from '../session/indexes.ts';
import { phaseOf } from '../session/state.ts';
import { agentTasksIndex, appTasksIndex, fits, RUNNING_TASKS_INDEX } from '../task/indexes.ts';
import { deedOf, isWhole, type SeenTask } from './deeds.ts';
import type { Picture, Profile } from './picture.ts';
import type { SeenCapability } from './scene.ts';

const PAGE = 500;
/** Lookups at a time. */
const AT_A_TIME = 32;
/** Tasks of an app that are looked at, the newest. */
const MAX_TASKS_OF_APP = 10_000;

type ReadStore = Pick<Store, 'lookup' | 'readMany'>;

export interface ReaderOptions {
  readonly store: ReadStore;
  readonly picture: Picture;
  /** Gives numbers to agents that have none; resolves once it has. */
  readonly giveWireIds: (agentIds: readonly string[]) => Promise<void>;
  /** Open alerts about multi-agents of an owner. */
  readonly ownerAlerts: (owner: string) => Promise<readonly Alert[]>;
  readonly onOwnerAlerts: (owner: string, open: readonly Alert[]) => void;
  /** Owners of whom such alerts are known. */
  readonly alertedOwners: () => Iterable<string>;
}

/** Reads what is shown from the store into a picture, in bounded pages. */
export class Reader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Everything, as it is now. @returns ids of agents in whose figures there is something */
  async readAll(): Promise<string[]> {
    const worked: string[] = [];
    for await (const hits of this.#pages(accountsIndex('agent'))) {
      const ids = hits.map(({ id }) => id);
      await this.readAgents(ids);
      const heads = await this.#readDeeds(AGENT_FIGURES, ids, ['head']);
      worked.push(...ids.filter((_, at) => heads[at] !== undefined));
      await this.#readDeeds('inbox', ids, ['head']);
      await this.#readRunningBefore(ids, heads);
      await inTurn(
        ids.map((id) => () => this.#readSessionsOf(id)),
        AT_A_TIME,
      );
    }
    for await (const hits of this.#pages(RUNNING_TASKS_INDEX)) await this.readTasks(hits.map(({ id }) => id));
    // Those that have ended while nothing was heard.
    await this.readTasks([...this.#options.picture.runningTasks()].map(({ id }) => id));
    await this.#readOwnerAlerts(new Set([...this.#ownersOfMultiAgents(), ...this.#options.alertedOwners()]));
    return worked;
  }

  async readAgents(ids: readonly string[]): Promise<void> {
    const { store, picture, giveWireIds } = this.#options;
    let found = await store.readMany('agent', ids, PROFILE);
    const numberless = ids.filter((_, at) => {
      const snapshot = found[at];
      return snapshot && snapshot.version > 0 && parsed(snapshot).wireId === undefined;
    });
    if (numberless.length > 0) {
      await giveWireIds(numberless);
      found = await store.readMany('agent', ids, PROFILE);
    }
    for (const [at, snapshot] of found.entries()) {
      const profile = snapshot.version > 0 ? profileOf(parsed(snapshot)) : undefined;
      if (profile) picture.describe(ids[at] ?? '', snapshot.version, profile);
    }
  }

  async readSessions(ids: readonly string[]): Promise<void> {
    const found = await this.#options.store.readMany(SESSION, ids, SESSION_FIELDS);
    for (const [at, snapshot] of found.entries()) {
      if (snapshot.version === 0) continue;
      const { session } = sessionType.parse(snapshot.fields);
      const isWorking = !session.isGone && phaseOf(session) === 'WORKING';
      const agentId = isWorking ? session.agent?.id : undefined;
      this.#options.picture.applySession(ids[at] ?? '', snapshot.version, agentId);
    }
  }

  async readTasks(ids: readonly string[]): Promise<void> {
    await this.#readDeeds('task', ids, ['task']);
  }

  /** Alerts of multi-agents by whose watch they were raised. */
  async readWatches(ids: readonly string[]): Promise<void> {
    const found = await this.#options.store.readMany(MULTI_AGENT_WATCH, ids, ['watched']);
    const owners = found.flatMap(({ fields: { watched } }) =>
      watched === undefined ? [] : [(JSON.parse(watched) as WatchedMultiAgent).owner],
    );
    await this.#readOwnerAlerts(new Set(owners));
  }

  /** The tasks of an app that have not ended, or have after `sinceMs`; of the newest so many. */
  async *tasksOf(appId: string, sinceMs: number): AsyncIterable<SeenTask> {
    let looked = 0;
    for await (const hits of this.#pages(appTasksIndex(appId))) {
      const ids = hits.map(({ id }) => id);
      const found = await this.#options.store.readMany('task', ids, ['task']);
      for (const [at, { fields, version }] of found.entries()) {
        const task = deedOf({ kind: 'task', id: ids[at] ?? '' }, fields, version);
        if (task?.kind !== 'task' || task.app !== appId) continue;
        if (task.finishedAtMs === null || task.finishedAtMs >= sinceMs) yield task;
      }
      looked += hits.length;
      if (looked >= MAX_TASKS_OF_APP) return;
    }
  }

  /** What one aggregate says now. */
  async readOne(kind: string, id: string): Promise<void> {
    if (kind === 'agent') await this.readAgents([id]);
    else if (kind === SESSION) await this.readSessions([id]);
    else if (kind === MULTI_AGENT_WATCH) await this.readWatches([id]);
    else await this.#readDeeds(kind, [id], kind === 'task' ? ['task'] : ['head']);
  }

  async #readDeeds(kind: string, ids: readonly string[], fields: readonly string[]) {
    const { store, picture } = this.#options;
    const texts: (string | undefined)[] = [];
    for (let at = 0; at < ids.length; at += PAGE) {
      const page = ids.slice(at, at + PAGE);
      const found = await store.readMany(kind, page, fields);
      for (const [index, snapshot] of found.entries()) {
        const deed = deedOf({ kind, id: page[index] ?? '' }, snapshot.fields, snapshot.version);
        texts.push(snapshot.fields[fields[0] ?? '']);
        if (deed && isWhole(deed)) picture.apply(deed);
      }
    }
    return texts;
  }

  async #readOwnerAlerts(owners: ReadonlySet<string>): Promise<void> {
    const { ownerAlerts, onOwnerAlerts } = this.#options;
    const readings = [...owners].map((owner) => async () => onOwnerAlerts(owner, await ownerAlerts(owner)));
    await inTurn(readings, AT_A_TIME);
  }

  *#ownersOfMultiAgents(): Iterable<string> {
    for (const { profile } of this.#options.picture.shown()) {
      if (profile.multiAgentId !== undefined && profile.userId !== null) yield profile.userId;
    }
  }

  async #readSessionsOf(agentId: string): Promise<void> {
    for await (const hits of this.#pages(openSessionsIndex(agentId))) {
      await this.readSessions(hits.map(({ id }) => id));
    }
    // Those that have been closed while nothing was heard.
    const working = [...this.#options.picture.known(agentId).working];
    if (working.length > 0) await this.readSessions(working);
  }

  /** Tasks in progress that an earlier version started stand in no index of their own. */
  async #readRunningBefore(ids: readonly string[], heads: readonly (string | undefined)[]): Promise<void> {
    const running = ids.filter((_, at) => {
      const head = heads[at];
      return head !== undefined && (JSON.parse(head) as Head).running > 0;
    });
    await inTurn(
      running.map((id) => async () => {
        const indexed = new Set<string>();
        const own = { from: id, until: `${id}\u0001` };
        for await (const hits of this.#pages(RUNNING_TASKS_INDEX, own)) for (const hit of hits) indexed.add(hit.id);
        const at = ids.indexOf(id);
        const { running: count } = JSON.parse(heads[at] ?? '{}') as Head;
        if (indexed.size >= count) return;
        for await (const hits of this.#pages(agentTasksIndex(id))) {
          const likely = hits.filter((hit) => fits({ role: 'provider', status: 'in_progress' }, hit));
          await this.readTasks(likely.map((hit) => hit.id));
        }
      }),
      AT_A_TIME,
    );
  }

  async *#pages(index: string, range: { readonly from?: string; readonly until?: string } = {}) {
    let after: IndexHit | undefined;
    for (;;) {
      const hits: IndexHit[] = await this.#options.store.lookup(index, {
        ...range,
        limit: PAGE,
        ...(after && { after }),
      });
      after = hits.at(-1);
      if (hits.length > 0) yield hits;
      if (hits.length < PAGE) return;
      // An embedded store answers without waiting; others on this node have their turn between two pages.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

const parsed = ({ fields }: Pick<Snapshot, 'fields'>): Agent => agentType.parse(fields);

function profileOf(agent: Agent): Profile | undefined {
  const { wireId, name, userId, capabilities, status, insertedAtMs } = agent;
  if (wireId === undefined) return undefined;
  return {
    wireId,
    name,
    userId,
    capabilities: capabilities.map(seenCapability),
    isSuspended: status === 'suspended',
    registeredAtMs: insertedAtMs,
    multiAgentId: multiAgentOf(agent)?.id,
  };
}

const seenCapability = ({ name, category, level, description, priceMicro }: Capability): SeenCapability => ({
  name,
  category: category ?? null,
  level: level ?? null,
  description: description ?? null,
  price: usdc(priceMicro),
});
