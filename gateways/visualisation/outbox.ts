import { PRIORITIES } from './envelope.ts';
import type { Message } from './message.ts';

/** The stream that is no channel. */
export const MAIN = null;

/** A stream of one socket: the main one, or a channel. */
export interface Stream {
  readonly channel: string | null;
  /** Events that may wait. */
  readonly bufferSize: number;
  /** The place in `PRIORITIES` of what has no priority of its own. */
  readonly level: number;
}

/** A message that waits for its turn. */
export interface Waiting {
  readonly stream: Stream;
  readonly message: Message;
  /** Of a channel; 0 on the main stream. */
  readonly sequence: number;
  readonly arrival: number;
}

/** What was dropped of one stream and is not told yet. */
export interface Skipped {
  readonly stream: Stream;
  readonly count: number;
  /** All up to this sequence number of the channel was sent, or told before; undefined for the main stream. */
  readonly sinceSequence: number | undefined;
}

/** Text of all messages that wait for one socket, in characters: it bounds what queues of long messages keep. */
const MAX_LENGTH = 8 * 1_048_576;

const NORMAL = PRIORITIES.indexOf('normal');

/**
 * Messages that wait until a slow socket takes more (VISUALISATION.md, section 9.5). Of those with a key the newest takes the
 * place of the one that waits. Others are bounded in number for each stream: the oldest of the lowest priority goes first.
 */
export class Outbox {
  readonly #queues = new Map<Stream, Queue>();
  #length = 0;
  #size = 0;
  #arrivals = 0;

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  get size(): number {
    return this.#size;
  }

  put(stream: Stream, message: Message, sequence: number): void {
    const queue = this.#queueOf(stream);
    const { key } = message;
    const replaced = key === undefined ? undefined : queue.byKey.get(key);
    if (replaced) queue.skip(replaced.sequence);
    if (replaced?.message.level === message.level) {
      // Where the one before it stood, so that all keys have their turn however often they change.
      queue.add({ stream, message, sequence, arrival: replaced.arrival });
      this.#length += message.length - replaced.message.length;
    } else {
      if (replaced) this.#remove(replaced);
      this.#add({ stream, message, sequence, arrival: ++this.#arrivals });
    }
    if (queue.events.size > stream.bufferSize) this.#dropOldest([queue.events]);
    while (this.#length > MAX_LENGTH) this.#dropOldest([...this.#queues.values()].flatMap(({ all }) => all));
  }

  /** Takes what is to be sent next: the oldest of the highest priority that is not stale. */
  next(): Waiting | undefined {
    const nowMs = performance.now();
    for (;;) {
      const waiting = this.#first();
      if (!waiting) return undefined;
      if (waiting.message.staleAtMs >= nowMs) {
        this.#remove(waiting);
        return waiting;
      }
      this.#drop(waiting);
    }
  }

  /** Takes what was dropped of one stream since it was last asked. */
  skipped(): Skipped | undefined {
    for (const queue of this.#queues.values()) if (queue.skipped > 0) return queue.takeSkipped();
    return undefined;
  }

  /** Drops the messages about an agent that has gone out of sight. */
  dropAbout(agentId: string): void {
    this.#dropWhere(({ message }) => message.agentIds.includes(agentId));
  }

  /** Drops everything. @param counts whether it counts as skipped */
  clear(counts: boolean): void {
    this.#dropWhere(() => true);
    if (counts) return;
    for (const queue of this.#queues.values()) queue.takeSkipped();
  }

  /** Forgets a channel, and drops what waits for it. */
  close(stream: Stream): void {
    this.#dropWhere((waiting) => waiting.stream === stream);
    this.#queues.delete(stream);
  }

  #queueOf(stream: Stream): Queue {
    const known = this.#queues.get(stream);
    if (known) return known;
    const queue = new Queue(stream);
    this.#queues.set(stream, queue);
    return queue;
  }

  #first(): Waiting | undefined {
    if (this.#size === 0) return undefined;
    const ordered = [...this.#queues.values()].flatMap(({ all }) => all);
    for (const level of PRIORITIES.keys()) {
      const first = oldest(ordered, level);
      if (first) return first;
    }
    return undefined;
  }

  #dropOldest(among: readonly Ordered[]): void {
    for (const level of [...PRIORITIES.keys()].toReversed()) {
      const waiting = oldest(among, level);
      if (waiting) return this.#drop(waiting);
    }
  }

  #dropWhere(isIt: (waiting: Waiting) => boolean): void {
    for (const { all } of this.#queues.values()) {
      for (const ordered of all) for (const waiting of ordered.values()) if (isIt(waiting)) this.#drop(waiting);
    }
  }

  #drop(waiting: Waiting): void {
    this.#remove(waiting);
    this.#queueOf(waiting.stream).skip(waiting.sequence);
  }

