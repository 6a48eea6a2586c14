import type { Link, Placed } from './force_layout.ts';

/** What a worker is made with. */
export interface WorkerData {
  readonly rateHz: number;
}

/** To the worker: all agents, with their places where they have one, and all links. */
export interface SetGraph {
  readonly agents: readonly Placed[];
  readonly links: readonly Link[];
}

/** From the worker, after a round in which something is to be told. */
export interface Moved {
  /** As `RECORD` says. */
  readonly records: Float64Array;
  readonly isAtRest: boolean;
}
