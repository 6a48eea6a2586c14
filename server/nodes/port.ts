import { Unavailable } from '../unavailable.ts';

/**
 * The nodes that are alive, and small sums over them.
 *
 * A node holds a lease and renews it. When the lease runs out, everybody else treats the node as gone, whatever it
 * thinks of itself; when it comes back it has a new incarnation. Two adapters: `local` (one node) and `redis`.
 */
export interface Nodes {
  readonly self: NodeInfo;

  /** Nodes whose lease stands, this one included, as of the latest renewal. */
  live(): readonly NodeInfo[];

  /** Calls back once for each other node that joined (a first lease, or another incarnation) or left. */
  onChange(
    listener: (change: { readonly joined: readonly NodeInfo[]; readonly left: readonly NodeInfo[] }) => void,
  ): void;

  /**
   * Calls back when this node's own lease had run out, as others see it, and stands again under a new incarnation:
   * whatever it shared under the old one has to be shared anew.
   */
  onReturn(listener: () => void): void;

  /**
   * Adds `by` to this node's part of a tally and resolves to the sum over all live nodes. Parts of dead nodes do not
   * count. Used for "how many sockets has this agent, everywhere".
   *
   * Of two nodes that add at the same time at least one sees both. Rejects with `NodesUnavailable` while the sum cannot
   * be told; `by` counts all the same, so whoever gives up takes it back with `-by`.
   */
  tally(name: string, by: number): Promise<number>;

  /**
   * The sums of many tallies over all live nodes, in the order of `names`: for showing, since what others add at the same
   * time may not be in them. Costs one question to each node's lease, however many names.
   */
  sums(names: readonly string[]): Promise<number[]>;

  /** Publishes numbers about this node with its next renewal (CPU load, connections); those not named stay. */
  report(gauges: Readonly<Record<string, number>>): void;

  /** Gives the lease back: others see this node go at once. */
  close(): Promise<void>;
}

export interface NodeInfo {
  readonly id: string;
  /** Changes whenever the node lost its lease and came back. Unique over all nodes and times. */
  readonly incarnation: string;
  readonly gauges: Readonly<Record<string, number>>;
}

/** Thrown when the state of the other nodes cannot be read now. */
export class NodesUnavailable extends Unavailable {
  override readonly name = 'NodesUnavailable';
}
