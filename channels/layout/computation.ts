import type { Log } from '../../server/index.ts';
import { StoreUnavailable } from '../../server/store/index.ts';
import type { Place } from '../observation/scene.ts';
import { RECORD, strengthOf } from './force_layout.ts';
import type { Moves, Table } from './frames.ts';
import type { GraphSource } from './graph.ts';
import { LayoutWorker } from './layout_worker.ts';
import type { StoredPlaces } from './stored_places.ts';
import type { Moved, SetGraph } from './worker_words.ts';

export interface ComputationOptions {
  readonly epoch: number;
  readonly rateHz: number;
  readonly source: GraphSource;
  readonly stored: StoredPlaces;
  readonly log: Log;
  /** The places as they were told, in which what this tells shows at once. */
  readonly places: ReadonlyMap<string, Place>;
  readonly tellTable: (table: Table) => void;
  readonly tellMoves: (moves: Moves) => void;
}

const LOOK_MS = 1_000;
/** Every so many looks it is read who else there is. */
const READ_EVERY = 5;
const SAVE_MS = 4_000;
/** Least time between two tables of all. */
const WHOLE_EVERY_MS = 200;

/** The computation of the layout, on the one node that has the lease. */
export class Computation {
  readonly #options: ComputationOptions;
  readonly #numbers = new Map<string, number>();
  readonly #ids: string[] = [];
  /** Numbers that were given up and may be given again, and those that the thread still knows. */
  readonly #free: number[] = [];
  #leaving: number[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #wholeTimer: NodeJS.Timeout | undefined;
  #worker: LayoutWorker | undefined;
  #graph: SetGraph = { agents: [], links: [] };
  #graphText = '';
  #sequence = 0;
  #looks = 0;
  #isUnsaved = false;
  #isClosed = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: ComputationOptions) {
    this.#options = options;
  }

  /** Begins with the places that there are. */
  async start(): Promise<void> {
    await this.#look();
    if (this.#isClosed) return;
    const { rateHz, log } = this.#options;
    this.tellWhole();
    this.#worker = new LayoutWorker({
      rateHz,
      log,
      onMoved: (moved) => this.#moved(moved),
      graph: () => this.#withPlaces(),
    });
    this.#timers.push(
      setInterval(() => void this.#look().catch((error: unknown) => this.#failed(error)), LOOK_MS).unref(),
      setInterval(() => this.#save(), SAVE_MS).unref(),
    );
  }

  /** Tells all there is to a node that has missed something; several that ask at once get one answer. */
  answer(): void {
    this.#wholeTimer ??= setTimeout(() => {
      this.#wholeTimer = undefined;
      this.tellWhole();
    }, WHOLE_EVERY_MS).unref();
  }

  /** Resolves when nothing runs any more, and the last places are stored if that can be. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#wholeTimer);
    await this.#worker?.close();
    this.#save();
    await this.#saving;
  }

  tellWhole(): void {
    const { epoch, places, tellTable, tellMoves } = this.#options;
    const entries = [...this.#numbers].map(([id, number]) => [number, id] as const);
    tellTable({ epoch, sequence: ++this.#sequence, isWhole: true, entries, gone: [] });
    const moves = entries.flatMap(([number, id]): [number, Place][] => {
      const place = places.get(id);
      return place ? [[number, place]] : [];
    });
    tellMoves({ epoch, sequence: ++this.#sequence, moves });
  }

  /** Sees who is there and what is between them. */
  async #look(): Promise<void> {
    const { source } = this.#options;
    if (this.#looks++ % READ_EVERY === 0) await source.readOthers().catch((error: unknown) => this.#failed(error));
    if (this.#isClosed) return;
    const { agentIds, edges } = source.now();
    this.#number(new Set(agentIds));
    const number = (id: string) => this.#numbers.get(id) ?? 0;
    const links = edges.map(({ from, to, sent }) => [number(from), number(to), sent] as const);
    const text = JSON.stringify([
      agentIds.map(number),
      links.map(([one, other, sent]) => [one, other, strengthOf(sent)]),
    ]);
    if (text === this.#graphText) return;
    this.#graphText = text;
    this.#graph = { agents: agentIds.map((id) => [number(id)]), links };
    this.#worker?.set(this.#withPlaces());
  }

  #number(agentIds: ReadonlySet<string>): void {
    this.#free.push(...this.#leaving);
    this.#leaving = [];
    for (const [id, number] of this.#numbers) {
      if (agentIds.has(id)) continue;
      this.#numbers.delete(id);
      this.#leaving.push(number);
    }
    const entries: [number, string][] = [];
    for (const id of agentIds) {
      if (this.#numbers.has(id)) continue;
      const number = this.#free.pop() ?? this.#ids.length;
      this.#numbers.set(id, number);
      this.#ids[number] = id;
      entries.push([number, id]);
    }
    if (!this.#worker || entries.length + this.#leaving.length === 0) return;
    const { epoch, tellTable } = this.#options;
    tellTable({ epoch, sequence: ++this.#sequence, isWhole: false, entries, gone: this.#leaving });
    this.#isUnsaved = true;
  }

  /** For those that the thread does not know, or has forgotten. */
  #withPlaces(): SetGraph {
    const { places } = this.#options;
    const agents = this.#graph.agents.map(([number]) => {
      const place = places.get(this.#ids[number] ?? '');
      return place ? ([number, place.x, place.y, place.z] as const) : ([number] as const);
    });
    return { ...this.#graph, agents };
  }

  #moved({ records }: Moved): void {
    if (this.#isClosed || records.length === 0) return;
    const moves: [number, Place][] = [];
    for (let at = 0; at < records.length; at += RECORD) {
      const [agent = 0, x = 0, y = 0, z = 0, vx = 0, vy = 0, vz = 0] = records.subarray(at, at + RECORD);
      const id = this.#ids[agent];
      // Of one that has left meanwhile, or of another that had its number.
      if (id !== undefined && this.#numbers.get(id) === agent) moves.push([agent, { x, y, z, vx, vy, vz }]);
    }
    const { epoch, tellMoves } = this.#options;
    tellMoves({ epoch, sequence: ++this.#sequence, moves });
    this.#isUnsaved = true;
  }

  #save(): void {
    if (!this.#isUnsaved) return;
    this.#isUnsaved = false;
    const { stored, places } = this.#options;
    this.#saving = this.#saving
      .then(() => stored.write(new Map(places)))
      .catch((error: unknown) => {
        this.#isUnsaved = true;
        this.#failed(error);
      });
  }

  /** What the store could not do now is done again soon. */
  #failed(error: unknown): void {
    if (!(error instanceof StoreUnavailable)) this.#options.log.error({ err: error }, 'a step of the layout failed');
  }
}
