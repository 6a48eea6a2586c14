import { TRAFFIC_KINDS } from '../kernel/traffic.ts';
import { type Contact, later } from './contacts.ts';
import { EDGE_MS, type KindTimes } from './counts.ts';
import type { PairItem, PartItem, WindowItem } from './parts.ts';
import type { Edge, Flow } from './port.ts';
import { SlidingWindow, Totals } from './window.ts';

/** Interval between two statistics of one flow. */
const FLOW_EVERY_MS = 1_000;

interface EdgeState {
  readonly from: string;
  readonly to: string;
  lastMs: KindTimes;
  /** By node. */
  readonly sent: Map<string, number>;
  /** A bit for each kind that the listeners know of; 0: they know of no edge. */
  toldKinds: number;
}

interface FlowState {
  readonly from: string;
  readonly to: string;
  /** By node. */
  readonly windows: Map<string, SlidingWindow>;
  lastActivityMs: number;
  toldAtMs: number;
}

export interface EdgeChanges {
  readonly changed: readonly Edge[];
  readonly removed: readonly Pick<Edge, 'from' | 'to'>[];
}

/**
 * What passes on all nodes, put together from what each tells and what is recorded. Of edges the latest time of each kind counts, so
 * that it does not matter who tells it and how often; of flows each node's own seconds are kept apart and added up.
 */
export class Board {
  readonly #edges = new Map<string, Map<string, EdgeState>>();
  readonly #flows = new Map<string, Map<string, FlowState>>();
  #changedEdges = new Set<EdgeState>();
  #changedFlows = new Set<FlowState>();

  /** All that a node knows; what it has told before no longer holds. */
  takePart(node: string, items: readonly PartItem[]): [string, string][] {
    this.forgetNode(node);
    return items.flatMap((item) => this.take(node, item));
  }

  /** @returns the pair if it was none before */
  take(node: string, item: PartItem): [string, string][] {
    if (item[0] === 'pair') return this.#takePair(node, item);
    this.#takeWindow(node, item);
    return [];
  }

  /** Edges that a node which is gone, or of before a restart, has left behind. */
  takeRecord({ from, to, lastMs }: Contact): void {
    const edge = this.#edge(from, to);
    edge.lastMs = later(edge.lastMs, lastMs);
    this.#edgeChanged(edge);
  }

