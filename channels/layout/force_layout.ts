import createLayout from 'ngraph.forcelayout';
import createGraph from 'ngraph.graph';

/** An agent of the layout, by a number, and where it is; without a place it gets one near its neighbours. */
export type Placed = readonly [agent: number, x?: number, y?: number, z?: number];
/** A spring between two agents. */
export type Link = readonly [one: number, other: number, sent: number];
/** Place and velocity of an agent, one after the other: agent, x, y, z, vx, vy, vz. */
export const RECORD = 7;

export const MAX_COORDINATE = 10_000;
/** Units a second. */
export const MAX_VELOCITY = 1_000;
/** Least distance from where it was last said to be that is told. */
export const LEAST_MOVE = 0.5;

const SPRING_LENGTH = 12;
const SPRING = 0.04;
/** Of the strongest spring, as multiples of the weakest. */
const MAX_STRENGTH = 5;
/** Pull to the centre for each unit of distance. */
const CENTRE = 0.01;
const TIME_STEP = 0.5;
/** Steps in one round, in as far as there is time for them. */
const MAX_STEPS = 8;
/** Share of its time that it computes, but for one step a round. */
const MAX_SHARE = 0.25;
/** Rounds after a change in which all goes as fast as it can; then each is slower than the one before. */
const FREE_ROUNDS = 100;
const COOLING = 0.985;
/** Distance that nobody goes beyond in a round, in so many rounds on end, when all are at rest. */
const REST_MOVE = 0.02;
const REST_ROUNDS = 5;
/** Distance below which one has stopped while others go on. */
const STILL_MOVE = 0.001;

interface Vector3 {
  x: number;
  y: number;
  z: number;
}

/** Two agents that exchange more are drawn closer to each other, by the logarithm. */
export const strengthOf = (sent: number): number => Math.min(MAX_STRENGTH, 1 + Math.round(Math.log2(1 + sent)) / 4);

/**
 * The forces: springs along edges, repulsion between all, a pull to the centre. It comes to rest by itself, or some time after the
 * last change, as it gets slower and slower.
 */
