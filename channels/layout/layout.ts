import { type Hub, internalTopic, type Log, type Nodes } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import type { NodeFlows } from '../flows/flows.ts';
import type { Flows } from '../flows/port.ts';
import type { Place } from '../observation/scene.ts';
import { Computation } from './computation.ts';
import { ComputeLease, LEASE_MS } from './compute_lease.ts';
import { decodeMoves, encodeMoves, type Table } from './frames.ts';
import { GraphSource } from './graph.ts';
import { Mirror, type Taken } from './mirror.ts';
import type { Layout } from './port.ts';
import { StoredPlaces } from './stored_places.ts';

export interface NodeLayoutOptions {
  readonly store: Pick<Store, 'read' | 'commit' | 'lookup'>;
  readonly hub: Pick<Hub, 'subscribe' | 'publish' | 'pubsub'>;
  readonly nodes: Pick<Nodes, 'self' | 'live'>;
  readonly flows: Flows & Pick<NodeFlows, 'lastActive'>;
  /** Ids of agents that are present on any node. */
  readonly present: () => Iterable<string>;
  readonly log: Log;
  readonly rateHz: number;
  readonly maxAgents: number;
}

type Listener = (moved: ReadonlyMap<string, Place>) => void;

const TOPIC = internalTopic('layout');
/** Interval at which the lease is renewed, or looked at. */
const COMPETE_MS = 1_500;
/** Time that the node that computes has to answer the first question. */
const ANSWER_WITHIN_MS = 1_000;
/** Least time between two questions. */
const ASK_EVERY_MS = 1_000;

/** The layout on one node: it follows, and computes where it has the lease; both only while somebody watches here. */
export class NodeLayout implements Layout {
  readonly #options: NodeLayoutOptions;
  readonly #mirror = new Mirror();
  readonly #lease: ComputeLease;
  readonly #stored: StoredPlaces;
  readonly #source: GraphSource;
  readonly #listeners = new Set<Listener>();
  #users = 0;
  /** What begins and ends, one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #ends: (() => void)[] = [];
  #computation: Computation | undefined;
  #epoch = 0;
  #leasedAtMs = 0;
  #competing: Promise<void> | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #onFollowing: (() => void) | undefined;
  #moved = new Map<string, Place>();
  #movedTimer: NodeJS.Timeout | undefined;
  #toldAtMs = 0;
  readonly stats = { computations: 0 };

  constructor(options: NodeLayoutOptions) {
    const { store, nodes } = options;
    this.#options = options;
    this.#stored = new StoredPlaces(store);
    this.#source = new GraphSource(options);
    this.#lease = new ComputeLease({
      store,
      self: () => nodes.self.incarnation,
      isLive: (holder) => nodes.live().some(({ incarnation }) => incarnation === holder),
    });
    options.hub.pubsub.onGap(() => {
      this.#mirror.miss();
      if (this.#ends.length > 0) this.#ask();
    });
  }

  places(): ReadonlyMap<string, Place> {
    return this.#mirror.places;
  }

  /** True while this node computes. */
  get isComputing(): boolean {
    return this.#computation !== undefined;
  }

