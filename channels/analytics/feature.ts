import type { Presence } from '../../presence/index.ts';
import type { Log, Nodes } from '../../server/index.ts';
import { type Store, StoreUnavailable } from '../../server/store/index.ts';
import { DISCOVERY_TOPIC } from '../discovery/presence_status.ts';
import { Deadlines } from '../kernel/deadlines.ts';
import type { Agents, Users } from '../principals/principals.ts';
import type { Alert } from './alerts.ts';
import { agentTopic, analyticsChannels, GLOBAL_TOPIC, type GlobalMember, userTopic } from './channel.ts';
import { COLLECTOR, Collector } from './collector.ts';
import { Scopes } from './figures_store.ts';
import { History } from './history.ts';
import { cpuMeter, systemLoad } from './load.ts';
import { WATCH, Watch } from './offline_alerts.ts';
import { OwnedAgents } from './owned_agents.ts';
import { Answers } from './queries.ts';
import { questionsTo } from './questions.ts';
import { analyticsRoutes } from './routes.ts';
import { AGENT_FIGURES, agentScope, aggregateOf, GLOBAL } from './scope.ts';
import { windowedAlerts } from './windowed_alerts.ts';

export interface AnalyticsParts {
  readonly store: Store;
  readonly agents: Pick<Agents, 'read'>;
  readonly users: Pick<Users, 'read'>;
  readonly presence: Pick<Presence, 'follow' | 'keys'>;
  readonly nodes: Pick<Nodes, 'live' | 'report'>;
  readonly log: Log;
  /** Broadcasts to all members of a topic, on every node. */
  readonly broadcast: (topic: string, event: string, payload: object) => void;
  /** Broadcasts to this node's members. */
  readonly broadcastLocal: (topic: string, event: string, payloadJson: string) => void;
}

const STATS_EVERY_MS = 10_000;
const LOAD_EVERY_MS = 1_000;
/** How long after the store refused it the beginning is tried again. */
const BEGIN_AGAIN_MS = 5_000;
/** Figures are at most 5 s behind, also when a node dies while it collects. */
const LEASE_MS = 3_000;

/** Wires everything about analytics. */
export function analytics(parts: AnalyticsParts) {
  const { store, agents, users, presence, nodes, log, broadcast, broadcastLocal } = parts;
  const scopes = new Scopes(store, (agentId, alert) => {
    tell(agentId, alert).catch((error: unknown) => log.warn({ err: error, agent: agentId }, 'pushing an alert failed'));
  });
  const owned = new OwnedAgents(store);
  const answers = new Answers(new History(store, scopes));
  const questions = questionsTo(answers, store);
  const present = () => presence.keys(DISCOVERY_TOPIC);
  const collector = new Collector({ store, scopes, owned, present, log });
  const deadlines = new Deadlines({ store, log, leaseMs: LEASE_MS });
  const watch = new Watch(store, scopes);
  const watchers = new Set<GlobalMember>();
  const timers: NodeJS.Timeout[] = [];
  let isClosed = false;

  async function tell(agentId: string, alert: Alert): Promise<void> {
    broadcast(agentTopic(agentId), 'alert', alert);
    const owner = (await agents.read(agentId))?.userId;
    if (owner) broadcast(userTopic(owner), 'alert', alert);
  }

  async function globalStats() {
    const { head } = await scopes.read(GLOBAL);
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
      await watch.begin();
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

  deadlines.on(COLLECTOR, (id) => (id === WATCH ? watch.look(present()) : collector.collect()));
  deadlines.on(AGENT_FIGURES, (id) => {
    const scope = agentScope(id);
    return scopes.look(scope, (alerts, nowMs) => windowedAlerts(answers, scope, alerts, nowMs));
  });
  deadlines.on(aggregateOf(GLOBAL).kind, () => scopes.look(GLOBAL, async (alerts) => alerts));

  const channels = analyticsChannels({
    agents,
    users,
    scopes,
    owned,
    questions,
    watched(socket) {
      watchers.add(socket);
      socket.onEnd(() => watchers.delete(socket));
      unlessUnavailable(globalStats().then((stats) => socket.push('global_stats', stats)));
    },
  });

  return {
    channels,
    routes: analyticsRoutes({ agents, users, owned, questions }),
    collector,
    deadlines,

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
            globalStats().then((stats) => broadcastLocal(GLOBAL_TOPIC, 'global_stats', JSON.stringify(stats))),
          );
        }, STATS_EVERY_MS),
      );
    },

    async close(): Promise<void> {
      isClosed = true;
      for (const timer of timers) clearInterval(timer);
      await deadlines.stop();
    },
  };
}
