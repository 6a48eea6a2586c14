import { LRUCache } from 'lru-cache';
import type { Store } from '../../server/store/index.ts';
import {
  BUCKET_MS,
  type BucketStream,
  DAY_MS,
  dayOfHour,
  HOUR_MS,
  HOURS_PER_DAY,
  MINUTE_MS,
  MINUTES_PER_HOUR,
  SEEN,
} from './buckets.ts';
import { type Figures, parseFigures } from './figures.ts';
import type { FiguresStore } from './figures_store.ts';
import { newHead } from './head.ts';
import type { Window } from './periods.ts';
import { aggregateOf, type Scope } from './scope.ts';

/** The figures of a bucket. Do not change them: they are shared with the cache. */
export interface Piece {
  readonly startMs: number;
  readonly figures: Figures;
}

/** A minute or an hour, and in how many of its minutes an agent was seen. */
export interface Seen {
  readonly startMs: number;
  readonly minutes: number;
}

/** Widest bucket to read where only the sum matters. */
export type Grain = 'minutes' | 'hours' | 'days';

/** Pieces. */
const MAX_REMEMBERED = 20_000;

interface Reading {
  readonly pieces: Promise<readonly Piece[]>;
}

/** Reads the buckets of scopes. Closed hours and days do not change, so those of a window are remembered. */
export class History {
  readonly #store: Pick<Store, 'range'>;
  readonly #figuresStore: Pick<FiguresStore, 'read'>;
  /** By how many pieces there are; one that is being read counts as one. */
  readonly #remembered = new LRUCache<string, Reading>({ maxSize: MAX_REMEMBERED });

  constructor(store: Pick<Store, 'range'>, figuresStore: Pick<FiguresStore, 'read'>) {
    this.#store = store;
    this.#figuresStore = figuresStore;
  }

  /** The buckets of the window, in order, as few as the grain allows. */
  async pieces(scope: Scope, { fromMs, toMs, edgeMs }: Window, grain: Grain): Promise<Piece[]> {
    const firstMinute = Math.floor(fromMs / edgeMs) * (edgeMs / MINUTE_MS);
    const endMinute = Math.floor(toMs / MINUTE_MS) + 1;
    if (grain === 'minutes') return this.#fresh(scope, firstMinute, endMinute);

    const { head = newHead } = await this.#figuresStore.read(scope);
    const { openHour, revision } = head;
    const firstHour = Math.ceil(firstMinute / MINUTES_PER_HOUR);
    if (openHour <= firstHour) return this.#fresh(scope, firstMinute, endMinute);
    const edge = this.#fresh(scope, firstMinute, firstHour * MINUTES_PER_HOUR);
    const open = this.#fresh(scope, openHour * MINUTES_PER_HOUR, endMinute);
    const [firstDay, openDay] = [Math.ceil(firstHour / HOURS_PER_DAY), dayOfHour(openHour)];
    const closed =
      grain === 'days' && openDay > firstDay
        ? [
            this.#closed(scope, 'hours', firstHour, firstDay * HOURS_PER_DAY, revision),
            this.#closed(scope, 'days', firstDay, openDay, revision),
            this.#closed(scope, 'hours', openDay * HOURS_PER_DAY, openHour, revision),
          ]
        : [this.#closed(scope, 'hours', firstHour, openHour, revision)];
    return (await Promise.all([edge, ...closed, open])).flat();
  }

  /** In how many minutes an agent was seen online: by minute, or by hour where the grain allows. */
  async seen(scope: Scope, { fromMs, toMs, edgeMs }: Window, grain: Grain): Promise<Seen[]> {
    const firstMs = Math.floor(fromMs / edgeMs) * edgeMs;
    const firstHour = Math.floor(firstMs / HOUR_MS);
    const count = Math.floor(toMs / HOUR_MS) - firstHour + 1;
    const entries = await this.#store.range(aggregateOf(scope), SEEN, firstHour, count);
    return entries.flatMap(({ position, value }) => {
      const hourMs = position * HOUR_MS;
      const bits = BigInt(`0x${value}`);
      const starts: number[] = [];
      for (let minute = 0; minute < MINUTES_PER_HOUR; minute++) {
        const startMs = hourMs + minute * MINUTE_MS;
        if (startMs >= firstMs && startMs <= toMs && (bits >> BigInt(minute)) & 1n) starts.push(startMs);
      }
      if (grain !== 'minutes') return [{ startMs: hourMs, minutes: starts.length }];
      return starts.map((startMs) => ({ startMs, minutes: 1 }));
    });
  }

  #closed(scope: Scope, stream: BucketStream, from: number, end: number, revision: number): Promise<readonly Piece[]> {
    if (end <= from) return Promise.resolve([]);
    const key = [scope.kind, scope.id, stream, from, end, revision].join(' ');
    const known = this.#remembered.get(key);
    if (known) return known.pieces;
    const reading: Reading = { pieces: this.#read(scope, stream, from, end) };
    this.#remembered.set(key, reading, { size: 1 });
    const settle = (then: () => void) => {
      // It may have been dropped meanwhile, and be read anew.
      if (this.#remembered.peek(key) === reading) then();
    };
    reading.pieces.then(
      // Another object, as the cache weighs a value once.
      ({ length }) => settle(() => this.#remembered.set(key, { ...reading }, { size: length + 1 })),
      () => settle(() => this.#remembered.delete(key)),
    );
    return reading.pieces;
  }

  #fresh = (scope: Scope, from: number, end: number) => this.#read(scope, 'minutes', from, end);

  async #read(scope: Scope, stream: BucketStream, from: number, end: number): Promise<Piece[]> {
    if (end <= from) return [];
    const entries = await this.#store.range(aggregateOf(scope), stream, from, end - from);
    return entries
      .filter(({ position }) => position < end)
      .map(({ position, value }) => ({ startMs: position * BUCKET_MS[stream], figures: parseFigures(value) }));
  }
}

/** The grain whose pieces do not straddle stretches of this width. */
export const grainFor = (widthMs: number): Grain =>
  widthMs % DAY_MS === 0 ? 'days' : widthMs % HOUR_MS === 0 ? 'hours' : 'minutes';
