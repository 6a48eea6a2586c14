import type { MultiAgentAlerts } from '../analytics/multi_agent_alerts.ts';
import { Deadlines } from '../kernel/deadlines.ts';
import { inTurn } from '../kernel/in_turn.ts';
import type { Domain, DomainContext } from '../principals/domain.ts';
import { membersOf } from '../principals/multi_agent_members.ts';
import { AgentSide, configurationView } from './agent_side.ts';
import { callbackBody } from './answers.ts';
import { CallbackHosts } from './callback_hosts.ts';
import { Callbacks, type CallbacksOptions, callbackCounters } from './callbacks.ts';
import { keyOf } from './caller.ts';
import { configure } from './configure.ts';
import { Control } from './control.ts';
import { Departures } from './departures.ts';
import { MULTI_AGENT, type MultiAgent, MultiAgents } from './multi_agents.ts';
import { Outcomes } from './outcomes.ts';
import type { ControlCaller, ControlForGateways, Vitals } from './port.ts';
import { CONTROL_REQUEST, Requests } from './requests.ts';
import { VitalsBoard } from './vitals.ts';

export type {
  AgentError,
  AgentVitals,
  ConfiguredMultiAgent,
  ControlAccepted,
  ControlAnswer,
  ControlCall,
  ControlCaller,
  ControlCode,
  ControlCompleted,
  ControlForGateways,
  ControlRefusal,
  ControlRequest,
  Vitals,
} from './port.ts';

type Context = Pick<DomainContext, 'store' | 'hub' | 'nodes' | 'log' | 'principals' | 'deadlineStats'> & {
  readonly callbackHosts: readonly string[];
  /** Sockets on `agent:{id}` over all nodes, in the order of `agentIds`. @throws NodesUnavailable */
  readonly homesOf: (agentIds: readonly string[]) => Promise<readonly number[]>;
  /** True for an agent of somebody else that a caller sees in part; nobody does unless told. */
  readonly isSeen?: (caller: ControlCaller, agentId: string) => Promise<boolean>;
  readonly multiAgentAlerts: Pick<MultiAgentAlerts, 'watch'>;
  /** For specs: how names are resolved, and when attempts are made. */
  readonly callbacks?: Omit<CallbacksOptions, 'hosts'>;
};

export interface ControlParts {
  readonly control: ControlForGateways;
  readonly vitals: Vitals;
  /** For the channel of `agent:{id}`. */
  readonly agentSide: AgentSide;
}

/** Deadlines that are taken again so soon if their node has died. */
const LEASE_MS = 1_500;
const POLL_MS = 250;
/** Members that are told of a configuration at a time. */
const AT_A_TIME = 64;

/** Commands for agents, configurations of multi-agents, and what agents say of their machines (VISUALISATION.md, 9.8). */
export function controlFeature(context: Context): Domain & ControlParts {
  const { store, hub, nodes, log, principals, deadlineStats: stats, homesOf, multiAgentAlerts } = context;
  const { agents, users } = principals;
  const { isSeen = async () => false } = context;
  const hosts = new CallbackHosts(context.callbackHosts);
  const callbacks = new Callbacks({ hosts, ...context.callbacks });
  const requests: Requests = new Requests({
    store,
    log,
    onUncertain: (key) => outcomes.announce(key),
    onEnded(key, request, callback) {
      outcomes.announce(key);
      if (callback) callbacks.start(callback, callbackBody({ ...request, resultExpired: false }));
    },
  });
  const outcomes = new Outcomes({ hub, read: (key) => requests.read(key), log });
  const departures = new Departures({ requests, socketsOf: homesOf, log });
  const members = (owner: string, id: string) => membersOf({ store, agents }, owner, id);
  const multiAgents = new MultiAgents({ store, log, followUp });
  const vitals = new VitalsBoard({ hub, store, liveNodes: () => nodes.live().length, log });
  const control = new Control({
    requests,
    outcomes,
    agents,
    hosts,
    isSeen,
    socketsOf: async (agentId) => (await homesOf([agentId]))[0] ?? 0,
    handOver: (agentId, command) => hub.broadcast(`agent:${agentId}`, 'control', command),
    onHandedOver: (agentId) => departures.left(agentId),
    log,
  });
  const deadlines = new Deadlines({ store, log, pollMs: POLL_MS, leaseMs: LEASE_MS, stats });
  deadlines.on(CONTROL_REQUEST, (key) => requests.wake(key));
  deadlines.on(MULTI_AGENT, (key) => multiAgents.wake(key));

  /** Has a configuration held against the figures, and tells the members. */
  async function followUp(multiAgent: MultiAgent): Promise<void> {
    const { owner, id, version, configuration } = multiAgent;
    const { performanceTargets, faultTolerance } = configuration;
    await multiAgentAlerts.watch(keyOf(owner, id), {
      owner,
      id,
      version,
      targets: performanceTargets ?? null,
      heartbeatMs: faultTolerance?.enabled ? faultTolerance.heartbeatInterval : null,
    });
    const view = configurationView(multiAgent);
    const told = (await members(owner, id)).map((member) => async () => {
      hub.broadcast(`agent:${member}`, 'configuration', view);
    });
    await inTurn(told, AT_A_TIME);
  }

  function lookAtAllSoon(): void {
    departures
      .lookAtAll()
      .catch((error: unknown) => log.warn({ err: error }, 'looking for agents that are gone with their node failed'));
  }

  nodes.onChange(({ left }) => {
    if (left.length === 0) return;
    lookAtAllSoon();
    // An outcome that a dead node stored last it may not have told.
    outcomes.lookAgain();
  });

  return {
    name: 'control',
    counters: callbackCounters(callbacks.stats),
    control: {
      execute: (caller, request, tell) => control.execute(caller, request, tell),
      configure: (caller, payload) => configure({ multiAgents, users, membersOf: members, log }, caller, payload),
    },
    vitals,
    agentSide: new AgentSide({ requests, departures, multiAgents, agents, vitals }),
    start() {
      deadlines.start();
      lookAtAllSoon();
    },
    handleDue: () => deadlines.handleDue(),
    async close() {
      departures.close();
      outcomes.close();
      vitals.close();
      callbacks.close();
      await deadlines.stop();
    },
  };
}
