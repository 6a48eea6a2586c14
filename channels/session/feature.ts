import type { AgentSide } from '../control/agent_side.ts';
import type { ConversationsForGateways } from '../conversation/feature.ts';
import type { Credits } from '../credits/payments_of_sessions.ts';
import { Deadlines } from '../kernel/deadlines.ts';
import type { Notifications } from '../messages/notifications.ts';
import type { Domain, DomainContext } from '../principals/domain.ts';
import { servedList } from '../principals/list_route.ts';
import { ownChannel } from './agent_channel.ts';
import { AgentWatch } from './agent_watch.ts';
import { Assignment, type AssignmentOptions } from './assignment.ts';
import { Attendance } from './attendance.ts';
import { sessionChannel } from './channel.ts';
import { SESSION } from './codec.ts';
import { Confirmations } from './confirmations.ts';
import { Feeds } from './feed.ts';
import { sessionList } from './list.ts';
import { OpenSessions } from './open_sessions.ts';
import { API_KEY_HEADER, sessionRoutes } from './routes.ts';
import { Sessions } from './sessions.ts';
import { SocketHosts } from './socket_hosts.ts';
import { UserSide } from './user_side.ts';
import { UserTokens } from './user_tokens.ts';
import { sessionView } from './view.ts';

type Context = Pick<
  DomainContext,
  | 'store'
  | 'hub'
  | 'nodes'
  | 'log'
  | 'principals'
  | 'tokens'
  | 'sessionCapability'
  | 'schemeOf'
  | 'deadlineStats'
  | 'maxSocketsPerAgent'
> & {
  readonly notifications: Notifications;
  readonly findOnline: AssignmentOptions['findOnline'];
  readonly credits: Credits;
  readonly conversations: ConversationsForGateways;
  readonly agentSide: AgentSide;
};

/** The parts of sessions that gateways need. */
export interface SessionsForGateways {
  readonly userSide: UserSide;
  readonly userTokens: UserTokens;
}

/** Deadlines that are taken again so soon if their node has died: a payment under way is finished within 2 s. */
const LEASE_MS = 1_500;
const POLL_MS = 250;
/** Sessions whose node is gone are looked for so often. */
const TIED_MS = 10_000;

/** Sessions of a person with an agent: the agent's channels, the HTTP calls, and the user's side for gateways. */
export function sessionFeature(context: Context): Domain & SessionsForGateways {
  const { store, hub, nodes, log, principals, notifications, findOnline, credits, deadlineStats } = context;
  const { agents, users } = principals;
  const feeds = new Feeds(hub, log);
  const attendance = new Attendance(nodes);
  const places = (scope: 'user' | 'agent'): OpenSessions =>
    new OpenSessions(scope, store, async (ids, ownerId) => {
      const found = await sessions.readMany(ids);
      return found.map((session) => {
        const owner = scope === 'user' ? session?.userId : session?.agent?.id;
        return owner === ownerId && !session?.closing;
      });
    });
  const [ofUsers, ofAgents] = [places('user'), places('agent')];
  const sessions: Sessions = new Sessions({
    store,
    agents,
    feeds,
    assignment: new Assignment({ findOnline, notifications, ofAgents, log }),
    notifications,
    ofUsers,
    ofAgents,
    credits,
    onAssigned(session) {
      if (session.agent)
        hub.broadcast(`agent:${session.agent.id}`, 'session_assigned', { session: sessionView(session) });
    },
    log,
  });
  const watch = new AgentWatch(attendance, feeds, log);
  const confirmations = new Confirmations(sessions, log);
  const userTokens = new UserTokens({ tokens: context.tokens, users, store });
  const hosts = new SocketHosts(nodes);
  const userSide = new UserSide({
    sessions,
    store,
    hub,
    feeds,
    attendance,
    watch,
    confirmations,
    findOnline,
    host: hosts.self,
    maxSocketsPerUser: context.maxSocketsPerAgent,
    log,
  });
  const deadlines = new Deadlines({ store, log, pollMs: POLL_MS, leaseMs: LEASE_MS, stats: deadlineStats });
  deadlines.on(SESSION, (id) => sessions.wake(id));

  const closeTiedSoon = () =>
    void sessions
      .closeTied((named) => hosts.gone(named))
      .catch((error: unknown) => log.warn({ err: error }, 'closing sessions of a node that is gone failed'));
  let timer: NodeJS.Timeout | undefined;
  nodes.onChange(({ left }) => {
    // A node may be gone for a while with its sockets open, as one that was suspended: its users are there again with it.
    if (left.length === 0) return feeds.tellAll({ type: 'user_moved' });
    // What a dead node stored last it may not have told.
    feeds.lookAgain();
    closeTiedSoon();
  });

  return {
    name: 'session',
    channels: {
      agent: [
        sessionChannel({ sessions, agents, feeds, attendance, log }),
        ownChannel({
          sessions,
          store,
          attendance,
          conversations: context.conversations,
          agentSide: context.agentSide,
          onJoined: (agentId) => userSide.agentCameHome(agentId),
        }),
      ],
    },
    routes: sessionRoutes({
      sessions,
      tokens: userTokens,
      capability: context.sessionCapability,
      schemeOf: context.schemeOf,
    }),
    lists: { '/api/sessions': servedList(sessionList(sessions), API_KEY_HEADER) },
    userSide,
    userTokens,
    start() {
      deadlines.start();
      closeTiedSoon();
      timer = setInterval(closeTiedSoon, TIED_MS);
      timer.unref();
    },
    handleDue: () => deadlines.handleDue(),
    async close() {
      clearInterval(timer);
      watch.close();
      userSide.close();
      await confirmations.close();
      await deadlines.stop();
    },
  };
}
