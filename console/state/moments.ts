import { type ReadonlySignal, signal } from '@preact/signals';
import type { ViewerState } from '../wire/viewer.ts';
import { type Agent, type Agents, STATES, type StateName } from './agents.ts';
import type { Edge, Edges } from './edges.ts';
import { Slots } from './slots.ts';

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** What the picture and its twin show: what holds now, or what held at a moment of the last ten minutes. */
export interface Moment {
  readonly agents: readonly Agent[];
  readonly edges: readonly Edge[];
  stateOf(agent: Agent): StateName;
  placeOf(agent: Agent): Place | null;
  hasAlert(agent: Agent): boolean;
  /** Messages of the minute before, both ways. */
  countOf(edge: Edge): number;
}

const EVERY_MS = 2_000;
const KEPT_MS = 10 * 60_000;
const MAX_MOMENTS = KEPT_MS / EVERY_MS;
const COORDINATES = 3;
const NO_PLACE = [Number.NaN, 0, 0];
/** The highest count beside the mark of an edge that is there. */
const MAX_COUNT = 65_534;

/** Agents and edges of a scene. */
interface Stage {
  readonly agents: Agents;
  readonly edges: Edges;
}

/** A scene, as far as moments of it are kept. */
interface KeptScene extends Stage {
  readonly line: ReadonlySignal<ViewerState>;
  readonly isPaused: ReadonlySignal<boolean>;
}

/** A scene, as far as it is shown. */
interface ShownScene extends Stage {
  readonly changed: ReadonlySignal<number>;
  readonly moments: Moments;
}

