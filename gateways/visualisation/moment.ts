import type { SeenAgent, Sighting } from '../../channels/observation/scene.ts';
import {
  type PerformanceRecord,
  type PlaceRecord,
  performanceFrames,
  positionFrames,
  type StateRecord,
  stateFrames,
} from './binary.ts';
import { type Compression, packed } from './compression.ts';
import { encodings, type Message } from './message.ts';
import { messagesOf } from './messages.ts';

/** The addresses on which agents are shown. */
export type Stage = 'agents' | 'graph';

/** Types of messages that the graph has (VISUALISATION.md, section 9.1), and those that it has alone. */
const ON_GRAPH = new Set([
  'agent.registered',
  'agent.hidden',
  'graph.edges',
  'message.sent',
  'message.flow.stats',
  'snapshot.complete',
]);
const ON_GRAPH_ALONE = new Set(['graph.edges', 'message.sent', 'message.flow.stats']);

const isCarried = (stage: Stage, type: string) => (stage === 'graph' ? ON_GRAPH.has(type) : !ON_GRAPH_ALONE.has(type));

/** Viewers of one kind get the same binary frames. */
export interface FrameKind {
  readonly stage: Stage;
  readonly streams: boolean;
  readonly compression: Compression | undefined;
  /** The same for the same kind. */
  readonly key: string;
}

export function frameKind(stage: Stage, streams: boolean, compression: Compression | undefined): FrameKind {
  // Two names of one thing.
  const algorithm = compression?.algorithm === 'deflate' ? 'zlib' : compression?.algorithm;
  return { stage, streams, compression, key: `${stage} ${streams} ${algorithm} ${compression?.level}` };
}

/** Records that binary frames tell. */
export interface Records {
  readonly states: readonly StateRecord[];
  readonly places: readonly PlaceRecord[];
  readonly performances: readonly PerformanceRecord[];
}

/** The frames of records as they are before compression; on the graph, places alone. */
export function plainFrames({ states, places, performances }: Records, { stage, streams }: FrameKind): Buffer[] {
  const positions = positionFrames(places, streams);
  if (stage === 'graph') return positions;
  return [...stateFrames(states, streams), ...positions, ...performanceFrames(performances, streams)];
}

/** What one audience sees at once, encoded once for each kind of viewer that looks. */
export class Moment implements Records {
  /** Among those of its audience. */
  readonly number: number;
  readonly states: readonly StateRecord[];
  readonly places: readonly PlaceRecord[];
  readonly performances: readonly PerformanceRecord[];
  readonly #messages: Readonly<Record<Stage, readonly Message[]>>;
  readonly #told: readonly Message[];
  readonly #frames = new Map<string, readonly Buffer[]>();
  readonly #recordFrames = new Map<string, readonly Buffer[]>();
  readonly #covered = { agents: new WeakMap<Moment, boolean>(), graph: new WeakMap<Moment, boolean>() };
  #ids: Readonly<Record<keyof Records, ReadonlySet<number>>> | undefined;

  /** @param places those that are due now */
  constructor(sightings: readonly Sighting[], places: readonly PlaceRecord[], number: number) {
    this.number = number;
    // Whoever has gone out of sight at the end is in no frame.
    const hidden = hiddenAtEnd(sightings);
    const isShown = ({ wireId }: { readonly wireId: number }) => !hidden.has(wireId);
    const messages = sightings.flatMap(messagesOf);
    const on = (stage: Stage) => messages.filter(({ type }) => isCarried(stage, type));
    this.#messages = { agents: on('agents'), graph: on('graph') };
    this.#told = messages.filter(({ type }) => type.startsWith('coordination.'));
    this.states = lastOfEach(sightings.flatMap(statesOf)).filter(isShown);
    this.performances = lastOfEach(sightings.flatMap(performancesOf)).filter(isShown);
    this.places = places.filter(isShown);
  }

  /** The messages that an address carries, in order. */
  messages(stage: Stage): readonly Message[] {
    return this.#messages[stage];
  }

  /** The binary frames as they are sent to viewers of a kind. */
  frames(kind: FrameKind): readonly Buffer[] {
    const told = kind.stage === 'agents' ? this.#told : [];
    if (told.length === 0) return this.recordFrames(kind);
    return encodedOnce(this.#frames, kind, () => [
      ...plainFrames(this, kind),
      ...told.flatMap(({ frame }) => (frame ? [frame] : [])),
    ]);
  }

  /** Those of its records alone. */
  recordFrames(kind: FrameKind): readonly Buffer[] {
    return encodedOnce(this.#recordFrames, kind, () => plainFrames(this, kind));
  }

  hasRecords(stage: Stage): boolean {
    return this.places.length > 0 || (stage === 'agents' && this.states.length + this.performances.length > 0);
  }

  /** True if whoever gets this one's records needs none of an older one. */
  covers(older: Moment, stage: Stage): boolean {
    const known = this.#covered[stage].get(older);
    if (known !== undefined) return known;
    this.#ids ??= { states: idsOf(this.states), places: idsOf(this.places), performances: idsOf(this.performances) };
    const { states, places, performances } = this.#ids;
    const isCovered =
      hasAll(places, older.places) &&
      (stage === 'graph' || (hasAll(states, older.states) && hasAll(performances, older.performances)));
    this.#covered[stage].set(older, isCovered);
    return isCovered;
  }
}

function encodedOnce(known: Map<string, readonly Buffer[]>, kind: FrameKind, encode: () => readonly Buffer[]) {
  const before = known.get(kind.key);
  if (before) return before;
  const plain = encode();
  if (plain.length > 0) encodings.frames++;
  const frames = packed(plain, kind.compression);
  known.set(kind.key, frames);
  return frames;
}

const idsOf = (records: readonly { readonly wireId: number }[]) => new Set(records.map(({ wireId }) => wireId));

const hasAll = (ids: ReadonlySet<number>, records: readonly { readonly wireId: number }[]) =>
  records.length <= ids.size && records.every(({ wireId }) => ids.has(wireId));

/** Those of an agent that comes into sight too, as a snapshot has them. */
function statesOf(sighting: Sighting): readonly StateRecord[] {
  return sighting.kind === 'records' || sighting.kind === 'registered' ? sighting.agents : [];
}

function performancesOf(sighting: Sighting): readonly PerformanceRecord[] {
  if (sighting.kind === 'performance') return [sighting];
  return sighting.kind === 'registered' ? performancesOfAgents(sighting.agents) : [];
}

/** The figures of those that are seen in full. */
export const performancesOfAgents = (agents: readonly SeenAgent[]): PerformanceRecord[] =>
  agents.flatMap(({ wireId, performance, full }) => (full && performance ? [{ wireId, performance }] : []));

function hiddenAtEnd(sightings: readonly Sighting[]): Set<number> {
  const hidden = new Set<number>();
  for (const sighting of sightings) {
    if (sighting.kind === 'hidden') hidden.add(sighting.wireId);
    else if (sighting.kind === 'registered') for (const { wireId } of sighting.agents) hidden.delete(wireId);
  }
  return hidden;
}

/** The last one of each agent. */
export function lastOfEach<R extends { readonly wireId: number }>(records: readonly R[]): readonly R[] {
  if (records.length < 2) return records;
  return [...new Map(records.map((record) => [record.wireId, record])).values()];
}
