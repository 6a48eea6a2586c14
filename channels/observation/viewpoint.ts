import type { Edge } from '../flows/port.ts';
import type { SeenTask } from './deeds.ts';
import type { Profile } from './picture.ts';
import type { Audience, Scene, SceneListener, SeenAgent, SeenEdge, Sighting, Snapshot } from './scene.ts';
import type { MessageToShow } from './seen_message.ts';
import { TaskEdges, type TaskPair } from './task_edges.ts';

export type Sight = 'full' | 'part';

/** One agent, as whoever sees it in full or in part is told of it. Both are made once for all audiences. */
export interface Happening {
  readonly agentId: string;
  readonly full?: Sighting | undefined;
  readonly part?: Sighting | undefined;
}

export type RecordOf = Extract<Sighting, { kind: 'records' }>['agents'][number];

export interface RecordHappening {
  readonly agentId: string;
  readonly full?: RecordOf | undefined;
  readonly part?: RecordOf | undefined;
}

/** What the viewpoints of a node share. */
export interface Stage {
  /** Store's clock. */
  nowMs(): number;
  /** Agents that can be shown, by id. */
  profileOf(agentId: string): Profile | undefined;
  agentIds(): Iterable<string>;
  ownedBy(userId: string): Iterable<string>;
  /** An agent as it was last told. */
  seen(agentId: string, sight: Sight): SeenAgent | undefined;
  edges(): Iterable<Edge>;
}

export type FlowSighting = Extract<Sighting, { kind: 'flow' }>;

/** Flows that an audience is told of a second. */
const MAX_FLOWS = 1_000;

/** The sight of one audience: which agents it sees, and how (VISUALISATION.md, section 9.1). */
export class Viewpoint implements Scene {
  readonly audience: Audience;
  readonly #stage: Stage;
  readonly #listener: SceneListener;
  readonly #onClose: () => void;
  /** Empty for the admin, who sees all. */
  readonly #seen = new Map<string, Sight>();
  /** Of the tasks of an app. */
  readonly #tasks = new TaskEdges();
  #isLive = false;

  constructor(audience: Audience, listener: SceneListener, stage: Stage, onClose: () => void) {
    this.audience = audience;
    this.#listener = listener;
    this.#stage = stage;
    this.#onClose = onClose;
    if (audience.kind === 'user') for (const id of stage.ownedBy(audience.id)) this.#seen.set(id, 'full');
  }

  /** From now on the listener is told. Before, what comes into sight is only noted. */
  begin(): void {
    this.#isLive = true;
  }

