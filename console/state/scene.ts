import { batch, signal } from '@preact/signals';
import type { FrameReader } from '../wire/frames.ts';
import { Viewer, type ViewerMessage, type ViewerState } from '../wire/viewer.ts';
import { Agents, type Metrics, type Registered, STATES, type StateName } from './agents.ts';
import { type EdgeOnWire, Edges, type FlowStatistics } from './edges.ts';
import { Events } from './events.ts';
import { Moments } from './moments.ts';
import type { Session } from './session.ts';

export interface OpenAlert {
  readonly id: string;
  readonly level: 'info' | 'warning' | 'critical';
  readonly kind: string;
  readonly agentId: string | null;
  readonly message: string;
  readonly value: number | null;
  readonly threshold: number | null;
  readonly at: string;
  /** `null` while it is open. */
  readonly endedAt: string | null;
}

export interface NodeFigures {
  readonly node: string;
  readonly ready: boolean;
  readonly draining: boolean;
  readonly sockets: number;
  readonly viewers: number;
}

/** `system.metrics` of the wire. */
export interface SystemMetrics {
  readonly activeAgents: number | null;
  readonly totalAgents: number | null;
  readonly systemLoad: { readonly cpu: number | null; readonly memory: number | null };
  readonly messageMetrics: {
    readonly rate: number | null;
    readonly queueDepth: number | null;
    readonly averageLatency: number | null;
    readonly errorRate: number | null;
  };
  readonly networkHealth: number | null;
  readonly nodes?: readonly NodeFigures[];
}

const ENDED_ALERTS = 200;
const CHANGE_MS = 150;

/** What the visualisation wire shows, kept as it comes: the agents and the graph address together. */
export class Scene {
  readonly agents = new Agents();
  readonly edges = new Edges();
  readonly events = new Events();
  readonly alerts = signal<readonly OpenAlert[]>([]);
  readonly system = signal<SystemMetrics | null>(null);
  readonly line = signal<ViewerState>({ kind: 'connecting' });
  /** Grows some times a second while anything but places changes: thousands of agents are not gone through at each change. */
  readonly changed = signal(0);
  #changeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Counts frames of positions, so that the picture is drawn anew. */
  readonly moved = signal(0);
  readonly isPaused = signal(false);
  readonly moments: Moments;
  readonly #viewers: readonly Viewer[];
  /** Agents that the snapshot which is coming has named so far; `null` between snapshots. */
  #named: Set<string> | null = new Set();