export class ForceLayout {
  readonly #graph = createGraph();
  readonly #layout = createLayout(this.#graph, {
    dimensions: 3,
    timeStep: TIME_STEP,
    springLength: SPRING_LENGTH,
    springCoefficient: SPRING,
    dragCoefficient: 0.9,
    gravity: -30,
    theta: 0.8,
  });
  readonly #roundS: number;
  /** As last told, and whether it moved then. */
  readonly #told = new Map<number, Vector3 & { isMoving: boolean }>();
  readonly #before = new Map<number, Vector3>();
  readonly #strengths = new Map<string, number>();
  #rounds = 0;
  #restRounds = 0;

  /** @param rateHz rounds in a second */
  constructor(rateHz: number) {
    this.#roundS = 1 / rateHz;
    this.#layout.simulator.addForce('centre', () => {
      for (const { pos, force } of this.#layout.simulator.bodies) {
        force.x -= CENTRE * pos.x;
        force.y -= CENTRE * pos.y;
        force.z = (force.z ?? 0) - CENTRE * (pos.z ?? 0);
      }
    });
  }

  /** Changes who is there and what is between them; a spring of an agent that is not there is left out. */
  set(agents: readonly Placed[], links: readonly Link[]): void {
    const isChanged = [this.#setAgents(agents, links), this.#setLinks(links)].some(Boolean);
    if (!isChanged) return;
    this.#rounds = 0;
    this.#restRounds = 0;
  }

  get isAtRest(): boolean {
    return this.#restRounds >= REST_ROUNDS;
  }

  /** Goes on by one round. @returns records of those that have moved, have stopped, or are new */
  round(): Float64Array {
    if (this.isAtRest) return new Float64Array(0);
    this.#layout.simulator.settings.timeStep = TIME_STEP * COOLING ** Math.max(0, ++this.#rounds - FREE_ROUNDS);
    const endMs = performance.now() + this.#roundS * 1_000 * MAX_SHARE;
    for (let step = 0; step < MAX_STEPS && (step === 0 || performance.now() < endMs); step++) {
      this.#layout.step();
      this.#recover();
    }
    let farthest = 0;
    const moved: number[] = [];
    for (const agent of this.#before.keys()) farthest = Math.max(farthest, this.#take(agent));
    this.#restRounds = farthest < REST_MOVE ? this.#restRounds + 1 : 0;
    for (const [agent, before] of this.#before) this.#tell(agent, before, moved);
    for (const [agent, before] of this.#before) Object.assign(before, this.#bodyPlace(agent));
    return Float64Array.from(moved);
  }

  /** All places, at rest. */
  all(): Float64Array {
    const records: number[] = [];
    for (const agent of this.#before.keys()) {
      const { x, y, z } = this.#bodyPlace(agent);
      records.push(agent, x, y, z, 0, 0, 0);
    }
    return Float64Array.from(records);
  }

  #setAgents(agents: readonly Placed[], links: readonly Link[]): boolean {
    const wanted = new Set(agents.map(([agent]) => agent));
    const gone = [...this.#before.keys()].filter((agent) => !wanted.has(agent));
    for (const agent of gone) {
      this.#graph.removeNode(agent);
      this.#before.delete(agent);
      this.#told.delete(agent);
    }
    const fresh = agents.filter(([agent]) => !this.#before.has(agent));
    if (fresh.length === 0) return gone.length > 0;
    const neighbours = new Map(links.flatMap(([one, other]) => [[one, other] as const, [other, one] as const]));
    // Those that have a place first: others are put beside them.
    const placedFirst = [...fresh].sort((one, other) => Number(one.length === 1) - Number(other.length === 1));
    const radius = SPRING_LENGTH * Math.cbrt(agents.length);
    for (const [agent, ...place] of placedFirst) {
      this.#graph.addNode(agent);
      const beside = this.#before.get(neighbours.get(agent) ?? Number.NaN);
      const [x, y, z] = place.length === 3 && place.every(Number.isFinite) ? place : this.#newPlace(beside, radius);
      this.#put(agent, { x: x as number, y: y as number, z: z as number });
      const placed = this.#bodyPlace(agent);
      this.#before.set(agent, placed);
      if (place.length === 3) this.#told.set(agent, { ...placed, isMoving: false });
    }
    return true;
  }

  #newPlace(beside: Vector3 | undefined, radius: number): [number, number, number] {
    const around = beside ?? { x: 0, y: 0, z: 0 };
    const within = beside ? SPRING_LENGTH : radius;
    const offset = () => (this.#layout.simulator.random.nextDouble() - 0.5) * 2 * within;
    return [around.x + offset(), around.y + offset(), around.z + offset()];
  }

  #setLinks(links: readonly Link[]): boolean {
    const wanted = new Map<string, number>();
    let isChanged = false;
    for (const [one, other, sent] of links) {
      if (one === other || !this.#before.has(one) || !this.#before.has(other)) continue;
      const key = one < other ? `${one} ${other}` : `${other} ${one}`;
      const strength = strengthOf(sent);
      wanted.set(key, strength);
      if (this.#strengths.get(key) === strength) continue;
      const [from, to] = one < other ? [one, other] : [other, one];
      if (!this.#graph.hasLink(from, to)) this.#graph.addLink(from, to);
      const spring = this.#layout.getSpring(from, to);
      if (spring) spring.coefficient = SPRING * strength;
      this.#strengths.set(key, strength);
      isChanged = true;
    }
    for (const key of [...this.#strengths.keys()].filter((known) => !wanted.has(known))) {
      const [from = 0, to = 0] = key.split(' ').map(Number);
      const link = this.#graph.hasLink(from, to);
      if (link) this.#graph.removeLink(link);
      this.#strengths.delete(key);
      isChanged = true;
    }
    return isChanged;
  }

  /** Forces between agents at almost one place may be infinite: before the next step, which would not end, they get new places. */
  #recover(): void {
    for (const { pos, velocity } of this.#layout.simulator.bodies) {
      if (Number.isFinite(pos.x + pos.y + (pos.z ?? 0) + velocity.x + velocity.y + (velocity.z ?? 0))) continue;
      const [x, y, z] = this.#newPlace(undefined, SPRING_LENGTH);
      Object.assign(pos, { x, y, z });
      Object.assign(velocity, { x: 0, y: 0, z: 0 });
    }
  }

  /** Keeps an agent within the bounds. @returns how far it has gone in this round */
  #take(agent: number): number {
    const before = this.#before.get(agent) as Vector3;
    const { x, y, z } = this.#bodyPlace(agent);
    const way = { x: x - before.x, y: y - before.y, z: z - before.z };
    const far = Math.hypot(way.x, way.y, way.z);
    const part = Math.min(1, (MAX_VELOCITY * this.#roundS) / far);
    const isOutside = Math.max(Math.abs(x), Math.abs(y), Math.abs(z)) > MAX_COORDINATE;
    if (isOutside || part < 1) {
      this.#put(agent, { x: before.x + way.x * part, y: before.y + way.y * part, z: before.z + way.z * part });
    }
    return far * part;
  }

  #tell(agent: number, before: Vector3, records: number[]): void {
    const { x, y, z } = this.#bodyPlace(agent);
    const told = this.#told.get(agent);
    const isStill = this.isAtRest || distance(before, { x, y, z }) < STILL_MOVE;
    const hasStopped = isStill && told?.isMoving;
    if (told && !hasStopped && distance(told, { x, y, z }) < LEAST_MOVE) return;
    const velocity = (now: number, then: number) => (isStill ? 0 : (now - then) / this.#roundS);
    records.push(agent, x, y, z, velocity(x, before.x), velocity(y, before.y), velocity(z, before.z));
    this.#told.set(agent, { x, y, z, isMoving: !isStill });
  }

  #put(agent: number, { x, y, z }: Vector3): void {
    this.#layout.setNodePosition(agent, bounded(x), bounded(y), bounded(z));
  }

  #bodyPlace(agent: number): Vector3 {
    const { x, y, z = 0 } = this.#layout.getNodePosition(agent);
    return { x, y, z };
  }
}

const bounded = (coordinate: number) => Math.max(-MAX_COORDINATE, Math.min(MAX_COORDINATE, coordinate));

const distance = (one: Vector3, other: Vector3) => Math.hypot(one.x - other.x, one.y - other.y, one.z - other.z);
