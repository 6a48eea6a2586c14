import type { EdgeKind, SeenFlow } from '../observation/scene.ts';

/** Two agents that exchanged something in the last ten minutes; `from` < `to` (VISUALISATION.md, section 9.4). */
export interface Edge {
  readonly from: string;
  readonly to: string;
  /** What they exchanged in the last ten minutes, in the order of `TRAFFIC_KINDS`; at least one. */
  readonly kinds: readonly EdgeKind[];
  /** By the store's clock, as all times here. */
  readonly lastActivityMs: number;
  /** Number of messages, chunks, offers and transfers, both ways, since it is an edge; 0 where only its record is left. */
  readonly sent: number;
}

/** What went from one agent to another in the last sixty seconds; they are not the same agent. */
export type Flow = SeenFlow;

/** A message that an inbox has taken. */
export interface SentMessage {
  readonly atMs: number;
  readonly messageId: string;
  /** `null`: the platform sent it. */
  readonly fromAgentId: string | null;
  readonly toAgentId: string;
  readonly messageType: string;
  /** JSON text of its payload where that is at most 4 KiB; else `null`. Whoever shows it decides to whom. */
  readonly content: string | null;
  /** Size of the payload. */
  readonly contentBytes: number;
  readonly expiryMs: number;
}

export interface FlowsListener {
  /**
   * Edges that are new or whose kinds have changed, as they are now, and pairs that are none any more. What `edges()` says is so
   * already. Called only with something in one of them.
   */
  edges(changed: readonly Edge[], removed: readonly { readonly from: string; readonly to: string }[]): void;
  /**
   * All flows of the deployment that have changed, once a second at most, the busiest first. A flow without anything for 60 s comes
   * once more, with `messageCount` 0. There may be more than a viewer is to get: whoever passes them on takes the first 1,000
   * of those that it sees.
   */
  flows(changed: readonly Flow[]): void;
  /** In the order of each node; some hundred milliseconds after they were stored. */
  messages(sent: readonly SentMessage[]): void;
  /**
   * Agents that had not exchanged anything in the last 24 h, as far as this node knows, and now have: `partnersOf` says so too.
   * May come again for a pair that is known.
   */
  partners(pairs: readonly (readonly [string, string])[]): void;
  /** Something was lost between the nodes: `edges()` and `partnersOf` say what holds now. */
  lost(): void;
}

/**
 * What passes between agents, on all nodes: counted where it is committed, told between the nodes while somebody watches, and
 * recorded in the store as far as 24 hours of partners and ten minutes of edges need it.
 */
export interface Flows {
  /** Edges of the whole deployment; empty while this node does not watch. */
  edges(): Iterable<Edge>;
  /**
   * Agents that exchanged anything with one of these in the last 24 h, on any node; of each at most the newest 2,000. Agents
   * of `agentIds` are in it where they are partners of another one. Works without a watch.
   */
  partnersOf(agentIds: Iterable<string>): Promise<ReadonlySet<string>>;
  /**
   * Resolves once this node's picture is whole; what happens from then on is told to the listener, and nothing is missing in between.
   *
   * @returns ends it; twice is fine
   */
  watch(listener: FlowsListener): Promise<() => void>;
}