  async watch(listener: Listener): Promise<() => void> {
    let isOver = false;
    const stop = () => {
      if (isOver) return;
      isOver = true;
      this.#listeners.delete(listener);
      if (--this.#users === 0) void this.#inTurn(() => (this.#users === 0 ? this.#end() : undefined));
    };
    this.#users++;
    try {
      await this.#inTurn(() => (this.#ends.length === 0 && this.#users > 0 ? this.#begin() : undefined));
    } catch (error) {
      stop();
      throw error;
    }
    if (!isOver) this.#listeners.add(listener);
    return stop;
  }

  async close(): Promise<void> {
    this.#users = 0;
    this.#listeners.clear();
    await this.#inTurn(() => this.#end());
  }

  #inTurn(work: () => Promise<void> | undefined): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** @throws StoreUnavailable */
  async #begin(): Promise<void> {
    const { hub, flows } = this.#options;
    try {
      const { ready, stop } = hub.subscribe(TOPIC, ({ event, payload }) => this.#hear(event, payload));
      this.#ends.push(stop);
      // Where the broker is out of reach a gap is told once it is back.
      await ready?.catch(() => {});
      this.#ends.push(await flows.watch(idle));
      this.#mirror.begin(await this.#stored.read());
      await this.#compete();
      const timer = setInterval(() => void this.#compete(), COMPETE_MS).unref();
      this.#ends.push(() => clearInterval(timer));
      if (!this.#computation) await this.#follow();
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  async #end(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    clearTimeout(this.#movedTimer);
    this.#movedTimer = undefined;
    this.#moved = new Map();
    await this.#competing;
    const wasComputing = this.isComputing;
    await this.#stopComputing();
    if (wasComputing) await this.#lease.release();
    this.#mirror.miss();
  }

  /** Asks the node that computes, if there is one, for all there is. */
  async #follow(): Promise<void> {
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, ANSWER_WITHIN_MS);
      this.#onFollowing = () => {
        clearTimeout(late);
        resolve();
      };
      this.#askedAtMs = Number.NEGATIVE_INFINITY;
      this.#ask();
    });
    this.#onFollowing = undefined;
  }

  #ask(): void {
    if (this.isComputing || performance.now() < this.#askedAtMs + ASK_EVERY_MS) return;
    this.#askedAtMs = performance.now();
    this.#options.hub.publish(TOPIC, { event: 'ask', payload: '{}' });
  }

  #hear(event: string, payload: string | Uint8Array): void {
    if (event === 'ask') return this.#computation?.answer();
    const taken =
      event === 'table'
        ? this.#mirror.takeTable(JSON.parse(String(payload)) as Table)
        : this.#mirror.takeMoves(decodeMoves(payload as Uint8Array));
    this.#take(taken);
    if (event === 'moves' && this.#mirror.isFollowing) this.#onFollowing?.();
  }

  #take(taken: Taken): void {
    if (taken === 'missed') return this.#ask();
    if (taken.size === 0) return;
    for (const [id, place] of taken) this.#moved.set(id, place);
    const waitMs = this.#toldAtMs + 1_000 / this.#options.rateHz - performance.now();
    // A moment early is in time: the computing thread keeps the rate, by a clock that is not exact.
    if (waitMs <= 20) return this.#tell();
    this.#movedTimer ??= setTimeout(() => this.#tell(), waitMs).unref();
  }

  #tell(): void {
    clearTimeout(this.#movedTimer);
    this.#movedTimer = undefined;
    this.#toldAtMs = performance.now();
    const moved = this.#moved;
    this.#moved = new Map();
    for (const listener of this.#listeners) listener(moved);
  }

  #compete(): Promise<void> {
    this.#competing ??= this.#takeLease()
      .catch((error: unknown) => {
        this.#options.log.error({ err: error }, 'taking the lease of the layout failed');
      })
      .finally(() => {
        this.#competing = undefined;
      });
    return this.#competing;
  }

  async #takeLease(): Promise<void> {
    const beginMs = performance.now();
    const taken = await this.#lease.take();
    if (typeof taken === 'number') {
      this.#leasedAtMs = beginMs;
      if (this.#computation && this.#epoch === taken) return;
      await this.#stopComputing();
      if (this.#ends.length > 0) await this.#startComputing(taken);
      return;
    }
    const hasRunOut = performance.now() > this.#leasedAtMs + LEASE_MS;
    if (this.#computation && (taken === 'other' || hasRunOut)) await this.#stopComputing();
    if (!this.#computation && !this.#mirror.isFollowing && !this.#onFollowing) this.#ask();
  }

  async #startComputing(epoch: number): Promise<void> {
    const { hub, log, rateHz } = this.#options;
    this.#epoch = epoch;
    this.stats.computations++;
    const computation = new Computation({
      epoch,
      rateHz,
      log,
      source: this.#source,
      stored: this.#stored,
      places: this.#mirror.places,
      tellTable: (table) => hub.publish(TOPIC, { event: 'table', payload: JSON.stringify(table) }),
      tellMoves: (moves) => hub.publish(TOPIC, { event: 'moves', payload: encodeMoves(moves) }),
    });
    this.#computation = computation;
    await computation.start();
  }

  async #stopComputing(): Promise<void> {
    const computation = this.#computation;
    this.#computation = undefined;
    await computation?.close();
  }
}

/** The layout looks at the edges when it has time for them. */
const idle = { edges() {}, flows() {}, messages() {}, partners() {}, lost() {} };
