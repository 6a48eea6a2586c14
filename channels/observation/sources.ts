import { LRUCache } from 'lru-cache';
import type { CommitListener, Commits } from '../../server/store/index.ts';
import { NodeParts, type NodePartsOptions } from '../kernel/node_parts.ts';
import type { LocalSockets, OpenSockets } from '../principals/open_sockets.ts';
import { type Deed, deedOf, isDeedKind } from './deeds.ts';
import type { NodeLoad } from './node_load.ts';

/** What a node knows by itself. */
export type Item = { readonly sockets: LocalSockets } | { readonly isDraining: true } | { readonly load: NodeLoad };

/** What changes of it, and what it commits. */
export type PartChange =
  | Item
  | { readonly deed: Deed }
  /** A commit of which nobody knows whether it was made: what is there is to be read. */
  | { readonly unsure: { readonly kind: string; readonly id: string } };

export interface SourcesOptions extends Pick<NodePartsOptions<Item>, 'hub' | 'nodes'> {
  readonly commits: Commits;
  readonly openSockets: OpenSockets;
  /** Measures this node, while somebody looks. */
  readonly meter: () => { measure(): Promise<NodeLoad>; close(): void };
}

const MEASURE_MS = 1_000;
const TOUCHED_MS = 30_000;
const MAX_TOUCHED = 10_000;

/** What this node has to tell whoever looks, on any node: its sockets, what it commits, and how it is. Nothing while nobody does. */
export class Sources implements CommitListener {
  readonly parts: NodeParts<Item, PartChange>;
  readonly #options: SourcesOptions;
  /** Those that were told to be going on a while ago: a chunk each is no news. */
  readonly #touchedTasks = new LRUCache<string, true>({ max: MAX_TOUCHED, ttl: TOUCHED_MS });
  #load: NodeLoad | undefined;
  #stops: (() => void)[] = [];

  constructor(options: SourcesOptions) {
    this.#options = options;
    this.parts = new NodeParts({
      hub: options.hub,
      nodes: options.nodes,
      name: 'observation',
      part: () => this.#part(),
      onWatched: (isWatched) => this.#watched(isWatched),
    });
  }

  committed({ kind, id }: Parameters<CommitListener['committed']>[0], ...[change, version]: CommitArguments): void {
    const deed = deedOf({ kind, id }, change.fields, version);
    if (!deed || (deed.kind === 'task_touched' && this.#touchedTasks.has(id))) return;
    if (deed.kind === 'task_touched') this.#touchedTasks.set(id, true);
    this.parts.tell({ deed });
  }

  unsure({ kind, id }: Parameters<CommitListener['unsure']>[0]): void {
    if (isDeedKind(kind)) this.parts.tell({ unsure: { kind, id } });
  }

  close(): void {
    this.parts.close();
    this.#watched(false);
  }

  *#part(): Iterable<Item> {
    const { openSockets } = this.#options;
    if (openSockets.isDraining) yield { isDraining: true };
    if (this.#load) yield { load: this.#load };
    for (const sockets of openSockets.ofAgents()) yield { sockets };
  }

  #watched(isWatched: boolean): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#load = undefined;
    this.#touchedTasks.clear();
    if (!isWatched) return;
    const { commits, openSockets, meter: makeMeter } = this.#options;
    const meter = makeMeter();
    let isMeasuring = false;
    const measure = async () => {
      if (isMeasuring) return;
      isMeasuring = true;
      const load = await meter.measure().finally(() => {
        isMeasuring = false;
      });
      this.#load = load;
      this.parts.tell({ load });
    };
    const measureSoon = () => void measure().catch(() => {});
    measureSoon();
    const timer = setInterval(measureSoon, MEASURE_MS).unref();
    openSockets.listen({
      changed: (sockets) => this.parts.tell({ sockets }),
      draining: () => this.parts.tell({ isDraining: true }),
    });
    this.#stops = [
      commits.listen(this),
      () => openSockets.listen(undefined),
      () => clearInterval(timer),
      () => meter.close(),
    ];
  }
}

type CommitArguments = Parameters<CommitListener['committed']> extends [unknown, ...infer Rest] ? Rest : never;
