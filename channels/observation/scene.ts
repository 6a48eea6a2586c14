/**
 * What is shown of the deployment, and to whom (VISUALISATION.md): the words between those who find out what agents do, and
 * the gateway that puts it on a wire. Nothing here is made up: what is not known is `null`.
 */

/** Who looks, as far as sight goes. All sockets of one audience see the same. */
export type Audience = { readonly kind: 'admin' } | { readonly kind: 'user' | 'app'; readonly id: string };

export const audienceKey = (audience: Audience) =>
  audience.kind === 'admin' ? 'admin' : `${audience.kind}:${audience.id}`;

/** Codes of states on the wire. */
export const STATE_CODES = {
  OFFLINE: 0,
  INITIALIZING: 1,
  IDLE: 2,
  EXECUTING: 3,
  BUSY: 4,
  ERROR: 5,
  TERMINATING: 6,
} as const;

export type StateName = keyof typeof STATE_CODES;

/** What an agent's state is told with; zeros are left out, and of an agent that is seen in part all is. */
export interface StateMetadata {
  readonly running?: number;
  readonly queued?: number;
  readonly sockets?: number;
  readonly multiAgentId?: string;
}

/** A point of the layout, in its units, and units per second. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly vx: number;
  readonly vy: number;
  readonly vz: number;
}

type Trend<Up extends string, Down extends string> = Up | Down | 'stable' | 'unknown';

/** Figures of one agent (VISUALISATION.md, section 9.4). */
export interface Performance {
  readonly metrics: {
    readonly tasksCompleted: number;
    readonly successRate: number | null;
    readonly averageResponseTime: number | null;
    /** 0 to 1. */
    readonly resourceUtilization: number | null;
    /** Bytes. */
    readonly memoryUsage: number | null;
    readonly communicationEfficiency: number | null;
    /** Milliseconds. */
    readonly uptime: number;
    readonly messageQueueSize: number;
    readonly connectionCount: number;
  };
  readonly trends: {
    readonly successRateTrend: Trend<'improving', 'declining'>;
    readonly responseTrend: Trend<'improving', 'degrading'>;
    readonly loadTrend: Trend<'increasing', 'decreasing'>;
  };
}

export interface SeenCapability {
  readonly name: string;
  readonly category: string | null;
  readonly level: number | null;
  readonly description: string | null;
  /** USDC in decimal. */
  readonly price: string;
}

/** An agent as one audience sees it. */
export interface SeenAgent {
  readonly agentId: string;
  readonly wireId: number;
  readonly name: string;
  readonly namespace: string | null;
  /** Names. */
  readonly capabilities: readonly string[];
  readonly state: StateName;
  /** Seen in full; else in part, and the values below that only a full sight has are empty or `null`. */
  readonly full: boolean;
  readonly registeredAtMs: number | null;
  /** Flags of a state record: bit 0 on `agents:discovery`, bit 1 an alert is open, bit 2 suspended. */
  readonly flags: number;
  readonly metadata: StateMetadata;
  readonly performance: Performance | null;
  readonly place: Place | null;
}

export type EdgeKind = 'message' | 'task' | 'negotiation' | 'payment';

/** Two agents that exchanged something in the last ten minutes; `from` < `to`. */
export interface SeenEdge {
  readonly from: string;
  readonly to: string;
  readonly fromWireId: number;
  readonly toWireId: number;
  readonly kinds: readonly EdgeKind[];
  readonly lastActivityMs: number;
}

/** What went from one agent to another in the last sixty seconds. Latencies in ms, bandwidth in kB/s. */
export interface SeenFlow {
  readonly from: string;
  readonly to: string;
  readonly statistics: {
    readonly messageCount: number;
    readonly averageLatency: number | null;
    readonly maxLatency: number | null;
    readonly minLatency: number | null;
    readonly successRate: number | null;
    readonly bandwidth: number;
    readonly lastActivityMs: number;
  };
}

