import { type Signal, signal } from '@preact/signals';

export const STATES = ['OFFLINE', 'INITIALIZING', 'IDLE', 'EXECUTING', 'BUSY', 'ERROR', 'TERMINATING'] as const;
export type StateName = (typeof STATES)[number];

export interface Metrics {
  readonly tasksCompleted: number | null;
  readonly successRate: number | null;
  readonly averageResponseTime: number | null;
  readonly resourceUtilization: number | null;
  readonly memoryUsage: number | null;
  readonly communicationEfficiency: number | null;
  readonly uptime: number | null;
  readonly messageQueueSize: number | null;
  readonly connectionCount: number | null;
}

const UNKNOWN: Metrics = {
  tasksCompleted: null,
  successRate: null,
  averageResponseTime: null,
  resourceUtilization: null,
  memoryUsage: null,
  communicationEfficiency: null,
  uptime: null,
  messageQueueSize: null,
  connectionCount: null,
};

/** As the server registers it on the wire. */
export interface Registered {
  readonly agentId: string;
  readonly wireId: number;
  readonly name: string;
  readonly namespace: string | null;
  readonly capabilities: readonly string[];
  readonly state: StateName;
  readonly full: boolean;
  readonly registeredAt: string | null;
}

/** One visible agent. What changes often is a signal of its own, so that a change draws one row and not all. */
export class Agent {
  readonly id: string;
  readonly wireId: number;
  readonly name: Signal<string>;
  readonly namespace: string | null;
  readonly isFull: boolean;
  readonly registeredAt: string | null;
  readonly capabilities: Signal<readonly string[]>;
  readonly state: Signal<StateName>;
  /** Milliseconds since 1970; `null` where it was so before the page came. */
  readonly sinceMs: Signal<number | null> = signal(null);
  readonly hasAlert = signal(false);
  readonly isSuspended = signal(false);
  readonly metrics: Signal<Metrics | null> = signal(null);
  readonly trends: Signal<Readonly<Record<string, string>> | null> = signal(null);
  /** Of the layout; `null` until it has a place. */
  place: { x: number; y: number; z: number } | null = null;

  constructor({ agentId, wireId, name, namespace, capabilities, state, full, registeredAt }: Registered) {
    this.id = agentId;
    this.wireId = wireId;
    this.name = signal(name);
    this.namespace = namespace;
    this.isFull = full;
    this.registeredAt = registeredAt;
    this.capabilities = signal(capabilities);
    this.state = signal(state);
  }

  /** What a new registration of the same agent does not say. */
  keep({ place, sinceMs, state, hasAlert, isSuspended, metrics, trends }: Agent): void {
    this.place = place;
    if (state.peek() === this.state.peek()) this.sinceMs.value = sinceMs.peek();
    this.hasAlert.value = hasAlert.peek();
    this.isSuspended.value = isSuspended.peek();
    this.metrics.value = metrics.peek();
    this.trends.value = trends.peek();
  }

  /** Figures that came alone, as in a snapshot. */
  tell(figures: Partial<Metrics>): void {
    this.metrics.value = { ...(this.metrics.peek() ?? UNKNOWN), ...figures };
  }
}

/** All visible agents. `members` changes when one comes or goes, and not when one of them changes. */
export class Agents {
  readonly members = signal<ReadonlyMap<string, Agent>>(new Map());
  readonly #byWireId = new Map<number, Agent>();

  get(id: string): Agent | undefined {
    return this.members.peek().get(id);
  }

  byWireId(wireId: number): Agent | undefined {
    return this.#byWireId.get(wireId);
  }

  register(registered: readonly Registered[]): void {
    const members = new Map(this.members.peek());
    for (const each of registered) {
      const agent = new Agent(each);
      const before = members.get(each.agentId);
      if (before) agent.keep(before);
      members.set(each.agentId, agent);
      this.#byWireId.set(each.wireId, agent);
    }
    this.members.value = members;
  }

  hide(id: string): void {
    const members = new Map(this.members.peek());
    const agent = members.get(id);
    if (!agent) return;
    members.delete(id);
    this.#byWireId.delete(agent.wireId);
    this.members.value = members;
  }

  /** Before a new snapshot: what it does not name is not there any more. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.members.peek().keys()) if (!ids.has(id)) this.hide(id);
  }
}
