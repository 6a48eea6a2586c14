import type { TypedHub } from '../../server/index.ts';
import { StoreUnavailable } from '../../server/store/index.ts';
import { DISCOVERY_TOPIC } from '../discovery/presence_status.ts';
import { Deadlines } from '../kernel/deadlines.ts';
import { iso } from '../kernel/iso.ts';
import type { Domain, DomainContext } from '../principals/domain.ts';
import { multiAgentsOf } from '../principals/multi_agent_members.ts';
import type { Agents, Users } from '../principals/principals.ts';
import { socketTally } from '../principals/socket_tally.ts';
import { agentTopic, analyticsChannels, GLOBAL_TOPIC, type GlobalMember, userTopic } from './channel.ts';
import { COLLECTOR, Collector, collectorCounters } from './collector.ts';
import { FiguresStore } from './figures_store.ts';
import { History } from './history.ts';
import { KnownMembers } from './known_members.ts';
import { cpuMeter, systemLoad } from './load.ts';
import { MULTI_AGENT_WATCH, MultiAgentAlerts } from './multi_agent_alerts.ts';
import { OFFLINE_ALERTS, OfflineAlerts } from './offline_alerts.ts';
import { OwnedAgents } from './owned_agents.ts';
import { Queries } from './queries.ts';
import { questionsTo } from './questions.ts';
import { analyticsRoutes } from './routes.ts';
import type { pushes } from './schema.ts';
import { AGENT_FIGURES, agentScope, aggregateOf, GLOBAL } from './scope.ts';
import { windowedAlerts } from './windowed_alerts.ts';

type Context = Pick<DomainContext, 'store' | 'log' | 'deadlineStats'> & {
  readonly hub: TypedHub<typeof pushes> & Pick<DomainContext['hub'], 'broadcastLocal'>;
  readonly nodes: Pick<DomainContext['nodes'], 'live' | 'report' | 'sums'>;
  readonly presence: Pick<DomainContext['presence'], 'follow' | 'keys'>;
  readonly principals: { readonly agents: Pick<Agents, 'read' | 'readProfiles'>; readonly users: Pick<Users, 'read'> };
};

const STATS_EVERY_MS = 10_000;
const LOAD_EVERY_MS = 1_000;
/** Delay before the start is tried again when the store was unavailable. */
const BEGIN_AGAIN_MS = 5_000;
/** Figures are at most 5 s behind, also when a node dies while it collects. */
const LEASE_MS = 3_000;

/** For observers: figures of the deployment, at most 5 s behind. */
export interface FiguresForObservers {
  /** Coordinations that ended approved / that ended, in the last 24 h; `null` where none did (VISUALISATION.md, 9.4). */
  readonly coordinationEfficiency: () => Promise<number | null>;
}

