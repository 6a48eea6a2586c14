import { TRAFFIC_KINDS, type Traffic, type TrafficKind } from '../kernel/traffic.ts';
import type { PairItem, WindowItem } from './parts.ts';
import { SlidingWindow } from './window.ts';

/** Time without anything after which two agents have no edge. */
export const EDGE_MS = 600_000;
/** Pairs that one node counts; above, the tenth that was idle longest is forgotten. */
export const MAX_PAIRS = 10_000;
/** Interval at which one node records that a pair goes on. */
const RECORD_EVERY_MS = 60_000;
/** Pairs whose record waits for the store; the oldest of more than that have none. */
const MAX_UNRECORDED = 2 * MAX_PAIRS;

const KIND_NUMBERS = Object.fromEntries(TRAFFIC_KINDS.map((kind, at) => [kind, at])) as Record<TrafficKind, number>;

/** Times of the last of each kind, in the order of `TRAFFIC_KINDS`; 0: never. */
export type KindTimes = readonly [number, number, number, number];

/** Two agents, as this node has seen them. `from` < `to`. */
export class Pair {
  readonly from: string;
  readonly to: string;
  readonly lastMs: [number, number, number, number] = [0, 0, 0, 0];
  newestMs = 0;
  /** Messages, chunks, offers and transfers both ways. */
  sent = 0;
  /** Time from which what happens is recorded again. */
  recordFromMs = 0;
  isUnrecorded = false;
  isUntold = false;

  constructor(from: string, to: string) {
    this.from = from;
    this.to = to;
  }

  get item(): PairItem {
    return ['pair', this.from, this.to, [...this.lastMs], this.sent];
  }
}

/** What goes one way. */
class Direction {
  readonly from: string;
  readonly to: string;
  readonly pair: Pair;
  readonly window = new SlidingWindow();
  lastActivityMs = 0;
  /** The first second that was not told; infinite: all were. */
  untoldSecond = Number.POSITIVE_INFINITY;

  constructor(from: string, to: string, pair: Pair) {
    this.from = from;
    this.to = to;
    this.pair = pair;
  }

  item(second: number): WindowItem {
    return ['window', this.from, this.to, this.lastActivityMs, this.window.since(second)];
  }
}

/**
 * What has passed by commits of this node, by pair and direction. It is counted whether somebody watches or not, so that the
 * first one to do so finds what was.
 */
export class Counts {
  readonly #byFrom = new Map<string, Map<string, Direction>>();
  readonly #maxPairs: number;
  #pairs = 0;
  #isWatched = false;
  #untoldPairs: Pair[] = [];
  #untoldDirections: Direction[] = [];
  #unrecorded: Pair[] = [];
  readonly stats = { forgotten: 0, unrecorded: 0 };

  constructor(maxPairs = MAX_PAIRS) {
    this.#maxPairs = maxPairs;
  }

  get pairs(): number {
    return this.#pairs;
  }

  /** Counts what has passed: two look-ups and some additions, whatever is known. */
  add(traffic: Traffic): void {
    const { from, to, atMs, messages, settled } = traffic;
    if (from === null || from === to || traffic.message?.isCounted === false) return;
    const direction = this.#byFrom.get(from)?.get(to) ?? this.#open(from, to);
    const { pair } = direction;
    const kind = KIND_NUMBERS[traffic.kind];
    const isNew = (pair.lastMs[kind] as number) <= atMs - EDGE_MS;
    if (atMs > (pair.lastMs[kind] as number)) pair.lastMs[kind] = atMs;
    if (atMs > pair.newestMs) pair.newestMs = atMs;
    pair.sent += messages;
    if ((isNew || atMs >= pair.recordFromMs) && !pair.isUnrecorded) this.#toBeRecorded(pair);
    if (messages > 0 || settled) this.#count(direction, traffic);
    if (this.#isWatched && !pair.isUntold) {
      pair.isUntold = true;
      this.#untoldPairs.push(pair);
    }
  }

