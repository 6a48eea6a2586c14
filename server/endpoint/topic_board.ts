import { setImmediate } from 'node:timers/promises';
import type { LocalTopic } from '../hub.ts';
import type { Nodes } from '../nodes/port.ts';
import type { PubSub } from '../pubsub/port.ts';
import { isReserved, reservedTopics } from '../reserved_topics.ts';
import { within } from '../within.ts';

/** A topic over all nodes. */
export interface BusyTopic {
  readonly topic: string;
  readonly members: number;
  readonly eventsPerSecond: number;
  /** Those with members, by name. */
  readonly nodes: readonly string[];
}

export interface Busiest {
  readonly topics: readonly BusyTopic[];
  /** Live nodes that did not answer in time, and are not in the figures. */
  readonly missing: readonly string[];
}

export interface TopicBoardParts {
  readonly pubsub: PubSub;
  readonly nodes: Pick<Nodes, 'self' | 'live'>;
  /** The topics of this node, each as it is when it is its turn. */
  readonly local: () => Iterable<LocalTopic>;
  /** Time that other nodes have to answer. Default: 1 s. */
  readonly answerWithinMs?: number;
}

export const MAX_TOPICS = 1_000;

const { busyTopics: ASK, busyTopicsFor: answersTo } = reservedTopics;

/** Topics that are looked at before others have their turn. */
const AT_A_TIME = 5_000;
/** Time for which an answer is reused. */
const FRESH_MS = 1_000;
const ANSWER_WITHIN_MS = 1_000;

interface Ask {
  readonly number: number;
  readonly by: string;
  readonly prefix: string;
  /** Only these. */
  readonly names?: readonly string[];
}

type Row = readonly [name: string, members: number, received: number, broadcasts: number];

interface Answer {
  readonly number: number;
  readonly node: string;
  readonly incarnation: string;
  readonly rows: readonly Row[];
  /** True if there are topics beyond the busiest. */
  readonly hasMore: boolean;
}

/**
 * Tells which topics of the deployment are busiest. Nothing is gathered until somebody asks: then every node looks through
 * its topics, a part at a time, and sends its busiest. Where a node has more than it sends, the busiest of all are asked
 * for once more by name, so that their sums have every node's part.
 */
export class TopicBoard {
  readonly #parts: TopicBoardParts;
  readonly #stops: (() => void)[];
  readonly #asking = new Map<number, (answer: Answer) => void>();
  readonly #fresh = new Map<string, Promise<Busiest>>();
  #asked = 0;
  /** One look at a time, however many ask. */
  #looking: Promise<unknown> = Promise.resolve();

  constructor(parts: TopicBoardParts) {
    const { pubsub } = parts;
    this.#parts = parts;
    const subscriptions = [
      pubsub.subscribe(ASK, ({ event, payload }) => {
        if (event === 'ask') void this.#answer(JSON.parse(String(payload)));
      }),
      pubsub.subscribe(answersTo(pubsub.nodeId), ({ event, payload }) => {
        if (event !== 'answer') return;
        const answer: Answer = JSON.parse(String(payload));
        this.#asking.get(answer.number)?.(answer);
      }),
    ];
    for (const { ready } of subscriptions) ready?.catch(() => {});
    this.#stops = subscriptions.map(({ stop }) => stop);
  }

  /** The busiest topics that begin with `prefix`, at most 1,000; at most a second old. */
  busiest(prefix: string): Promise<Busiest> {
    const fresh = this.#fresh.get(prefix);
    if (fresh) return fresh;
    const busiest = this.#gather(prefix);
    this.#fresh.set(prefix, busiest);
    const forget = () => void this.#fresh.delete(prefix);
    busiest.then(() => setTimeout(forget, FRESH_MS).unref(), forget);
    return busiest;
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  async #gather(prefix: string): Promise<Busiest> {
    const first = await this.#ask({ prefix });
    const sums = summed(first.answers);
    if (!first.answers.some(({ hasMore }) => hasMore)) return { topics: sums, missing: first.missing };
    const { answers, missing } = await this.#ask({ prefix, names: sums.map(({ topic }) => topic) });
    return { topics: summed(answers), missing };
  }