  snapshot(): Snapshot {
    const ids = this.#isAdmin ? this.#stage.agentIds() : this.#seen.keys();
    const agents: SeenAgent[] = [];
    for (const id of ids) {
      const sight = this.sightOf(id);
      const agent = sight && this.#stage.seen(id, sight);
      if (agent) agents.push(agent);
    }
    return { atMs: this.#stage.nowMs(), agents, edges: this.#edges() };
  }

  close(): void {
    this.#isLive = false;
    this.#onClose();
  }

  sightOf(agentId: string): Sight | undefined {
    return this.#isAdmin ? 'full' : this.#seen.get(agentId);
  }

  lost(): void {
    if (this.#isLive) this.#listener.lost();
  }

  see(sightings: readonly Sighting[]): void {
    if (this.#isLive && sightings.length > 0) this.#listener.see(sightings);
  }

  /** What happened to agents in one moment. */
  happened(happenings: readonly Happening[], records: readonly RecordHappening[], recordsAtMs: number): void {
    const sightings: Sighting[] = [];
    for (const { agentId, full, part } of happenings) {
      const sight = this.sightOf(agentId);
      const sighting = sight === 'full' ? full : sight === 'part' ? part : undefined;
      if (sighting) sightings.push(sighting);
    }
    const agents: RecordOf[] = [];
    for (const { agentId, full, part } of records) {
      const sight = this.sightOf(agentId);
      const record = sight === 'full' ? full : sight === 'part' ? part : undefined;
      if (record) agents.push(record);
    }
    if (agents.length > 0) sightings.push({ kind: 'records', atMs: recordsAtMs, agents });
    this.see(sightings);
  }

  /** An agent can be shown from now on. */
  appeared(agentId: string, { userId }: Profile): void {
    const isOwn = this.audience.kind === 'user' && userId === this.audience.id;
    if (isOwn) this.#seen.set(agentId, 'full');
    if (this.sightOf(agentId)) this.#come([agentId]);
  }

  /** Agents that come into sight in part; those that are seen already stay as they are. */
  partly(agentIds: Iterable<string>): void {
    if (this.#isAdmin) return;
    const fresh: string[] = [];
    for (const id of agentIds) {
      if (this.#seen.has(id)) continue;
      this.#seen.set(id, 'part');
      fresh.push(id);
    }
    this.#come(fresh);
  }

  /** @returns true if it has become, or ceased to be, one of the user's own */
  moved(agentId: string, from: string | null, to: string | null): boolean {
    const { audience } = this;
    if (audience.kind !== 'user' || from === to || (from !== audience.id && to !== audience.id)) return false;
    const before = this.#edges();
    if (to === audience.id) {
      this.#seen.set(agentId, 'full');
      this.#come([agentId]);
      return true;
    }
    this.#seen.delete(agentId);
    const after = new Set(this.#edges().map(pairOf));
    const removed = before
      .filter((edge) => !after.has(pairOf(edge)))
      .map(({ from: one, to: other }) => ({ from: one, to: other }));
    const atMs = this.#stage.nowMs();
    const wireId = this.#stage.profileOf(agentId)?.wireId ?? 0;
    this.see([
      ...(removed.length > 0 ? [{ kind: 'edges', atMs, edges: [], removed } as const] : []),
      { kind: 'hidden', atMs, agentId, wireId },
    ]);
    return true;
  }

  isOwn(agentId: string): boolean {
    return this.#isAdmin || (this.audience.kind === 'user' && this.#seen.get(agentId) === 'full');
  }

  /** True if it sees what a user owns in full. */
  isOf(userId: string): boolean {
    return this.#isAdmin || (this.audience.kind === 'user' && this.audience.id === userId);
  }

  /** Two that have exchanged something. */
  met(pairs: readonly (readonly [string, string])[]): void {
    this.#meet(pairs.map(([from, to]) => ({ from, to })));
  }

  edgesChanged(changed: readonly Edge[], removed: readonly { readonly from: string; readonly to: string }[]): void {
    if (this.audience.kind === 'app') return;
    this.#meet(changed);
    const edges = changed.flatMap((edge) => this.#edge(edge) ?? []);
    const gone = removed.filter(({ from, to }) => this.isOwn(from) || this.isOwn(to));
    if (edges.length + gone.length === 0) return;
    this.see([{ kind: 'edges', atMs: this.#stage.nowMs(), edges, removed: gone }]);
  }

  flowsChanged(flows: readonly FlowSighting[]): void {
    if (this.audience.kind === 'app') return;
    this.#meet(flows.map(({ flow }) => flow));
    this.see(flows.filter(({ flow: { from, to } }) => this.#seesBetween(from, to)).slice(0, MAX_FLOWS));
  }

  messagesSent(messages: readonly MessageToShow[]): void {
    if (this.audience.kind === 'app') return;
    this.#meet(messages.map(({ sent: { fromAgentId, toAgentId: to } }) => ({ from: fromAgentId ?? to, to })));
    const seen = messages.filter(({ sent: { fromAgentId, toAgentId } }) =>
      fromAgentId === null
        ? this.isOwn(toAgentId) && this.#isShown(toAgentId)
        : this.#seesBetween(fromAgentId, toAgentId),
    );
    this.see(seen.map((message) => message.as((id) => this.#namespaceOf(id))));
  }

  /** A task as it is now, of whoever. */
  tasked(task: SeenTask): void {
    if (this.audience.kind !== 'app' || task.app !== this.audience.id) return;
    const pair = this.#tasks.add(task, this.#stage.nowMs());
    this.partly([task.client, task.provider]);
    this.#seeTaskEdge(pair);
  }

  /** Something has happened in a task, of whoever. */
  touched(taskId: string): void {
    if (this.audience.kind === 'app') this.#seeTaskEdge(this.#tasks.touch(taskId, this.#stage.nowMs()));
  }

  /** Takes out edges of tasks that are too old. */
  sweep(): void {
    if (this.audience.kind !== 'app') return;
    const atMs = this.#stage.nowMs();
    const removed = this.#tasks.sweep(atMs);
    if (removed.length > 0) this.see([{ kind: 'edges', atMs, edges: [], removed }]);
  }

  get #isAdmin(): boolean {
    return this.audience.kind === 'admin';
  }

  /** Whoever has exchanged something with an agent of the user's own is seen from then on. */
  #meet(pairs: readonly { readonly from: string; readonly to: string }[]): void {
    if (this.audience.kind !== 'user') return;
    this.partly(
      pairs.filter(({ from, to }) => this.isOwn(from) || this.isOwn(to)).flatMap(({ from, to }) => [from, to]),
    );
  }

  /** Agents come into sight, and with them their edges. */
  #come(agentIds: readonly string[]): void {
    if (agentIds.length === 0 || !this.#isLive) return;
    this.#register(agentIds);
    if (this.audience.kind === 'app') return;
    const fresh = new Set(agentIds);
    const between = [...this.#stage.edges()].filter(({ from, to }) => fresh.has(from) || fresh.has(to));
    const edges = between.flatMap((edge) => this.#edge(edge) ?? []);
    if (edges.length > 0) this.see([{ kind: 'edges', atMs: this.#stage.nowMs(), edges, removed: [] }]);
  }

  #register(agentIds: readonly string[]): void {
    const agents = agentIds.flatMap((id) => this.#stage.seen(id, this.sightOf(id) ?? 'part') ?? []);
    if (agents.length > 0) this.see([{ kind: 'registered', atMs: this.#stage.nowMs(), agents }]);
  }

  /** Only of those that are seen in full. */
  #namespaceOf(agentId: string): string | null {
    return this.sightOf(agentId) === 'full' ? (this.#stage.profileOf(agentId)?.userId ?? null) : null;
  }

  #seesBetween(from: string, to: string): boolean {
    return (this.isOwn(from) || this.isOwn(to)) && this.#isShown(from) && this.#isShown(to);
  }

  #isShown(agentId: string): boolean {
    return this.sightOf(agentId) !== undefined && this.#stage.profileOf(agentId) !== undefined;
  }

  #edges(): SeenEdge[] {
    if (this.audience.kind === 'app') {
      return [...this.#tasks.pairs()].flatMap((pair) => this.#edge({ ...pair, kinds: ['task'] }) ?? []);
    }
    return [...this.#stage.edges()].flatMap((edge) => this.#edge(edge) ?? []);
  }

  #edge({ from, to, kinds, lastActivityMs }: Omit<Edge, 'sent'>): SeenEdge | undefined {
    if (this.audience.kind !== 'app' && !this.#seesBetween(from, to)) return undefined;
    const [fromWireId, toWireId] = [this.#stage.profileOf(from)?.wireId, this.#stage.profileOf(to)?.wireId];
    if (fromWireId === undefined || toWireId === undefined) return undefined;
    return { from, to, fromWireId, toWireId, kinds, lastActivityMs };
  }

  #seeTaskEdge(pair: TaskPair | undefined): void {
    const edge = pair && this.#edge({ ...pair, kinds: ['task'] });
    if (edge) this.see([{ kind: 'edges', atMs: this.#stage.nowMs(), edges: [edge], removed: [] }]);
  }
}

const pairOf = ({ from, to }: { readonly from: string; readonly to: string }) => `${from} ${to}`;
