import { LRUCache } from 'lru-cache';
import type { Version } from '../../server/store/index.ts';
import type { Alert } from '../analytics/alerts.ts';
import type { PresenceStatus } from '../discovery/presence_status.ts';
import type { LocalSockets } from '../principals/open_sockets.ts';
import type { SeenTask, WholeDeed } from './deeds.ts';
import { alertChanges } from './owner_alerts.ts';
import type { SeenCapability, StateReason } from './scene.ts';
import type { Circumstances } from './states.ts';

/** Why a state may have changed. */
export interface Cause {
  readonly reason: StateReason;
  readonly task?: SeenTask;
}

/** What an agent says of itself, and what is said of it. */
export interface Profile {
  readonly wireId: number;
  readonly name: string;
  readonly userId: string | null;
  readonly capabilities: readonly SeenCapability[];
  readonly isSuspended: boolean;
  readonly registeredAtMs: number;
  readonly multiAgentId: string | undefined;
}

export interface KnownAgent {
  readonly id: string;
  /** `undefined`: it is still to be read. */
  profile: Profile | undefined;
  profileVersion: Version;
  /** By node. */
  readonly sockets: Map<string, LocalSockets>;
  /** Tasks in progress as provider. */
  readonly running: Map<string, SeenTask>;
  readonly working: Set<string>;
  alerts: readonly Alert[];
  figuresVersion: Version;
  queued: number;
  inboxVersion: Version;
  /** As presence was when it was last looked at. */
  presence: PresenceStatus;
}

export interface PictureListener {
  /** An agent is known. */
  appeared(agent: KnownAgent): void;
  described(agent: KnownAgent, before: Profile): void;
  /** Something that its state, flags or metadata come from has changed. */
  touched(agent: KnownAgent, cause: Cause | undefined): void;
  /** Its figures have changed. */
  figured(agent: KnownAgent): void;
  alerted(agent: KnownAgent, raised: readonly Alert[], ended: readonly Alert[]): void;
  tasked(task: SeenTask): void;
  taskTouched(taskId: string): void;
}

/** Tasks and sessions that have ended, which are remembered as word of their beginning may come later. */
const MAX_ENDED = 20_000;

const ENDINGS = { completed: 'Task completed', failed: 'Task failed', cancelled: 'Task cancelled' } as const;

/** Everything that is known of the agents of the deployment, on this node, while somebody looks. Versions say what is newer. */
export class Picture {
  readonly agents = new Map<string, KnownAgent>();
  readonly #presenceOf: (agentId: string) => PresenceStatus;
  readonly #listener: PictureListener;
  readonly #draining = new Set<string>();
  readonly #tasks = new Map<string, SeenTask>();
  readonly #endedTasks = new LRUCache<string, Version>({ max: MAX_ENDED });
  /** Sessions that are working, by whose they are. */
  readonly #working = new Map<string, string>();
  readonly #sessions = new LRUCache<string, Version>({ max: MAX_ENDED });

  constructor(presenceOf: (agentId: string) => PresenceStatus, listener: PictureListener) {
    this.#presenceOf = presenceOf;
    this.#listener = listener;
  }

  /** The agents that can be shown. */
  *shown(): Iterable<KnownAgent & { readonly profile: Profile }> {
    for (const agent of this.agents.values()) if (hasProfile(agent)) yield agent;
  }

  /** Those with a socket, or of whom a node knows that they were discovered. */
  *online(): Iterable<string> {
    for (const agent of this.agents.values()) if (agent.sockets.size > 0) yield agent.id;
  }

  runningTasks(): Iterable<SeenTask> {
    return this.#tasks.values();
  }