  /** What a node has counted counts no more; that there was an edge still holds. */
  forgetNode(node: string): void {
    for (const edge of this.#allEdges()) edge.sent.delete(node);
    for (const flow of this.#allFlows()) if (flow.windows.delete(node)) this.#flowChanged(flow);
  }

  *edges(nowMs: number): Iterable<Edge> {
    for (const edge of this.#allEdges()) if (kindsAt(edge, nowMs) > 0) yield edgeOf(edge, nowMs);
  }

  partnersOf(agentIds: ReadonlySet<string>): Set<string> {
    const partners = new Set<string>();
    for (const { from, to } of this.#allEdges()) {
      if (agentIds.has(from)) partners.add(to);
      if (agentIds.has(to)) partners.add(from);
    }
    return partners;
  }

  /** From now on all listeners know what `edges` says. */
  edgesTold(nowMs: number): void {
    for (const edge of this.#allEdges()) edge.toldKinds = kindsAt(edge, nowMs);
    this.#changedEdges.clear();
  }

  /** Edges that the listeners know otherwise. @param isAll looks at all of them, for what time has changed, not only at what was told */
  takeEdgeChanges(nowMs: number, isAll: boolean): EdgeChanges {
    const changed: Edge[] = [];
    const removed: Pick<Edge, 'from' | 'to'>[] = [];
    for (const edge of isAll ? this.#allEdges() : this.#changedEdges) {
      const kinds = kindsAt(edge, nowMs);
      if (kinds === 0) forget(this.#edges, edge);
      if (kinds === edge.toldKinds) continue;
      edge.toldKinds = kinds;
      if (kinds === 0) removed.push({ from: edge.from, to: edge.to });
      else changed.push(edgeOf(edge, nowMs));
    }
    this.#changedEdges = new Set();
    return { changed, removed };
  }

  /** Flows that have changed and were not told within the last second, the busiest first. @param isAll as above */
  takeFlowChanges(nowMs: number, isAll: boolean): Flow[] {
    const second = Math.floor(nowMs / 1_000);
    if (isAll) this.#slide(second);
    const flows: Flow[] = [];
    for (const flow of this.#changedFlows) {
      if (flow.toldAtMs > nowMs - FLOW_EVERY_MS) continue;
      this.#changedFlows.delete(flow);
      flow.toldAtMs = nowMs;
      const totals = new Totals();
      for (const window of flow.windows.values()) window.addTo(totals, second);
      flows.push({ from: flow.from, to: flow.to, statistics: totals.statistics(flow.lastActivityMs) });
      if (totals.isEmpty) forget(this.#flows, flow);
    }
    return flows.sort((one, other) => other.statistics.messageCount - one.statistics.messageCount);
  }

  #slide(second: number): void {
    for (const flow of this.#allFlows()) {
      let isChanged = false;
      for (const [node, window] of flow.windows) {
        if (window.forget(second)) isChanged = true;
        if (window.isEmpty) flow.windows.delete(node);
      }
      if (isChanged) this.#flowChanged(flow);
    }
  }

  #takePair(node: string, [, from, to, lastMs, sent]: PairItem): [string, string][] {
    const isNew = !this.#edges.get(from)?.has(to);
    const edge = this.#edge(from, to);
    edge.lastMs = later(edge.lastMs, lastMs as unknown as KindTimes);
    edge.sent.set(node, sent);
    this.#edgeChanged(edge);
    return isNew ? [[from, to]] : [];
  }

  #takeWindow(node: string, [, from, to, lastActivityMs, seconds]: WindowItem): void {
    const flow = found(this.#flows, from, to, () => ({
      from,
      to,
      windows: new Map(),
      lastActivityMs: 0,
      toldAtMs: 0,
    }));
    const window = flow.windows.get(node) ?? new SlidingWindow();
    flow.windows.set(node, window);
    window.put(seconds);
    flow.lastActivityMs = Math.max(flow.lastActivityMs, lastActivityMs);
    this.#flowChanged(flow);
  }

  #edge(from: string, to: string): EdgeState {
    return found(this.#edges, from, to, () => ({
      from,
      to,
      lastMs: [0, 0, 0, 0],
      sent: new Map(),
      toldKinds: 0,
    }));
  }

  #edgeChanged(edge: EdgeState): void {
    this.#changedEdges.add(edge);
  }

  #flowChanged(flow: FlowState): void {
    this.#changedFlows.add(flow);
  }

  *#allEdges(): Iterable<EdgeState> {
    for (const edges of this.#edges.values()) yield* edges.values();
  }

  *#allFlows(): Iterable<FlowState> {
    for (const flows of this.#flows.values()) yield* flows.values();
  }
}

function kindsAt({ lastMs }: EdgeState, nowMs: number): number {
  let kinds = 0;
  for (let kind = 0; kind < lastMs.length; kind++) if ((lastMs[kind] as number) > nowMs - EDGE_MS) kinds |= 1 << kind;
  return kinds;
}

function edgeOf(edge: EdgeState, nowMs: number): Edge {
  const kinds = kindsAt(edge, nowMs);
  let sent = 0;
  for (const count of edge.sent.values()) sent += count;
  return {
    from: edge.from,
    to: edge.to,
    kinds: TRAFFIC_KINDS.filter((_, kind) => (kinds & (1 << kind)) !== 0),
    lastActivityMs: Math.max(...edge.lastMs),
    sent,
  };
}

function found<S>(states: Map<string, Map<string, S>>, from: string, to: string, make: () => S): S {
  const ways = states.get(from) ?? new Map<string, S>();
  states.set(from, ways);
  const state = ways.get(to) ?? make();
  ways.set(to, state);
  return state;
}

function forget<S extends { readonly from: string; readonly to: string }>(
  states: Map<string, Map<string, S>>,
  { from, to }: S,
): void {
  const ways = states.get(from);
  ways?.delete(to);
  if (ways?.size === 0) states.delete(from);
}
