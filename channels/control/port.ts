/** Who commands. Agents and apps do not (VISUALISATION.md, 9.1). */
export type ControlCaller = { readonly kind: 'admin' } | { readonly kind: 'user'; readonly id: string };

/** A `control.execute` as a gateway read it: the envelope's `id` and its payload, which the domain checks. */
export interface ControlRequest {
  readonly id: string;
  readonly payload: unknown;
}

export type ControlCode = 'INVALID_MESSAGE' | 'AGENT_NOT_FOUND' | 'COMMAND_FAILED' | 'RATE_LIMIT_EXCEEDED';

/** What an agent said of its own failure. */
export interface AgentError {
  readonly code?: string | number;
  readonly message: string;
}

/** A request that was not carried out, in the words of VISUALISATION.md 9.8 and 9.9; `reason`, `path` and `retryAfterMs` belong in `details`. */
export interface ControlRefusal {
  readonly kind: 'refused';
  readonly code: ControlCode;
  readonly reason?: string;
  readonly message: string;
  readonly path?: string;
  readonly retryAfterMs?: number;
  readonly agentError?: AgentError;
}

export interface ControlAccepted {
  readonly kind: 'accepted';
  readonly requestId: string;
  readonly targetAgent: string;
}

/** The agent has done it. `expired`: the result is older than 10 minutes and no longer kept, `result` is null. */
export interface ControlCompleted {
  readonly kind: 'completed';
  readonly requestId: string;
  readonly targetAgent: string;
  readonly result: unknown;
  readonly expired?: true;
  readonly durationMs: number;
}

export type ControlAnswer = ControlAccepted | ControlCompleted | ControlRefusal;

/** The configuration of a multi-agent, as it is stored: whole, with its version, and the ids of the agents that belong to it now. */
export interface ConfiguredMultiAgent {
  readonly ok: true;
  readonly multiAgentId: string;
  readonly version: number;
  readonly configuration: object;
  readonly members: readonly string[];
}

/** A request that somebody waits for. */
export interface ControlCall {
  /** Resolves when the last answer was told, or after `stop`. Rejects only where the store is out of reach. */
  readonly done: Promise<void>;
  /** Ends the telling, nothing else: the request goes on, and the same `id` finds it again. Twice is fine. */
  stop(): void;
}

/** Commands and configurations, as gateways give them (VISUALISATION.md, 9.8). */
export interface ControlForGateways {
  /** `tell` is called with `accepted` and later the outcome, or with `refused`, in order, until `stop`; never before this has returned. */
  execute(caller: ControlCaller, request: ControlRequest, tell: (answer: ControlAnswer) => void): ControlCall;
  /** `control.multi-agent.configure`, with its payload as it came. Rejects only where the store is out of reach. */
  configure(caller: ControlCaller, payload: unknown): Promise<ConfiguredMultiAgent | ControlRefusal>;
}

/** What an agent last said of the machine it runs on: shares from 0 to 1, memory in bytes; null where it said nothing. */
export interface AgentVitals {
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly gpu: number | null;
  /** The store's time, in ms. */
  readonly atMs: number;
}

/** The last `vitals` of agents, at most 60 s old, from any node (VISUALISATION.md, 9.4). */
export interface Vitals {
  of(agentIds: readonly string[]): Promise<ReadonlyMap<string, AgentVitals>>;
}
