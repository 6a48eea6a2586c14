import type { Static } from 'typebox';
import { accept, type ChannelSocket, channelsFor, reply } from '../../server/index.ts';
import { isId } from '../kernel/ids.ts';
import { inTurn } from '../kernel/in_turn.ts';
import { refuse } from '../kernel/reasons.ts';
import type { AgentSession } from '../principals/agent_session.ts';
import type { Agents, Users } from '../principals/principals.ts';
import type { OwnerSession } from '../principals/sockets.ts';
import type { Alert } from './alerts.ts';
import type { FiguresStore } from './figures_store.ts';
import type { MultiAgentAlerts } from './multi_agent_alerts.ts';
import type { OwnedAgents } from './owned_agents.ts';
import type { Answered, Questions } from './questions.ts';
import { events, pushes, signals } from './schema.ts';
import { agentScope, GLOBAL, type Scope } from './scope.ts';

const analyticsChannel = channelsFor<Partial<AgentSession & OwnerSession>>();

export const GLOBAL_TOPIC = 'analytics:global';
export const agentTopic = (agentId: string) => `analytics:agent:${agentId}`;
export const userTopic = (userId: string) => `analytics:user:${userId}`;

/** Figures are added up over many buckets. */
const costs = { request_metrics: 10, request_time_series: 10, request_revenue: 10, request_heatmap: 10 };
/** That a join names: of a user with many agents the latest. */
const MAX_ALERTS = 1_000;
/** Agents of a user that are read at a time. */
const AT_A_TIME = 32;

export interface AnalyticsChannelOptions {
  readonly agents: Pick<Agents, 'read'>;
  readonly users: Pick<Users, 'read'>;
  readonly figuresStore: Pick<FiguresStore, 'read'>;
  readonly owned: OwnedAgents;
  readonly multiAgentAlerts: Pick<MultiAgentAlerts, 'ofUser'>;
  readonly questions: Questions;
  /** Told of every member of `analytics:global` of this node. */
  readonly watched: (socket: GlobalMember) => void;
}

interface Joined {
  readonly getsAlerts: boolean;
}

type AnalyticsSocket = ChannelSocket<Partial<AgentSession & OwnerSession> & Joined, typeof pushes>;

/** Of `analytics:global`. */
export type GlobalMember = Pick<ChannelSocket<object, typeof pushes>, 'push' | 'onEnd'>;

/** `analytics:agent:{id}`, `analytics:user:{id}` and `analytics:global` (PROTOCOL.md, section 5.5). */
export function analyticsChannels(options: AnalyticsChannelOptions) {
  const { agents, users, figuresStore, owned, multiAgentAlerts, questions, watched } = options;
  const intercept = {
    alert(alert: Static<typeof signals.alert>, socket: AnalyticsSocket) {
      if (socket.assigns.getsAlerts) socket.push('alert', alert);
    },
    alert_ended(ended: Static<typeof signals.alert_ended>, socket: AnalyticsSocket) {
      if (socket.assigns.getsAlerts) socket.push('alert_ended', ended);
    },
  };

  function answering(scopesOf: (id: string) => Promise<Scope[]>) {
    type Ask<P> = (of: readonly Scope[], payload: P) => Promise<Answered>;
    const asked =
      <P>(ask: Ask<P>) =>
      async (payload: P, socket: AnalyticsSocket) => {
        const answered = await ask(await scopesOf(socket.id), payload);
        return answered.ok ? reply(answered.answer) : answered;
      };
    return {
      request_metrics: asked(questions.metrics),
      request_time_series: asked(questions.timeSeries),
      request_revenue: asked(questions.revenue),
      request_heatmap: asked(questions.heatmap),

      subscribe_alerts(_payload: object, socket: AnalyticsSocket) {
        if (socket.topic === GLOBAL_TOPIC) return refuse('forbidden');
        socket.assign({ getsAlerts: true });
        return reply({ subscribed: true });
      },
    };
  }

  async function activeAlerts(agentIds: readonly string[]): Promise<Alert[]> {
    const heads = await inTurn(
      agentIds.map((id) => () => figuresStore.read(agentScope(id))),
      AT_A_TIME,
    );
    return heads.flatMap(({ head }) => Object.values(head?.alerts ?? {}));
  }

  const join = async (alerts: Alert[]) => accept<Joined>({ getsAlerts: false }, { alerts: latest(alerts) });

  const latest = (alerts: Alert[]) =>
    alerts.sort((one, other) => Date.parse(other.at) - Date.parse(one.at)).slice(0, MAX_ALERTS);

  return [
    analyticsChannel({
      topic: agentTopic('*'),
      events,
      pushes,
      signals,
      costs,
      intercept,
      async join({ id, assigns }) {
        const agent = await agents.read(id);
        if (!agent) return refuse('not_found');
        const isOwner = assigns.userId !== undefined && assigns.userId === agent.userId;
        return assigns.agentId === id || isOwner ? join(await activeAlerts([id])) : refuse('unauthorized');
      },
      on: answering(async (id) => [agentScope(id)]),
    }),
    analyticsChannel({
      topic: userTopic('*'),
      events,
      pushes,
      signals,
      costs,
      intercept,
      async join({ id, assigns }) {
        if (!isId(id) || !(await users.read(id))) return refuse('not_found');
        const { userId, agentId } = assigns;
        const isTheirs = agentId !== undefined && (await agents.read(agentId))?.userId === id;
        if (userId !== id && !isTheirs) return refuse('unauthorized');
        return join([...(await activeAlerts(await owned.of(id))), ...(await multiAgentAlerts.ofUser(id))]);
      },
      on: answering(async (id) => (await owned.of(id)).map(agentScope)),
    }),
    analyticsChannel({
      topic: GLOBAL_TOPIC,
      events,
      pushes,
      costs,
      join: () => accept<Joined>({ getsAlerts: false }),
      joined: (socket) => watched(socket),
      on: answering(async () => [GLOBAL]),
    }),
  ];
}