export interface SeenMessage {
  readonly messageId: string;
  readonly from: { readonly id: string | null; readonly namespace: string | null };
  readonly to: readonly { readonly id: string; readonly namespace: string | null }[];
  readonly messageType: string;
  /** JSON text of the payload where the audience sees an end in full and it is at most 4 KiB; else `null`. */
  readonly content: string | null;
  readonly contentBytes: number;
  readonly expiryMs: number;
}

/** Reasons of a change of state, as they are told. */
export type StateReason =
  | 'Connected'
  | 'Joined discovery'
  | 'Left discovery'
  | 'Disconnected'
  | 'Task assigned'
  | 'Task completed'
  | 'Task failed'
  | 'Task cancelled'
  | 'Session working'
  | 'Session answered'
  | 'Presence updated'
  | 'Alert raised'
  | 'Alert ended'
  | 'Suspended'
  | 'Node draining';

/** Something that an audience sees happen. `atMs`: when it happened, by the store's clock. */
export type Sighting = { readonly atMs: number } & (
  | { readonly kind: 'registered'; readonly agents: readonly SeenAgent[] }
  | { readonly kind: 'hidden'; readonly agentId: string; readonly wireId: number }
  | {
      readonly kind: 'state';
      readonly agentId: string;
      readonly previousState: StateName;
      readonly newState: StateName;
      readonly reason: StateReason | null;
      readonly metadata: { readonly taskId?: string; readonly estimatedDuration?: number };
    }
  /** State, flags or metadata of these have changed: for STATE_BATCH. */
  | {
      readonly kind: 'records';
      readonly agents: readonly Pick<SeenAgent, 'agentId' | 'wireId' | 'state' | 'flags' | 'metadata'>[];
    }
  | { readonly kind: 'places'; readonly agents: readonly { readonly wireId: number; readonly place: Place }[] }
  | {
      readonly kind: 'performance';
      readonly agentId: string;
      readonly wireId: number;
      readonly performance: Performance;
    }
  | {
      readonly kind: 'capability';
      readonly agentId: string;
      readonly action: 'add' | 'remove' | 'update';
      readonly capability: SeenCapability;
    }
  | { readonly kind: 'message'; readonly message: SeenMessage }
  | { readonly kind: 'flow'; readonly flow: SeenFlow }
  | {
      readonly kind: 'edges';
      readonly edges: readonly SeenEdge[];
      readonly removed: readonly { from: string; to: string }[];
    }
  /** `payload` as VISUALISATION.md has it for the type, but for times, which are `…Ms`. */
  | { readonly kind: 'system'; readonly payload: object }
  | {
      readonly kind: 'alert';
      readonly level: 'info' | 'warning' | 'critical';
      readonly agentId: string | null;
      readonly payload: object;
    }
  | { readonly kind: 'alert_ended'; readonly id: string; readonly agentId: string | null }
  | {
      readonly kind: 'coordination';
      readonly event: 'initiated' | 'progress' | 'ended';
      /** Initiator and participants. */
      readonly agentIds: readonly string[];
      readonly progress: number;
      readonly payload: object;
    }
);

/** What an audience sees now. */
export interface Snapshot {
  readonly atMs: number;
  readonly agents: readonly SeenAgent[];
  readonly edges: readonly SeenEdge[];
}

/** The sight of one audience on this node, shared by all its sockets here. */
export interface Scene {
  readonly audience: Audience;
  /** All that it sees now: what the listener hears after this call has happened after it, and nothing is missing in between. */
  snapshot(): Snapshot;
  close(): void;
}

/** One listener for each audience of a node. */
export interface SceneListener {
  /** What happened in one moment, in order. */
  see(sightings: readonly Sighting[]): void;
  /** Something was lost between the nodes: what `snapshot` says now holds, and every socket is to get it anew. */
  lost(): void;
}

/** For gateways: opens the sight of an audience. Resolves once this node's picture is whole. */
export interface Observation {
  open(audience: Audience, listener: SceneListener): Promise<Scene>;
}
