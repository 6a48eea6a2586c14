import { setTimeout } from 'node:timers/promises';
import type { NodeInfo, Nodes, PubSub } from '../../server/index.ts';
import type { Asked, PartsListener, PartsTopics } from './node_parts_words.ts';

/** Interval at which interest is renewed, and at which those that have not answered are asked again. */
const RENEW_MS = 2_000;
/** Time that nodes have to answer before a look goes on without them. */
const ANSWER_WITHIN_MS = 2_000;

export interface PartsLookOptions<Item, Change> {
  /** Unique over all nodes. */
  readonly id: string;
  readonly topics: PartsTopics;
  readonly pubsub: PubSub;
  readonly nodes: Pick<Nodes, 'self' | 'live'>;
  readonly listener: PartsListener<Item, Change>;
}

/** What is known of another node. */
interface Known<Item> {
  /** The number of the question that waits for its answer; `undefined`: it was answered. */
  asked: number | undefined;
  /** Items of an answer of which more is to come. */
  items: Item[];
  messages: number;
  /** The number of the last changes. */
  number: number;
  /** False until a part of it was handed to the listener. */
  isTold: boolean;
}

type PartMessage<Item> = [node: string, number: number, look: string, asked: number, at: number, last: boolean, Item[]];

/** The look of one listener at the parts of all nodes. */
export class PartsLook<Item, Change> {
  readonly #options: PartsLookOptions<Item, Change>;
  readonly #known = new Map<string, Known<Item>>();
  readonly #own: string;
  #stop: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOwnTold = false;
  #isClosed = false;
  #askNumber = 0;
  /** Set while a node has not told its part. */
  readonly #onAllTold: (() => void)[] = [];
  #isTellingLoss = false;

  constructor(options: PartsLookOptions<Item, Change>) {
    this.#options = options;
    this.#own = options.nodes.self.incarnation;
  }

  /** Asks all nodes. Resolves when they have told their parts, or their time is over. */
  async begin(): Promise<void> {
    const { pubsub, nodes, topics } = this.#options;
    const { ready, stop } = pubsub.subscribe(topics.told, ({ event, payload }, from) => {
      if (from !== pubsub.nodeId) this.#hear(event, JSON.parse(String(payload)));
    });
    this.#stop = stop;
    this.#timer = setInterval(() => this.#renew(), RENEW_MS).unref();
    // Where the broker is out of reach a gap is told once it is back.
    await soon(ready?.catch(() => {}));
    if (this.#isClosed) return;
    this.#ask(nodes.live().map(({ incarnation }) => incarnation));
    await this.#whenAllTold();
  }

  /** This node's own part was handed to the listener. */
  isTold(): void {
    this.#isOwnTold = true;
  }

  /** A change of this node's own part. */
  own(change: Change): void {
    if (this.#isOwnTold) this.#options.listener.change(this.#own, change);
  }

  nodesChanged(joined: readonly NodeInfo[], left: readonly NodeInfo[]): void {
    for (const { incarnation } of left) {
      const known = this.#known.get(incarnation);
      if (!known) continue;
      this.#known.delete(incarnation);
      if (known.isTold) this.#options.listener.gone(incarnation);
    }
    if (joined.length > 0 && this.#stop) this.#ask(joined.map(({ incarnation }) => incarnation));
    this.#checkAllTold();
  }

  /** What nodes have told may have been lost. */
  gap(): void {
    if (this.#stop) this.#askAfterLoss(this.#options.nodes.live().map(({ incarnation }) => incarnation));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#stop?.();
    this.#known.clear();
    this.#checkAllTold();
    this.#publish('stopped', []);
  }

  #hear(event: string, message: unknown[]): void {
    if (event === 'part') return this.#hearPart(message as PartMessage<Item>);
    const [node, number, changes] = message as [string, number, Change[]];
    const known = this.#known.get(node);
    // The answer that is waited for comes behind what was told before it.
    if (!known || known.asked !== undefined) return;
    const isNext = number === known.number + (event === 'changes' ? 1 : 0);
    if (!isNext) return this.#askAfterLoss([node]);
    known.number = number;
    if (event === 'changes') for (const change of changes) this.#options.listener.change(node, change);
  }

  #hearPart([node, number, look, asked, at, isLast, items]: PartMessage<Item>): void {
    const known = this.#known.get(node);
    if (look !== this.#options.id || known?.asked !== asked || at !== known.messages) return;
    known.messages++;
    known.items.push(...items);
    if (!isLast) return;
    const part = known.items;
    known.asked = undefined;
    known.items = [];
    known.number = number;
    known.isTold = true;
    this.#options.listener.part(node, part);
    this.#checkAllTold();
  }

  #askAfterLoss(nodes: readonly string[]): void {
    this.#ask(nodes);
    if (this.#isTellingLoss) return;
    this.#isTellingLoss = true;
    void this.#whenAllTold().then(() => {
      this.#isTellingLoss = false;
      if (!this.#isClosed) this.#options.listener.lost?.();
    });
  }

  #ask(nodes: readonly string[]): void {
    const others = nodes.filter((node) => node !== this.#options.nodes.self.incarnation);
    const asked = ++this.#askNumber;
    for (const node of others) {
      const { number = 0, isTold = false } = this.#known.get(node) ?? {};
      this.#known.set(node, { asked, items: [], messages: 0, number, isTold });
    }
    this.#publish('asked', others);
  }

  #renew(): void {
    const unanswered = [...this.#known].filter(([, { asked }]) => asked !== undefined).map(([node]) => node);
    if (unanswered.length > 0) this.#ask(unanswered);
    else this.#publish('asked', []);
  }

  async #whenAllTold(): Promise<void> {
    const told = new Promise<void>((resolve) => {
      this.#onAllTold.push(resolve);
    });
    this.#checkAllTold();
    await soon(told);
  }

  #checkAllTold(): void {
    if ([...this.#known.values()].some(({ asked }) => asked !== undefined)) return;
    for (const told of this.#onAllTold.splice(0)) told();
  }

  #publish(event: 'asked' | 'stopped', nodes: readonly string[]): void {
    const { pubsub, topics, id } = this.#options;
    const asked: Asked = { look: id, number: this.#askNumber, nodes };
    pubsub.publish(topics.asked, { event, payload: JSON.stringify(asked) });
  }
}

/** Waits for what the other nodes do, as long as they have time for it. */
const soon = (work: Promise<void> | undefined) =>
  Promise.race([work, setTimeout(ANSWER_WITHIN_MS, undefined, { ref: false })]);