  circumstancesOf(agent: KnownAgent): Circumstances {
    let [sockets, drainingSockets, agentSockets, openedAtMs, discoveredAtMs] = [0, 0, 0, 0, 0];
    for (const [node, local] of agent.sockets) {
      sockets += local.sockets;
      agentSockets += local.agentSockets;
      if (this.#draining.has(node)) drainingSockets += local.sockets;
      if (local.openedAtMs > 0)
        openedAtMs = openedAtMs === 0 ? local.openedAtMs : Math.min(openedAtMs, local.openedAtMs);
      discoveredAtMs = Math.max(discoveredAtMs, local.discoveredAtMs);
    }
    const { profile, presence, running, working, alerts, queued } = agent;
    return {
      isSuspended: profile?.isSuspended ?? false,
      presence,
      sockets,
      drainingSockets,
      agentSockets,
      openedAtMs,
      discoveredAtMs,
      running: running.size,
      working: working.size,
      alertKinds: alerts.map(({ kind }) => kind),
      queued,
      multiAgentId: profile?.multiAgentId,
    };
  }

  apply(deed: WholeDeed): void {
    if (deed.kind === 'task') return this.#applyTask(deed);
    if (deed.kind === 'task_touched') return this.#listener.taskTouched(deed.id);
    const agent = this.known(deed.id);
    if (deed.kind === 'inbox') {
      if (deed.version <= agent.inboxVersion) return;
      agent.inboxVersion = deed.version;
      if (agent.queued === deed.queued) return;
      agent.queued = deed.queued;
      return this.#listener.touched(agent, undefined);
    }
    if (deed.version <= agent.figuresVersion) return;
    agent.figuresVersion = deed.version;
    this.#listener.figured(agent);
    this.#applyAlerts(agent, deed.alerts);
  }

  describe(id: string, version: Version, profile: Profile): void {
    const agent = this.known(id);
    if (version <= agent.profileVersion) return;
    agent.profileVersion = version;
    const before = agent.profile;
    agent.profile = profile;
    if (!before) return this.#listener.appeared(agent);
    this.#listener.described(agent, before);
    const isNowSuspended = profile.isSuspended && !before.isSuspended;
    this.#listener.touched(agent, { reason: isNowSuspended ? 'Suspended' : 'Connected' });
  }

  /** @param agentId whose session it is, while it is `WORKING`; `undefined`: it is not */
  applySession(id: string, version: Version, agentId: string | undefined): void {
    if (version <= (this.#sessions.get(id) ?? 0)) return;
    this.#sessions.set(id, version);
    const before = this.#working.get(id);
    if (before === agentId) return;
    if (before !== undefined) {
      this.#working.delete(id);
      const agent = this.known(before);
      agent.working.delete(id);
      this.#listener.touched(agent, { reason: 'Session answered' });
    }
    if (agentId === undefined) return;
    const agent = this.known(agentId);
    this.#working.set(id, agentId);
    agent.working.add(id);
    this.#listener.touched(agent, { reason: 'Session working' });
  }

  presenceChanged(id: string): void {
    const agent = this.known(id);
    const before = agent.presence;
    agent.presence = this.#presenceOf(id);
    if (agent.presence === before) return;
    const reason =
      before === 'offline' ? 'Joined discovery' : agent.presence === 'offline' ? 'Left discovery' : 'Presence updated';
    this.#listener.touched(agent, { reason });
  }

  socketsChanged(node: string, sockets: LocalSockets): void {
    const agent = this.known(sockets.agentId);
    const before = agent.sockets.get(node);
    // A node that has none any more may still know that the agent was discovered.
    if (sockets.sockets === 0 && sockets.discoveredAtMs === 0) agent.sockets.delete(node);
    else agent.sockets.set(node, sockets);
    const by = sockets.sockets - (before?.sockets ?? 0);
    this.#listener.touched(agent, { reason: by > 0 ? 'Connected' : by < 0 ? 'Disconnected' : 'Joined discovery' });
  }

  nodeDrains(node: string): void {
    this.#draining.add(node);
    for (const agent of this.agents.values()) {
      if (agent.sockets.has(node)) this.#listener.touched(agent, { reason: 'Node draining' });
    }
  }

  /** All sockets of a node, in place of what was known of it. */
  replaceNode(node: string, sockets: readonly LocalSockets[], isDraining: boolean): void {
    if (isDraining) this.nodeDrains(node);
    else this.#draining.delete(node);
    const named = new Set(sockets.map(({ agentId }) => agentId));
    for (const one of sockets) this.socketsChanged(node, one);
    for (const agent of this.agents.values()) {
      if (agent.sockets.has(node) && !named.has(agent.id)) this.#forgetNode(agent, node);
    }
  }

  nodeGone(node: string): void {
    this.#draining.delete(node);
    for (const agent of this.agents.values()) if (agent.sockets.has(node)) this.#forgetNode(agent, node);
  }

  known(id: string): KnownAgent {
    const known = this.agents.get(id);
    if (known) return known;
    const agent: KnownAgent = {
      id,
      profile: undefined,
      profileVersion: 0,
      sockets: new Map(),
      running: new Map(),
      working: new Set(),
      alerts: [],
      figuresVersion: 0,
      queued: 0,
      inboxVersion: 0,
      presence: this.#presenceOf(id),
    };
    this.agents.set(id, agent);
    return agent;
  }

  #forgetNode(agent: KnownAgent, node: string): void {
    agent.sockets.delete(node);
    this.#listener.touched(agent, { reason: 'Disconnected' });
  }

  #applyTask(task: SeenTask): void {
    const { id, version, status } = task;
    const before = this.#tasks.get(id);
    if (version <= (before?.version ?? this.#endedTasks.get(id) ?? 0)) return;
    const agent = this.known(task.provider);
    if (status === 'in_progress') {
      this.#tasks.set(id, task);
      agent.running.set(id, task);
      this.#listener.tasked(task);
      if (!before) this.#listener.touched(agent, { reason: 'Task assigned', task });
      return;
    }
    if (status !== 'pending') {
      this.#tasks.delete(id);
      this.#endedTasks.set(id, version);
      const wasRunning = agent.running.delete(id);
      this.#listener.tasked(task);
      if (wasRunning) this.#listener.touched(agent, { reason: ENDINGS[status], task });
      return;
    }
    this.#listener.tasked(task);
  }

  #applyAlerts(agent: KnownAgent, alerts: readonly Alert[]): void {
    const { raised, ended } = alertChanges(agent.alerts, alerts);
    if (raised.length + ended.length === 0) return;
    agent.alerts = alerts;
    this.#listener.alerted(agent, raised, ended);
    this.#listener.touched(agent, { reason: raised.length > 0 ? 'Alert raised' : 'Alert ended' });
  }
}

export const hasProfile = (agent: KnownAgent): agent is KnownAgent & { readonly profile: Profile } =>
  agent.profile !== undefined;
