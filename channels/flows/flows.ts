import type { Hub, Log, Nodes } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { NodeParts } from '../kernel/node_parts.ts';
import type { Traffic } from '../kernel/traffic.ts';
import { Contacts } from './contacts.ts';
import { Counts } from './counts.ts';
import { Outbox } from './outbox.ts';
import type { PartChange, PartItem } from './parts.ts';
import { Picture } from './picture.ts';
import type { Edge, Flows, FlowsListener } from './port.ts';
import { StoreClock } from './store_clock.ts';

export interface NodeFlowsOptions {
  readonly store: Pick<Store, 'read' | 'readMany' | 'commit' | 'lookup' | 'nowMs'>;
  readonly hub: Pick<Hub, 'pubsub'>;
  readonly nodes: Pick<Nodes, 'self' | 'live' | 'onChange'>;
  readonly log: Log;
}

/** Interval at which what has passed is told to the nodes that watch. */
const TELL_MS = 100;
/** Interval at which pairs are recorded: what a node that is killed has not recorded yet is known by those that watched alone. */
const RECORD_MS = 2_000;
/** Pairs that are recorded at once. */
const MAX_RECORDED = 1_000;

/** What passes between agents: this node's part, and while it watches that of all. */
export class NodeFlows implements Flows {
  readonly #options: NodeFlowsOptions;
  readonly #counts = new Counts();
  readonly #outbox = new Outbox();
  readonly #contacts: Contacts;
  readonly #clock: StoreClock;
  readonly #parts: NodeParts<PartItem, PartChange>;
  #picture: { readonly picture: Picture; readonly opened: Promise<void>; users: number } | undefined;
  #tellTimer: NodeJS.Timeout | undefined;
  #recordTimer: NodeJS.Timeout | undefined;
  #recording: Promise<void> | undefined;

  constructor(options: NodeFlowsOptions) {
    const { store, hub, nodes } = options;
    this.#options = options;
    this.#contacts = new Contacts(store);
    this.#clock = new StoreClock(store);
    this.#parts = new NodeParts({
      hub,
      nodes,
      name: 'flows',
      part: () => this.#counts.part(),
      onWatched: (isWatched) => this.#watched(isWatched),
    });
  }

  /** Counts what has passed by a commit of this node. */
  count = (traffic: Traffic): void => {
    this.#counts.add(traffic);
    if (this.#tellTimer && traffic.message) this.#outbox.add(traffic);
  };

  get stats() {
    return {
      pairs: this.#counts.pairs,
      forgotten: this.#counts.stats.forgotten,
      unrecorded: this.#counts.stats.unrecorded,
      skippedMessages: this.#outbox.stats.skipped,
    };
  }

  *edges(): Iterable<Edge> {
    if (this.#picture) yield* this.#picture.picture.edges();
  }

  async partnersOf(agentIds: Iterable<string>): Promise<ReadonlySet<string>> {
    const ids = new Set(agentIds);
    const partners = await this.#contacts.partnersOf([...ids]);
    const unrecorded = [this.#counts.partnersOf(ids), this.#picture?.picture.partnersOf(ids) ?? []];
    for (const more of unrecorded) for (const partner of more) partners.add(partner);
    return partners;
  }

  /** Agents by their last contact as it is recorded, the newest first. */
  lastActive(limit: number): Promise<readonly string[]> {
    return this.#contacts.newest(limit);
  }

  async watch(listener: FlowsListener): Promise<() => void> {
    this.#picture ??= this.#openPicture();
    const used = this.#picture;
    used.users++;
    let isOver = false;
    const stop = () => {
      if (isOver) return;
      isOver = true;
      used.picture.leave(listener);
      if (--used.users > 0) return;
      used.picture.close();
      if (this.#picture === used) this.#picture = undefined;
    };
    try {
      await used.opened;
    } catch (error) {
      stop();
      throw error;
    }
    if (!isOver) used.picture.listen(listener);
    return stop;
  }

  start(): void {
    this.#recordTimer = setInterval(() => void this.record(), RECORD_MS).unref();
  }

  /** Records what is due, and forgets what is over. Resolves when it is done, whatever came of it. */
  record(): Promise<void> {
    this.#recording ??= this.#record(MAX_RECORDED).finally(() => {
      this.#recording = undefined;
    });
    return this.#recording;
  }

  async close(): Promise<void> {
    clearInterval(this.#recordTimer);
    this.#picture?.picture.close();
    this.#parts.close();
    await this.#recording;
    await this.#record(Number.POSITIVE_INFINITY);
  }

  #openPicture() {
    const { nodes } = this.#options;
    const onError = (error: unknown) => this.#failed(error, 'reading the record of edges failed');
    const picture = new Picture({ parts: this.#parts, contacts: this.#contacts, nodes, clock: this.#clock, onError });
    return { picture, opened: picture.open(), users: 0 };
  }

  #watched(isWatched: boolean): void {
    this.#counts.watch(isWatched);
    clearInterval(this.#tellTimer);
    this.#outbox.take();
    this.#tellTimer = isWatched ? setInterval(() => this.#tell(), TELL_MS).unref() : undefined;
  }

  #tell(): void {
    for (const item of this.#counts.takeUntold()) this.#parts.tell(item);
    for (const item of this.#outbox.take()) this.#parts.tell(item);
  }

  async #record(limit: number): Promise<void> {
    if (this.#counts.pairs === 0) return;
    await this.#clock.set();
    this.#counts.tidy(this.#clock.nowMs());
    const pairs = this.#counts.takeUnrecorded(limit);
    if (pairs.length === 0) return;
    try {
      this.#counts.giveBack(await this.#contacts.record(pairs));
    } catch (error) {
      this.#failed(error, 'recording who had to do with whom failed');
    }
  }

  #failed(error: unknown, what: string): void {
    this.#options.log.error({ err: error }, what);
  }
}