  #add(waiting: Waiting): void {
    this.#queueOf(waiting.stream).add(waiting);
    this.#length += waiting.message.length;
    this.#size++;
  }

  #remove(waiting: Waiting): void {
    this.#queueOf(waiting.stream).remove(waiting);
    this.#length -= waiting.message.length;
    this.#size--;
  }
}

/** What waits for one stream, and what was dropped of it. */
class Queue {
  readonly stream: Stream;
  readonly byKey = new Map<string, Waiting>();
  /** Those without a key, which are bounded in number. */
  readonly events = new Ordered();
  readonly keyed = new Ordered();
  readonly all = [this.events, this.keyed];
  skipped = 0;
  #firstSkipped = Number.POSITIVE_INFINITY;

  constructor(stream: Stream) {
    this.stream = stream;
  }

  add(waiting: Waiting): void {
    const { key } = waiting.message;
    if (key === undefined) this.events.put(waiting);
    else {
      this.byKey.set(key, waiting);
      this.keyed.put(waiting);
    }
  }

  remove(waiting: Waiting): void {
    const { key } = waiting.message;
    if (key === undefined) this.events.delete(waiting);
    else {
      this.byKey.delete(key);
      this.keyed.delete(waiting);
    }
  }

  skip(sequence: number): void {
    this.skipped++;
    this.#firstSkipped = Math.min(this.#firstSkipped, sequence);
  }

  takeSkipped(): Skipped {
    const { stream, skipped: count } = this;
    const sinceSequence = stream.channel === MAIN ? undefined : this.#firstSkipped - 1;
    this.skipped = 0;
    this.#firstSkipped = Number.POSITIVE_INFINITY;
    return { stream, count, sinceSequence };
  }
}

/** Messages by priority, and of each in the order of their arrival. */
class Ordered {
  readonly #levels = PRIORITIES.map(() => new Map<number, Waiting>());

  get size(): number {
    return this.#levels.reduce((sum, { size }) => sum + size, 0);
  }

  /** At the end, or in the place of the one with the same number of arrival. */
  put(waiting: Waiting): void {
    this.#levelOf(waiting)?.set(waiting.arrival, waiting);
  }

  delete(waiting: Waiting): void {
    this.#levelOf(waiting)?.delete(waiting.arrival);
  }

  first(level: number): Waiting | undefined {
    for (const waiting of this.#levels[level]?.values() ?? []) return waiting;
    return undefined;
  }

  *values(): Iterable<Waiting> {
    for (const level of this.#levels) yield* level.values();
  }

  #levelOf({ message, stream }: Waiting) {
    return this.#levels[message.level === NORMAL ? stream.level : message.level];
  }
}

function oldest(among: readonly Ordered[], level: number): Waiting | undefined {
  let found: Waiting | undefined;
  for (const ordered of among) {
    const first = ordered.first(level);
    if (first && (!found || first.arrival < found.arrival)) found = first;
  }
  return found;
}
