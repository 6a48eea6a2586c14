import { type Signal, signal } from '@preact/signals';

export type EdgeKind = 'message' | 'task' | 'negotiation' | 'payment';

export interface EdgeOnWire {
  readonly from: string;
  readonly to: string;
  readonly kinds: readonly EdgeKind[];
  readonly lastActivity: string;
}

export interface FlowStatistics {
  readonly messageCount: number;
  readonly averageLatency: number | null;
  readonly successRate: number | null;
  readonly bandwidth: number;
  readonly lastActivity: string;
}

/** Two agents that have something to do with each other, and what goes between them in either direction. */
export class Edge {
  readonly from: string;
  readonly to: string;
  readonly kinds: Signal<readonly EdgeKind[]>;
  readonly lastActivityMs: Signal<number>;
  readonly there: Signal<FlowStatistics | null> = signal(null);
  readonly back: Signal<FlowStatistics | null> = signal(null);

  constructor({ from, to, kinds, lastActivity }: EdgeOnWire) {
    this.from = from;
    this.to = to;
    this.kinds = signal(kinds);
    this.lastActivityMs = signal(Date.parse(lastActivity));
  }

  /** Messages of the last minute, both ways. */
  get messageCount(): number {
    return (this.there.value?.messageCount ?? 0) + (this.back.value?.messageCount ?? 0);
  }

  /** The same, for whoever need not know when it changes. */
  peekCount(): number {
    return (this.there.peek()?.messageCount ?? 0) + (this.back.peek()?.messageCount ?? 0);
  }

  otherEnd(agentId: string): string {
    return this.from === agentId ? this.to : this.from;
  }
}

const keyOf = (one: string, other: string) => (one < other ? `${one} ${other}` : `${other} ${one}`);

/** All visible edges. `members` changes when one comes or goes. */
export class Edges {
  readonly members = signal<ReadonlyMap<string, Edge>>(new Map());
  /** Called for each message that has really gone along an edge. */
  onSent: ((from: string, to: string) => void) | undefined;

  change(edges: readonly EdgeOnWire[], removed: readonly { from: string; to: string }[]): void {
    const members = new Map(this.members.peek());
    for (const { from, to } of removed) members.delete(keyOf(from, to));
    for (const each of edges) {
      const known = members.get(keyOf(each.from, each.to));
      if (known) {
        known.kinds.value = each.kinds;
        known.lastActivityMs.value = Date.parse(each.lastActivity);
      } else members.set(keyOf(each.from, each.to), new Edge(each));
    }
    this.members.value = members;
  }

  flow(from: string, to: string, statistics: FlowStatistics): void {
    const edge = this.members.peek().get(keyOf(from, to));
    if (!edge) return;
    (edge.from === from ? edge.there : edge.back).value = statistics;
    edge.lastActivityMs.value = Date.parse(statistics.lastActivity);
  }

  sent({ from, to }: Readonly<Record<string, unknown>>): void {
    const sender = (from as { id: string | null }).id;
    const [receiver] = to as readonly { id: string }[];
    if (sender !== null && receiver) this.onSent?.(sender, receiver.id);
  }

  of(agentId: string): Edge[] {
    return [...this.members.value.values()].filter(({ from, to }) => from === agentId || to === agentId);
  }
}