  /** All that is known of the last ten minutes. */
  *part(): Iterable<PairItem | WindowItem> {
    for (const direction of this.#directions()) {
      const { from, to, pair, window } = direction;
      // Once, where there is something both ways.
      if (from === pair.from || !this.#byFrom.get(to)?.has(from)) yield pair.item;
      if (!window.isEmpty) yield direction.item(0);
    }
  }

  /** Agents that are known to have to do with one of these. */
  partnersOf(agentIds: ReadonlySet<string>): Set<string> {
    const partners = new Set<string>();
    for (const { from, to } of this.#directions()) {
      if (agentIds.has(from)) partners.add(to);
      if (agentIds.has(to)) partners.add(from);
    }
    return partners;
  }

  /** From now on what was not told is gathered, or no more. */
  watch(isWatched: boolean): void {
    this.#isWatched = isWatched;
    if (!isWatched) this.takeUntold();
  }

  /** What has changed since this was called last, or since the watch began. */
  takeUntold(): (PairItem | WindowItem)[] {
    const items = [
      ...this.#untoldPairs.map((pair) => pair.item),
      ...this.#untoldDirections.map((direction) => direction.item(direction.untoldSecond)),
    ];
    for (const pair of this.#untoldPairs) pair.isUntold = false;
    for (const direction of this.#untoldDirections) direction.untoldSecond = Number.POSITIVE_INFINITY;
    this.#untoldPairs = [];
    this.#untoldDirections = [];
    return items;
  }

  /** Pairs that are to be recorded, at most `limit`; those that cannot be recorded now are given back. */
  takeUnrecorded(limit: number): Pair[] {
    const taken = this.#unrecorded.splice(0, limit);
    for (const pair of taken) {
      pair.isUnrecorded = false;
      pair.recordFromMs = pair.newestMs + RECORD_EVERY_MS;
    }
    return taken;
  }

  giveBack(pairs: readonly Pair[]): void {
    for (const pair of pairs) if (!pair.isUnrecorded) this.#toBeRecorded(pair);
  }

  /** Forgets what is over. */
  tidy(nowMs: number): void {
    for (const direction of this.#directions()) {
      if (direction.pair.newestMs <= nowMs - EDGE_MS) this.#forget(direction);
      else direction.window.forget(Math.floor(nowMs / 1_000));
    }
  }

  #count(direction: Direction, { atMs, messages, bytes, settled }: Traffic): void {
    const second = Math.floor(atMs / 1_000);
    if (messages > 0) direction.window.pass(second, messages, bytes);
    if (settled?.as === 'acknowledged') direction.window.acknowledge(second, settled.afterMs);
    else if (settled) direction.window.reject(second);
    if (atMs > direction.lastActivityMs) direction.lastActivityMs = atMs;
    if (!this.#isWatched) return;
    if (direction.untoldSecond === Number.POSITIVE_INFINITY) this.#untoldDirections.push(direction);
    if (second < direction.untoldSecond) direction.untoldSecond = second;
  }

  #toBeRecorded(pair: Pair): void {
    pair.isUnrecorded = true;
    this.#unrecorded.push(pair);
    if (this.#unrecorded.length <= MAX_UNRECORDED) return;
    for (const left of this.#unrecorded.splice(0, MAX_PAIRS)) left.isUnrecorded = false;
    this.stats.unrecorded += MAX_PAIRS;
  }

  #open(from: string, to: string): Direction {
    const back = this.#byFrom.get(to)?.get(from);
    if (!back && this.#pairs >= this.#maxPairs) this.#forgetIdlest();
    if (!back) this.#pairs++;
    const pair = back?.pair ?? (from < to ? new Pair(from, to) : new Pair(to, from));
    const direction = new Direction(from, to, pair);
    const ways = this.#byFrom.get(from);
    if (ways) ways.set(to, direction);
    else this.#byFrom.set(from, new Map([[to, direction]]));
    return direction;
  }

  #forgetIdlest(): void {
    const pairs = new Set([...this.#directions()].map(({ pair }) => pair));
    const byAge = [...pairs].sort((one, other) => one.newestMs - other.newestMs);
    const idlest = new Set(byAge.slice(0, Math.ceil(this.#maxPairs / 10)));
    for (const direction of this.#directions()) if (idlest.has(direction.pair)) this.#forget(direction);
    this.stats.forgotten += idlest.size;
  }

  #forget({ from, to }: Direction): void {
    const ways = this.#byFrom.get(from);
    ways?.delete(to);
    if (ways?.size === 0) this.#byFrom.delete(from);
    if (!this.#byFrom.get(to)?.has(from)) this.#pairs--;
  }

  *#directions(): Iterable<Direction> {
    for (const ways of this.#byFrom.values()) yield* ways.values();
  }
}
