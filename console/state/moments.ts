import { signal } from '@preact/signals';
import { type Agent, STATES, type StateName } from './agents.ts';
import type { Edge } from './edges.ts';
import type { Scene } from './scene.ts';

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

/** Ten minutes of what this page received, a moment every two seconds. About 15 bytes an agent and 2 an edge each. */
export class Moments {
  readonly startedAtMs = Date.now();
  /** Grows with every moment that is kept. */
  readonly count = signal(0);
  /** The moment that is shown; `null`: what holds now. */
  readonly shown = signal<PastMoment | null>(null);
  readonly #kept: PastMoment[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(scene: Scene) {
    this.#timer = setInterval(() => this.#keep(scene), EVERY_MS);
  }

  get oldestMs(): number {
    return this.#kept[0]?.atMs ?? this.startedAtMs;
  }

  /** Shows what held then, or what holds now if nothing younger is kept. */
  show(atMs: number): void {
    const found = this.#kept.findIndex((moment) => moment.atMs >= atMs);
    this.shown.value = (found < 0 ? undefined : this.#kept[found]) ?? null;
  }

  showNow(): void {
    this.shown.value = null;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #keep(scene: Scene): void {
    if (scene.line.peek().kind !== 'live' || scene.isPaused.peek()) return;
    this.#kept.push(new PastMoment(scene, this.#kept.at(-1)));
    if (this.#kept.length > MAX_MOMENTS) this.#kept.shift();
    this.count.value++;
  }
}

/** One moment, packed: two thousand agents for ten minutes have to fit into the page. */
export class PastMoment implements Moment {
  readonly atMs = Date.now();
  readonly agents: readonly Agent[];
  readonly edges: readonly Edge[];
  readonly #atOf: ReadonlyMap<string, number>;
  readonly #edgeAt: ReadonlyMap<Edge, number>;
  readonly #places: Float32Array;
  readonly #states: Uint8Array;
  readonly #counts: Uint16Array;

  /** @param before shares its lists where nobody has come or gone since */
  constructor(scene: Scene, before?: PastMoment) {
    const agents = [...scene.agents.members.peek().values()];
    const isSame = before?.agents.length === agents.length && agents.every((agent, at) => before.agents[at] === agent);
    this.agents = isSame ? before.agents : agents;
    this.#atOf = isSame ? before.#atOf : new Map(agents.map(({ id }, at) => [id, at]));
    const edges = [...scene.edges.members.peek().values()];
    const hasSameEdges = before?.edges.length === edges.length && edges.every((edge, at) => before.edges[at] === edge);
    this.edges = hasSameEdges ? before.edges : edges;
    this.#edgeAt = hasSameEdges ? before.#edgeAt : new Map(edges.map((edge, at) => [edge, at]));
    this.#places = new Float32Array(agents.length * COORDINATES);
    this.#states = new Uint8Array(agents.length);
    this.#counts = Uint16Array.from(edges, (edge) => edge.peekCount());
    for (const [at, { place, state, hasAlert }] of agents.entries()) {
      this.#places.set(place ? [place.x, place.y, place.z] : [Number.NaN, 0, 0], at * COORDINATES);
      this.#states[at] = (STATES.indexOf(state.peek()) << 1) | (hasAlert.peek() ? 1 : 0);
    }
  }

  stateOf({ id }: Agent): StateName {
    return STATES[this.#packed(id) >> 1] ?? 'OFFLINE';
  }

  hasAlert({ id }: Agent): boolean {
    return (this.#packed(id) & 1) === 1;
  }

  placeOf({ id }: Agent): Place | null {
    const at = (this.#atOf.get(id) ?? -1) * COORDINATES;
    const [x = Number.NaN, y = 0, z = 0] = at < 0 ? [] : this.#places.subarray(at, at + COORDINATES);
    return Number.isNaN(x) ? null : { x, y, z };
  }

  countOf(edge: Edge): number {
    return this.#counts[this.#edgeAt.get(edge) ?? -1] ?? 0;
  }

  #packed(id: string): number {
    return this.#states[this.#atOf.get(id) ?? -1] ?? 0;
  }
}

/** What holds now. Whoever reads it in a signal's effect is run again some times a second while it changes, not at each change. */
export function nowOf(scene: Scene): Moment {
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
export const momentOf = (scene: Scene): Moment => scene.moments.shown.value ?? nowOf(scene);
