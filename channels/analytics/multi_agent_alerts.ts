import type { Change, Snapshot, Store } from '../../server/store/index.ts';
import { untilDone } from '../kernel/attempts.ts';
import { type Alert, raised } from './alerts.ts';
import { quantilesMs } from './durations.ts';
import { countOf } from './figures.ts';
import { type MemberFigures, type Watch, type WatchedMultiAgent, watchAfter } from './multi_agent_watch.ts';
import { windowOf } from './periods.ts';
import { type Queries, successRate } from './queries.ts';
import { agentScope } from './scope.ts';

/** The kind of its aggregates, and of their deadlines. */
export const MULTI_AGENT_WATCH = 'analytics_multi_agent';

/** The multi-agents of a user that have alerts. */
const alertedIndex = (userId: string) => `analytics_multi_agents:${userId}`;
const LOOK_EVERY_MS = 5_000;
/** Multi-agents of one user that a join reads. */
const MOST = 1_000;
const SEEN_FIELD = 'seen:';

export interface MultiAgentAlertsOptions {
  readonly store: Pick<Store, 'read' | 'readMany' | 'commit' | 'lookup'>;
  readonly queries: Pick<Queries, 'sum'>;
  readonly membersOf: (owner: string, multiAgentId: string) => Promise<readonly string[]>;
  /** Open sockets over all nodes, in the order of `agentIds`. @throws NodesUnavailable */
  readonly socketsOf: (agentIds: readonly string[]) => Promise<readonly number[]>;
  /** Told once of each alert, unless this node dies in the moment after it was kept. */
  readonly began: (userId: string, alert: Alert) => void;
  readonly ended: (userId: string, alert: Alert, atMs: number) => void;
}

/**
 * Holds the figures of multi-agents' members against their targets, and looks whether members are lost: on one node at a time,
 * and again changes nothing (VISUALISATION.md, 9.8).
 */
export class MultiAgentAlerts {
  readonly #options: MultiAgentAlertsOptions;

  constructor(options: MultiAgentAlertsOptions) {
    this.#options = options;
  }

  /** Watches a multi-agent by this version of its configuration, unless a later one is known. */
  async watch(key: string, watched: WatchedMultiAgent): Promise<void> {
    const { store } = this.#options;
    const aggregate = { kind: MULTI_AGENT_WATCH, id: key };
    await untilDone(`multi-agent ${watched.id}`, async () => {
      const { version, fields, nowMs } = await store.read(aggregate, ['watched']);
      if ((watchedOf(fields)?.version ?? 0) >= watched.version) return true;
      const change = { fields: { watched: JSON.stringify(watched) }, deadlineMs: nowMs };
      return (await store.commit(aggregate, version, change)).ok || undefined;
    });
  }

  /** Looks at its members once, and has to be called again by its deadline. */
  async look(key: string): Promise<void> {
    const { store, began, ended } = this.#options;
    const aggregate = { kind: MULTI_AGENT_WATCH, id: key };
    const told = await untilDone(`multi-agent ${key}`, async () => {
      const { version, fields, nowMs } = await store.read(aggregate);
      const watched = watchedOf(fields);
      if (!watched) return { owner: '', begun: [], over: [], nowMs };
      const before = watchOf(fields);
      const after = watchAfter(watched, before, { ...(await this.#members(watched, nowMs)), nowMs });
      const committed = await store.commit(aggregate, version, changeOf(watched, before, after, nowMs));
      if (!committed.ok) return undefined;
      const [begun, over] = [raised(after.alerts, before.alerts), raised(before.alerts, after.alerts)];
      const replaced = Object.entries(before.alerts).filter(([name, { id }]) => {
        const now = after.alerts[name];
        return now !== undefined && now.id !== id;
      });
      const anew = replaced.map(([name]): [string, Alert] => [name, after.alerts[name] as Alert]);
      return { owner: watched.owner, begun: [...begun, ...anew], over: [...over, ...replaced], nowMs };
    });
    for (const [, alert] of told.over) ended(told.owner, alert, told.nowMs);
    for (const [, alert] of told.begun) began(told.owner, alert);
  }

  /** Those that have not ended, of all multi-agents of a user. */
  async ofUser(userId: string): Promise<Alert[]> {
    const { store } = this.#options;
    const hits = await store.lookup(alertedIndex(userId), { limit: MOST });
    const found = await store.readMany(
      MULTI_AGENT_WATCH,
      hits.map(({ id }) => id),
      ['watched', 'alerts'],
    );
    const own = found.filter(({ fields }) => watchedOf(fields)?.owner === userId);
    return own.flatMap(({ fields }) => Object.values(watchOf(fields).alerts));
  }

  async #members({ owner, id, targets, heartbeatMs }: WatchedMultiAgent, nowMs: number) {
    if (targets === null && heartbeatMs === null) return { figures: undefined, online: undefined };
    const members = await this.#options.membersOf(owner, id);
    const figures = targets && members.length > 0 ? await this.#figures(members, nowMs) : undefined;
    // Nobody is lost because it cannot be seen now.
    const sockets = heartbeatMs === null ? undefined : await this.#options.socketsOf(members).catch(() => undefined);
    const online = sockets && new Map(members.map((member, at) => [member, (sockets[at] ?? 0) > 0]));
    return { figures, online };
  }

  async #figures(members: readonly string[], nowMs: number): Promise<MemberFigures> {
    const hour = await this.#options.queries.sum(members.map(agentScope), windowOf('1h', nowMs));
    const [p99Ms = null] = quantilesMs(hour.durations, [0.99]);
    return { p99Ms, completed: countOf(hour, 'provided_completed'), successRate: successRate(hour) };
  }
}

function changeOf(watched: WatchedMultiAgent, before: Watch, after: Watch, nowMs: number): Change {
  const isWatched = watched.targets !== null || watched.heartbeatMs !== null;
  const fields: Record<string, string | null> = { looked: String(after.lookedAtMs) };
  if (after.alerts !== before.alerts) fields.alerts = JSON.stringify(after.alerts);
  for (const member of before.seen.keys()) if (!after.seen.has(member)) fields[SEEN_FIELD + member] = null;
  for (const [member, sinceMs] of after.seen) {
    if (before.seen.get(member) !== sinceMs) fields[SEEN_FIELD + member] = sinceMs === null ? '' : String(sinceMs);
  }
  const hasAlerts = ({ alerts }: Watch) => Object.keys(alerts).length > 0;
  const index = hasAlerts(after) ? [{ index: alertedIndex(watched.owner), key: 'alerted' }] : [];
  return {
    fields,
    ...(hasAlerts(after) !== hasAlerts(before) && { index }),
    deadlineMs: isWatched ? nowMs + LOOK_EVERY_MS : null,
  };
}

const watchedOf = ({ watched }: Snapshot['fields']): WatchedMultiAgent | undefined =>
  watched === undefined ? undefined : JSON.parse(watched);

function watchOf(fields: Snapshot['fields']): Watch {
  const seen = Object.entries(fields).filter(([name]) => name.startsWith(SEEN_FIELD));
  return {
    alerts: JSON.parse(fields.alerts ?? '{}'),
    seen: new Map(seen.map(([name, since]) => [name.slice(SEEN_FIELD.length), since === '' ? null : Number(since)])),
    lookedAtMs: Number(fields.looked ?? 0),
  };
}