  /** Resolves when all live nodes have answered, or time is over. */
  async #ask(what: Pick<Ask, 'prefix' | 'names'>): Promise<{ answers: readonly Answer[]; missing: readonly string[] }> {
    const { pubsub, nodes, answerWithinMs = ANSWER_WITHIN_MS } = this.#parts;
    const number = ++this.#asked;
    const waiting = new Map(nodes.live().map(({ incarnation, id }) => [incarnation, id]));
    const answers: Answer[] = [];
    const allHaveAnswered = new Promise<void>((resolve) => {
      this.#asking.set(number, (answer) => {
        answers.push(answer);
        waiting.delete(answer.incarnation);
        if (waiting.size === 0) resolve();
      });
    });
    const ask: Ask = { number, by: pubsub.nodeId, ...what };
    pubsub.publish(ASK, { event: 'ask', payload: JSON.stringify(ask) });
    await within(answerWithinMs, allHaveAnswered);
    this.#asking.delete(number);
    return { answers, missing: [...waiting.values()].sort() };
  }

  async #answer({ number, by, prefix, names }: Ask): Promise<void> {
    const { pubsub, nodes } = this.#parts;
    const looked = this.#looking.then(() => this.#look(prefix, names && new Set(names)));
    this.#looking = looked;
    const { rows, hasMore } = await looked;
    const { id: node, incarnation } = nodes.self;
    const answer: Answer = { number, node, incarnation, rows, hasMore };
    pubsub.publish(answersTo(by), { event: 'answer', payload: JSON.stringify(answer) });
  }

  async #look(prefix: string, names: ReadonlySet<string> | undefined) {
    let rows: Row[] = [];
    let hasMore = false;
    const cut = () => {
      rows.sort(byActivity);
      hasMore ||= rows.length > MAX_TOPICS;
      rows = rows.slice(0, MAX_TOPICS);
    };
    let looked = 0;
    for (const { name, members, receivedPerSecond, broadcastsPerSecond } of this.#parts.local()) {
      if (++looked % AT_A_TIME === 0) await setImmediate();
      if (members === 0 || isReserved(name) || !(names ? names.has(name) : name.startsWith(prefix))) continue;
      rows.push([name, members, receivedPerSecond, broadcastsPerSecond]);
      if (rows.length >= 2 * MAX_TOPICS) cut();
    }
    cut();
    return { rows, hasMore };
  }
}

const byActivity = (one: Row, other: Row) =>
  other[2] + other[3] - one[2] - one[3] || other[1] - one[1] || (one[0] < other[0] ? -1 : 1);

/** A message of a member comes to one node; a broadcast comes to every node with members, and is one event. */
function summed(answers: readonly Answer[]): BusyTopic[] {
  const sums = new Map<string, { members: number; received: number; broadcasts: number; nodes: string[] }>();
  for (const { node, rows } of answers) {
    for (const [name, members, received, broadcasts] of rows) {
      const sum = sums.get(name) ?? { members: 0, received: 0, broadcasts: 0, nodes: [] };
      sum.members += members;
      sum.received += received;
      sum.broadcasts = Math.max(sum.broadcasts, broadcasts);
      sum.nodes.push(node);
      sums.set(name, sum);
    }
  }
  return [...sums]
    .map(([name, { members, received, broadcasts }]): Row => [name, members, received, broadcasts])
    .sort(byActivity)
    .slice(0, MAX_TOPICS)
    .map(([topic, members, received, broadcasts]) => ({
      topic,
      members,
      eventsPerSecond: Math.round((received + broadcasts) * 100) / 100,
      nodes: [...(sums.get(topic)?.nodes ?? [])].sort(),
    }));
}