/** Figures about agents, users and all: the channels, the HTTP calls, and the collector that counts. */
export function analyticsFeature(
  context: Context,
): Domain & FiguresForObservers & { readonly multiAgentAlerts: MultiAgentAlerts } {
  const { store, hub, nodes, presence, log, principals, deadlineStats: stats } = context;
  const { agents, users } = principals;
  const figuresStore = new FiguresStore(store, {
    began: (agentId, alert) => tell(agentId, (topic) => hub.broadcast(topic, 'alert', alert)),
    ended(agentId, { id }, atMs) {
      const ended = { id, agent_id: agentId, at: iso(atMs) };
      tell(agentId, (topic) => hub.broadcast(topic, 'alert_ended', ended));
    },
  });
  const owned = new OwnedAgents(store);
  const queries = new Queries(new History(store, figuresStore));
  const members = new KnownMembers((owner) => multiAgentsOf({ store, agents }, owner));
  const multiAgentAlerts = new MultiAgentAlerts({
    store,
    queries,
    membersOf: (owner, id) => members.of(owner, id),
    socketsOf: (ids) => nodes.sums(ids.map((id) => socketTally('agent', id))),
    began: (userId, alert) => hub.broadcast(userTopic(userId), 'alert', alert),
    ended: (userId, { id }, atMs) =>
      hub.broadcast(userTopic(userId), 'alert_ended', { id, agent_id: null, at: iso(atMs) }),
  });
  const questions = questionsTo(queries, store);
  const present = () => presence.keys(DISCOVERY_TOPIC);
  const collector = new Collector({ store, figuresStore, owned, present, log });
  const deadlines = new Deadlines({ store, log, leaseMs: LEASE_MS, stats });
  const offlineAlerts = new OfflineAlerts(store, figuresStore);
  const watchers = new Set<GlobalMember>();
  const timers: NodeJS.Timeout[] = [];
  let isClosed = false;

  /** Broadcasts to the topic of an agent and to that of its owner. */
  function tell(agentId: string, broadcast: (topic: string) => void): void {
    broadcast(agentTopic(agentId));
    agents.read(agentId).then(
      (agent) => agent?.userId && broadcast(userTopic(agent.userId)),
      (error: unknown) => log.warn({ err: error, agent: agentId }, 'pushing an alert to the owner failed'),
    );
  }

  async function globalStats() {
    const { head } = await figuresStore.read(GLOBAL);
    return {
      total_agents: head?.agents ?? 0,
      online_agents: [...present()].length,
      total_tasks: head?.tasks ?? 0,
      running_tasks: head?.running ?? 0,
      system_load: systemLoad(nodes),
      nodes: nodes.live().length,
    };
  }

  async function begin(): Promise<void> {
    try {
      await collector.begin();
      await offlineAlerts.begin();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      if (isClosed) return;
      log.warn({ err: error }, 'analytics not started yet: the store does not answer, tried again');
      timers.push(setTimeout(() => void begin().catch(toldAsFault), BEGIN_AGAIN_MS));
    }
  }

  function toldAsFault(error: unknown): void {
    log.error({ err: error }, 'analytics did not start: this node counts nothing');
  }

  function unlessUnavailable(work: Promise<unknown>): void {
    work.catch((error: unknown) => log.warn({ err: error }, 'pushing global_stats failed'));
  }

  deadlines.on(COLLECTOR, (id) => (id === OFFLINE_ALERTS ? offlineAlerts.look(present()) : collector.collect()));
  deadlines.on(AGENT_FIGURES, (id) => {
    const scope = agentScope(id);
    return figuresStore.look(scope, (alerts, nowMs) => windowedAlerts(queries, scope, alerts, nowMs));
  });
  deadlines.on(aggregateOf(GLOBAL).kind, () => figuresStore.look(GLOBAL, async (alerts) => alerts));

  deadlines.on(MULTI_AGENT_WATCH, (key) => multiAgentAlerts.look(key));

  const channels = analyticsChannels({
    agents,
    users,
    figuresStore,
    owned,
    multiAgentAlerts,
    questions,
    watched(socket) {
      watchers.add(socket);
      socket.onEnd(() => watchers.delete(socket));
      unlessUnavailable(globalStats().then((figures) => socket.push('global_stats', figures)));
    },
  });

  return {
    name: 'analytics',
    channels: { agent: channels, owner: channels },
    routes: analyticsRoutes({ agents, users, owned, questions }),
    counters: collectorCounters(collector.stats),
    coordinationEfficiency: async () => queries.coordinationEfficiency(await store.nowMs()),
    multiAgentAlerts,

    /** Begins to collect, on this node too; on a store that takes no writes now, once it does. */
    async start(): Promise<void> {
      await begin();
      // Never ends: this node always knows who is present anywhere. Before it does it looks at nobody: all would seem
      // away. What cannot be read now is read as soon as it can be.
      const known = presence.follow({ topic: DISCOVERY_TOPIC, onEnd() {} }) ?? Promise.resolve();
      known
        .catch(() => {})
        .then(() => {
          if (!isClosed) deadlines.start();
        });
      const cpu = cpuMeter();
      timers.push(
        setInterval(() => nodes.report({ cpu: cpu() }), LOAD_EVERY_MS),
        setInterval(() => {
          if (watchers.size === 0) return;
          unlessUnavailable(
            globalStats().then((figures) => hub.broadcastLocal(GLOBAL_TOPIC, 'global_stats', JSON.stringify(figures))),
          );
        }, STATS_EVERY_MS),
      );
    },

    handleDue: () => deadlines.handleDue(),

    async close(): Promise<void> {
      isClosed = true;
      for (const timer of timers) clearInterval(timer);
      await deadlines.stop();
    },
  };
}