  /** @param onSignedOut the credential is not good any more */
  constructor({ credential }: Session, onSignedOut: () => void) {
    const see = (state: ViewerState) => {
      if (state.kind === 'signed_out') return onSignedOut();
      if (state.kind === 'live') this.#named = new Set();
      this.line.value = state;
    };
    const frames: FrameReader = {
      position: (wireId, x, y, z) => {
        const agent = document.hidden ? undefined : this.agents.byWireId(wireId);
        if (agent) agent.place = { x, y, z };
      },
      state: ({ wireId, state, flags, metadata }) => {
        const agent = this.agents.byWireId(wireId);
        if (!agent) return;
        this.#change();
        agent.state.value = STATES[state] ?? agent.state.peek();
        agent.hasAlert.value = (flags & 2) !== 0;
        agent.isSuspended.value = (flags & 4) !== 0;
        if (!agent.isFull) return;
        const { queued = 0, sockets = 0 } = metadata as { queued?: number; sockets?: number };
        agent.tell({ messageQueueSize: queued, connectionCount: sockets });
      },
      performance: ({ wireId, tasks, success, averageMs, cpuPercent, memoryBytes }) => {
        this.agents.byWireId(wireId)?.tell({
          tasksCompleted: tasks,
          successRate: success,
          averageResponseTime: averageMs,
          resourceUtilization: cpuPercent === null ? null : cpuPercent / 100,
          memoryUsage: memoryBytes,
        });
      },
      end: () => {
        this.moved.value++;
      },
    };
    this.moments = new Moments(this);
    document.addEventListener('visibilitychange', this.#seenAgain);
    this.#viewers = [
      new Viewer('agents', credential, { state: see, message: (message) => this.#hear(message), frames }),
      new Viewer('graph', credential, { state: () => {}, message: (message) => this.#hearGraph(message) }),
    ];
  }

  /** While the page was hidden it has passed over places: it takes all of them anew. */
  readonly #seenAgain = (): void => {
    if (document.hidden || this.isPaused.peek()) return;
    this.#named = new Set();
    for (const viewer of this.#viewers) viewer.send({ type: 'snapshot.request' });
  };

  /** Stops what moves on the page; the server sends a new snapshot when it goes on. */
  pause(isPaused: boolean): void {
    this.isPaused.value = isPaused;
    for (const viewer of this.#viewers) viewer.send({ type: isPaused ? 'pause_updates' : 'resume_updates' });
    if (!isPaused) this.#named = new Set();
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#seenAgain);
    clearTimeout(this.#changeTimer);
    this.moments.close();
    for (const viewer of this.#viewers) viewer.close();
  }

  #change(): void {
    this.#changeTimer ??= setTimeout(() => {
      this.#changeTimer = undefined;
      this.changed.value++;
    }, CHANGE_MS);
  }

  #hear(message: ViewerMessage): void {
    this.#change();
    const { type, timestamp = '', payload = {} } = message;
    batch(() => {
      switch (type) {
        case 'agent.registered':
          return this.#register(payload.agents as readonly Registered[]);
        case 'agent.hidden':
          return this.agents.hide(payload.agentId as string);
        case 'snapshot.complete':
          if (this.#named) this.agents.keepOnly(this.#named);
          this.#named = null;
          return;
        case 'agent.state.changed': {
          const agent = this.agents.get(payload.agentId as string);
          if (!agent) return;
          agent.state.value = payload.newState as StateName;
          agent.sinceMs.value = Date.parse(timestamp);
          break;
        }
        case 'agent.performance.update': {
          const agent = this.agents.get(payload.agentId as string);
          if (!agent) return;
          agent.metrics.value = payload.metrics as Metrics;
          agent.trends.value = payload.trends as Record<string, string>;
          return;
        }
        case 'agent.capability.update':
          this.#capability(payload);
          break;
        case 'system.metrics':
          this.system.value = payload as unknown as SystemMetrics;
          return this.#openAlerts(payload.alerts as readonly Record<string, unknown>[] | undefined);
        case 'alert':
          this.#alert(payload);
          break;
        case 'alert.ended':
          this.#alertEnded(payload.id as string, payload.at as string);
          break;
        case 'coordination.initiated':
        case 'coordination.progress':
        case 'coordination.ended':
          break;
        default:
          return;
      }
      this.events.add({ type, at: timestamp, payload });
    });
  }

  #hearGraph({ type, timestamp = '', payload = {} }: ViewerMessage): void {
    this.#change();
    batch(() => {
      switch (type) {
        case 'graph.edges':
          this.edges.change(
            payload.edges as readonly EdgeOnWire[],
            (payload.removed ?? []) as readonly { from: string; to: string }[],
          );
          return;
        case 'message.flow.stats':
          this.edges.flow(payload.from as string, payload.to as string, payload.statistics as FlowStatistics);
          return;
        case 'message.sent':
          this.edges.sent(payload);
          this.events.add({ type, at: timestamp, payload });
          return;
      }
    });
  }

  #register(agents: readonly Registered[]): void {
    this.agents.register(agents);
    for (const { agentId } of agents) this.#named?.add(agentId);
  }

  #capability({ agentId, action, capability }: Readonly<Record<string, unknown>>): void {
    const agent = this.agents.get(agentId as string);
    if (!agent) return;
    const { name } = capability as { name: string };
    const others = agent.capabilities.peek().filter((each) => each !== name);
    agent.capabilities.value = action === 'remove' ? others : [...others, name];
  }

  #alert(payload: Readonly<Record<string, unknown>>): void {
    const alert = (payload.alert ?? payload) as Readonly<Record<string, unknown>>;
    const open: OpenAlert = {
      id: alert.id as string,
      level: alert.level as OpenAlert['level'],
      kind: alert.kind as string,
      agentId: (payload.agentId ?? alert.agent_id ?? null) as string | null,
      message: (alert.message ?? '') as string,
      value: (alert.value ?? null) as number | null,
      threshold: (alert.threshold ?? null) as number | null,
      at: alert.at as string,
      endedAt: null,
    };
    this.alerts.value = [open, ...this.alerts.peek().filter(({ id }) => id !== open.id)].slice(0, ENDED_ALERTS + 100);
  }

  #alertEnded(id: string, at: string): void {
    this.alerts.value = this.alerts.peek().map((alert) => (alert.id === id ? { ...alert, endedAt: at } : alert));
  }

  /** Those that were open before the page came are told by `system.metrics` alone, without an id. */
  #openAlerts(listed: readonly Record<string, unknown>[] = []): void {
    const known = this.alerts.peek();
    const fresh = listed.filter(
      ({ component, agentId = null }) =>
        !known.some((alert) => !alert.endedAt && alert.kind === component && alert.agentId === agentId),
    );
    if (fresh.length === 0) return;
    const added = fresh.map(
      ({ level, message, component, timestamp, agentId = null }): OpenAlert => ({
        id: `${component}:${agentId}:${timestamp}`,
        level: level as OpenAlert['level'],
        kind: component as string,
        agentId: agentId as string | null,
        message: message as string,
        value: null,
        threshold: null,
        at: timestamp as string,
        endedAt: null,
      }),
    );
    this.alerts.value = [...added, ...known];
  }
}
