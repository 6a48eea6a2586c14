import type { Nodes } from '../../server/index.ts';
import type { NodeParts } from '../kernel/node_parts.ts';
import { Board } from './board.ts';
import type { Contacts } from './contacts.ts';
import { EDGE_MS } from './counts.ts';
import type { PartChange, PartItem } from './parts.ts';
import type { Edge, FlowsListener, SentMessage } from './port.ts';
import type { StoreClock } from './store_clock.ts';

export interface PictureOptions {
  readonly parts: Pick<NodeParts<PartItem, PartChange>, 'look'>;
  readonly contacts: Pick<Contacts, 'since'>;
  readonly nodes: Pick<Nodes, 'live'>;
  readonly clock: StoreClock;
  readonly onError: (error: unknown) => void;
}

/** Interval at which listeners are told. */
const TELL_MS = 200;
/** Every so many of them it is seen what time has changed. */
const ALL_EVERY = 5;

/** What passes on all nodes, as this node knows it while it watches. */
export class Picture {
  readonly #options: PictureOptions;
  readonly #board = new Board();
  readonly #listeners = new Set<FlowsListener>();
  /** The node of each incarnation that has told a part. */
  readonly #nodeIds = new Map<string, string>();
  #messages: SentMessage[] = [];
  #newPairs: [string, string][] = [];
  #stop: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ticks = 0;
  #isClosed = false;

  constructor(options: PictureOptions) {
    this.#options = options;
  }

  /** Resolves once all nodes have told their part, and what is recorded was read. @throws StoreUnavailable */
  async open(): Promise<void> {
    const { parts, clock } = this.#options;
    this.#stop = await parts.look({
      part: (node, items) => this.#takePart(node, items),
      change: (node, change) => this.#takeChange(node, change),
      // What it has told stays true, and ages like everything else.
      gone() {},
      lost: () => void this.#lost(),
    });
    if (this.#isClosed) return this.#stop();
    await clock.set();
    await this.#readRecord();
    if (this.#isClosed) return;
    this.#board.edgesTold(clock.nowMs());
    this.#newPairs = [];
    this.#messages = [];
    this.#timer = setInterval(() => void this.#tell(), TELL_MS).unref();
  }

  listen(listener: FlowsListener): void {
    this.#listeners.add(listener);
  }

  /** @returns false if there is no listener left */
  leave(listener: FlowsListener): boolean {
    this.#listeners.delete(listener);
    return this.#listeners.size > 0;
  }

  edges(): Iterable<Edge> {
    return this.#board.edges(this.#options.clock.nowMs());
  }

  partnersOf(agentIds: ReadonlySet<string>): Set<string> {
    return this.#board.partnersOf(agentIds);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#stop?.();
  }

  #takePart(node: string, items: readonly PartItem[]): void {
    const id = this.#options.nodes.live().find(({ incarnation }) => incarnation === node)?.id ?? node;
    // A node that is back under another name tells the same again.
    for (const [other, otherId] of this.#nodeIds) {
      if (otherId !== id || other === node) continue;
      this.#nodeIds.delete(other);
      this.#board.forgetNode(other);
    }
    this.#nodeIds.set(node, id);
    for (const pair of this.#board.takePart(node, items)) this.#newPairs.push(pair);
  }

  #takeChange(node: string, change: PartChange): void {
    if (change[0] === 'message') this.#messages.push(change[1]);
    else for (const pair of this.#board.take(node, change)) this.#newPairs.push(pair);
  }

  async #readRecord(): Promise<void> {
    const { contacts, clock } = this.#options;
    for (const contact of await contacts.since(clock.nowMs() - EDGE_MS)) this.#board.takeRecord(contact);
  }

  async #lost(): Promise<void> {
    await this.#readRecord().catch(this.#options.onError);
    for (const listener of this.#listeners) listener.lost();
  }

  async #tell(): Promise<void> {
    const { clock } = this.#options;
    const isAll = this.#ticks++ % ALL_EVERY === 0;
    if (isAll) await clock.set();
    if (this.#isClosed) return;
    const nowMs = clock.nowMs();
    const { changed, removed } = this.#board.takeEdgeChanges(nowMs, isAll);
    const flows = this.#board.takeFlowChanges(nowMs, isAll);
    const [messages, pairs] = [this.#messages, this.#newPairs];
    this.#messages = [];
    this.#newPairs = [];
    for (const listener of this.#listeners) {
      // First who is in sight by it.
      if (pairs.length > 0) listener.partners(pairs);
      if (changed.length + removed.length > 0) listener.edges(changed, removed);
      if (messages.length > 0) listener.messages(messages);
      if (flows.length > 0) listener.flows(flows);
    }
  }
}