/** Ten minutes of what this page received, a moment every two seconds. About 13 bytes an agent and 2 an edge each, however many come and go. */
export class Moments {
  readonly startedAtMs = Date.now();
  /** Grows with every moment that is kept. */
  readonly count = signal(0);
  /** The moment that is shown; `null`: what holds now. */
  readonly shown = signal<PastMoment | null>(null);
  readonly #kept: PackedMoment[] = [];
  readonly #agents = new Slots<string, Agent>();
  readonly #edges = new Slots<Edge, Edge>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(scene: KeptScene) {
    this.#timer = setInterval(() => this.#keep(scene), EVERY_MS);
  }

  get oldestMs(): number {
    return this.#kept[0]?.atMs ?? this.startedAtMs;
  }

  /** Shows what held then, or what holds now if nothing younger is kept. */
  show(atMs: number): void {
    const packed = this.#kept.find((moment) => moment.atMs >= atMs);
    this.shown.value = packed ? new PastMoment(packed, this.#agents, this.#edges) : null;
  }

  showNow(): void {
    this.shown.value = null;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #keep({ line, isPaused, agents, edges }: KeptScene): void {
    if (line.peek().kind !== 'live' || isPaused.peek()) return;
    const number = this.count.peek() + 1;
    this.#kept.push(pack(number, agents.members.peek(), edges.members.peek(), this.#agents, this.#edges));
    const oldest = this.#kept.length > MAX_MOMENTS ? this.#kept.shift() : undefined;
    if (oldest) for (const slots of [this.#agents, this.#edges]) slots.forget(oldest.number);
    this.count.value = number;
  }
}

/** One moment by the slots of its agents and edges: two thousand agents for ten minutes have to fit into the page. */
interface PackedMoment {
  readonly number: number;
  readonly atMs: number;
  readonly places: Float32Array;
  /** 0: not there; else 1 + twice the state + 1 with an alert. */
  readonly states: Uint8Array;
  /** 0: not there; else 1 + messages of the minute before. */
  readonly counts: Uint16Array;
}

function pack(
  number: number,
  agents: ReadonlyMap<string, Agent>,
  edges: ReadonlyMap<string, Edge>,
  agentSlots: Slots<string, Agent>,
  edgeSlots: Slots<Edge, Edge>,
): PackedMoment {
  const seatedAgents = Array.from(
    agents.values(),
    (agent) => [agentSlots.take(agent.id, agent, number), agent] as const,
  );
  const seatedEdges = Array.from(edges.values(), (edge) => [edgeSlots.take(edge, edge, number), edge] as const);
  const places = new Float32Array(agentSlots.length * COORDINATES);
  const states = new Uint8Array(agentSlots.length);
  const counts = new Uint16Array(edgeSlots.length);
  for (const [slot, { place, state, hasAlert }] of seatedAgents) {
    places.set(place ? [place.x, place.y, place.z] : NO_PLACE, slot * COORDINATES);
    states[slot] = 1 + ((STATES.indexOf(state.peek()) << 1) | (hasAlert.peek() ? 1 : 0));
  }
  for (const [slot, edge] of seatedEdges) counts[slot] = 1 + Math.min(edge.peekCount(), MAX_COUNT);
  return { number, atMs: Date.now(), places, states, counts };
}

/** A packed moment, looked at. It holds on to its agents and edges, whatever becomes of their slots. */
export class PastMoment implements Moment {
  readonly atMs: number;
  readonly agents: readonly Agent[];
  readonly edges: readonly Edge[];
  readonly #packed: PackedMoment;
  readonly #agentAt: ReadonlyMap<string, number>;
  readonly #edgeAt: ReadonlyMap<Edge, number>;

  constructor(packed: PackedMoment, agentSlots: Slots<string, Agent>, edgeSlots: Slots<Edge, Edge>) {
    this.atMs = packed.atMs;
    this.#packed = packed;
    const agents = present(packed.states, agentSlots);
    const edges = present(packed.counts, edgeSlots);
    this.agents = [...agents.keys()];
    this.edges = [...edges.keys()];
    this.#agentAt = new Map(Array.from(agents, ([{ id }, slot]) => [id, slot]));
    this.#edgeAt = edges;
  }

  stateOf({ id }: Agent): StateName {
    return STATES[this.#look(id) >> 1] ?? 'OFFLINE';
  }

  hasAlert({ id }: Agent): boolean {
    return (this.#look(id) & 1) === 1;
  }

  placeOf({ id }: Agent): Place | null {
    const at = (this.#agentAt.get(id) ?? -1) * COORDINATES;
    const [x = Number.NaN, y = 0, z = 0] = at < 0 ? [] : this.#packed.places.subarray(at, at + COORDINATES);
    return Number.isNaN(x) ? null : { x, y, z };
  }

  countOf(edge: Edge): number {
    return (this.#packed.counts[this.#edgeAt.get(edge) ?? -1] ?? 1) - 1;
  }

  /** State and alert; an agent that was not there is OFFLINE without one. */
  #look(id: string): number {
    return (this.#packed.states[this.#agentAt.get(id) ?? -1] ?? 1) - 1;
  }
}

/** @returns what was there, with its slot */
function present<K, V>(packed: Uint8Array | Uint16Array, slots: Slots<K, V>): Map<V, number> {
  const found = new Map<V, number>();
  for (const [slot, value] of packed.entries()) {
    const owner = value === 0 ? undefined : slots.at(slot);
    if (owner !== undefined) found.set(owner, slot);
  }
  return found;
}

/** The present. Whoever reads it in a signal's effect is run again some times a second while it changes, not at each change. */
export function nowOf(scene: Omit<ShownScene, 'moments'>): Moment {
  scene.changed.value;
  return {
    agents: [...scene.agents.members.peek().values()],
    edges: [...scene.edges.members.peek().values()],
    stateOf: ({ state }) => state.peek(),
    placeOf: ({ place }) => place,
    hasAlert: ({ hasAlert }) => hasAlert.peek(),
    countOf: (edge) => edge.peekCount(),
  };
}

/** What is shown of a scene: now, or the moment that somebody has chosen. */
export const momentOf = (scene: ShownScene): Moment => scene.moments.shown.value ?? nowOf(scene);
