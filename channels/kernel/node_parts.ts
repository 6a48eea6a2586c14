import type { Hub, Nodes } from '../../server/index.ts';
import { internalTopic } from '../../server/index.ts';
import { PartsLook } from './node_parts_look.ts';
import { type Asked, inMessages, type PartsListener, type PartsTopics } from './node_parts_words.ts';

export type { PartsListener } from './node_parts_words.ts';

/** Time for which interest holds that is not renewed: a node that looked and died is told nothing more after it. */
const INTEREST_MS = 10_000;
/** Time in which changes are gathered into one message. */
const GATHER_MS = 20;
/** Changes that are sent before that. */
const MAX_GATHERED = 500;

export interface NodePartsOptions<Item> {
  readonly hub: Pick<Hub, 'pubsub'>;
  readonly nodes: Pick<Nodes, 'self' | 'live' | 'onChange'>;
  /** Names it between nodes: the same on all, used once on each. */
  readonly name: string;
  /** All that this node knows by itself now, in items that each are small. Called for each look, on any node. */
  part(): Iterable<Item>;
  /** Told when the first look of any node begins (`true`), and after the last has ended (`false`). */
  onWatched?(isWatched: boolean): void;
}

/**
 * What each node knows by itself (its open sockets, its counters), told to the nodes that look, and only while one does.
 *
 * A look asks every node for its part and then hears its changes, numbered and in order. A number that is missing, a
 * connection that was lost, or a node that has come back makes it ask again. `Item` and `Change` are values of JSON.
 *
 * @example
 * const sockets = new NodeParts<Open, Change>({ hub, nodes, name: 'sockets', part: () => open.values() });
 * open.set(id, socket);
 * if (sockets.isWatched) sockets.tell({ opened: socket });
 */
export class NodeParts<Item, Change> {
  readonly #options: NodePartsOptions<Item>;
  readonly #topics: PartsTopics;
  readonly #looks = new Set<PartsLook<Item, Change>>();
  /** By look on any node, until when it is interested. */
  readonly #interested = new Map<string, number>();
  readonly #stopAsked: () => void;
  #isWatched = false;
  /** Of the last message with changes. It never goes back: whoever has missed some sees it. */
  #number = 0;
  #gathered: Change[] = [];
  #gatherTimer: NodeJS.Timeout | undefined;
  #interestTimer: NodeJS.Timeout | undefined;
  #lookNumber = 0;

  constructor(options: NodePartsOptions<Item>) {
    const { hub, nodes, name } = options;
    this.#options = options;
    this.#topics = { asked: internalTopic(`parts:${name}:asked`), told: internalTopic(`parts:${name}:told`) };
    const { ready, stop } = hub.pubsub.subscribe(this.#topics.asked, ({ event, payload }, from) => {
      if (from !== hub.pubsub.nodeId) this.#hear(event, JSON.parse(String(payload)));
    });
    ready?.catch(() => {});
    this.#stopAsked = stop;
    nodes.onChange(({ joined, left }) => {
      for (const look of this.#looks) look.nodesChanged(joined, left);
    });
    hub.pubsub.onGap(() => {
      for (const look of this.#looks) look.gap();
    });
  }

  /** True while some node looks: for callers that would have to make a change only to tell it. */
  get isWatched(): boolean {
    return this.#isWatched;
  }

  /**
   * Tells whoever looks of a change that this node's part has in it from now on. Listeners of this node hear it before the
   * call returns. Costs one test while nobody looks.
   */
  tell(change: Change): void {
    if (!this.#isWatched) return;
    for (const look of this.#looks) look.own(change);
    if (this.#interested.size === 0) return;
    if (this.#gathered.push(change) >= MAX_GATHERED) return this.#send();
    this.#gatherTimer ??= setTimeout(() => this.#send(), GATHER_MS);
  }

  /**
   * Hands the parts of all nodes to a listener, this one's first, and from then on what changes.
   *
   * @returns once all live nodes have told their part, or have had 2 s to do so; what comes later is handed over then.
   *          A stop, which may be called twice
   */
  async look(listener: PartsListener<Item, Change>): Promise<() => void> {
    const { hub, nodes } = this.#options;
    const id = `${hub.pubsub.nodeId}:${++this.#lookNumber}`;
    const look = new PartsLook<Item, Change>({ id, topics: this.#topics, pubsub: hub.pubsub, nodes, listener });
    this.#looks.add(look);
    this.#countWatchers();
    listener.part(nodes.self.incarnation, [...this.#options.part()]);
    look.isTold();
    const stop = () => {
      if (!this.#looks.delete(look)) return;
      look.close();
      this.#countWatchers();
    };
    await look.begin();
    return stop;
  }

  close(): void {
    this.#stopAsked();
    for (const look of this.#looks) look.close();
    this.#looks.clear();
    this.#interested.clear();
    this.#countWatchers();
  }

  #hear(event: string, { look, number, nodes }: Asked): void {
    if (event === 'stopped') {
      this.#interested.delete(look);
      return this.#countWatchers();
    }
    if (event !== 'asked') return;
    this.#interested.set(look, performance.now() + INTEREST_MS);
    this.#countWatchers();
    const { incarnation } = this.#options.nodes.self;
    if (nodes.includes(incarnation)) this.#answer(look, number);
    else this.#publish('here', [incarnation, this.#number]);
  }

  /** In one go, so that no change comes between the parts of it. */
  #answer(look: string, asked: number): void {
    // Those are in the part, and others wait for them.
    this.#send();
    const { incarnation } = this.#options.nodes.self;
    const messages = inMessages(this.#options.part());
    for (const [at, items] of messages.entries()) {
      const isLast = at === messages.length - 1;
      this.#publish('part', `["${incarnation}",${this.#number},"${look}",${asked},${at},${isLast},${items}]`);
    }
  }

  #send(): void {
    clearTimeout(this.#gatherTimer);
    this.#gatherTimer = undefined;
    if (this.#gathered.length === 0) return;
    const gathered = this.#gathered;
    this.#gathered = [];
    const { incarnation } = this.#options.nodes.self;
    for (const changes of inMessages(gathered)) {
      this.#publish('changes', `["${incarnation}",${++this.#number},${changes}]`);
    }
  }

  #publish(event: string, message: string | readonly unknown[]): void {
    const payload = typeof message === 'string' ? message : JSON.stringify(message);
    this.#options.hub.pubsub.publish(this.#topics.told, { event, payload });
  }

  /** Forgets interest that has run out, and tells when it begins or ends. */
  #countWatchers(): void {
    const nowMs = performance.now();
    for (const [look, untilMs] of this.#interested) if (untilMs <= nowMs) this.#interested.delete(look);
    if (this.#interested.size > 0) {
      this.#interestTimer ??= setInterval(() => this.#countWatchers(), INTEREST_MS / 4).unref();
    } else {
      clearInterval(this.#interestTimer);
      clearTimeout(this.#gatherTimer);
      this.#interestTimer = undefined;
      this.#gatherTimer = undefined;
      this.#gathered = [];
      // Whoever still counts on being told finds that numbers are missing.
      this.#number++;
    }
    const isWatched = this.#interested.size + this.#looks.size > 0;
    if (isWatched === this.#isWatched) return;
    this.#isWatched = isWatched;
    this.#options.onWatched?.(isWatched);
  }
}
