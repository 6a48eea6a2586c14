import type { IndexHit } from '../../../server/store/index.ts';

/** A position in the one order of all lists: newest first, then by id. It never changes. */
export interface ListPosition {
  readonly atMs: number;
  readonly id: string;
}

/** So that later ones sort first; good until the year 2286. */
const END_OF_TIME_MS = 9_999_999_999_999;
const DIGITS = 13;

/** The key of something in an index by creation. @param insertedAtMs when it was made, by the store's clock */
export const placeKey = (insertedAtMs: number) => String(END_OF_TIME_MS - insertedAtMs).padStart(DIGITS, '0');

/** Converts between positions in a list and hits of an index, for indexes in one order. */
export interface Order {
  positionOf(hit: IndexHit): ListPosition;
  /** The hit behind which an index goes on after a position. */
  behind(position: ListPosition): IndexHit;
  /** Text that sorts as the index does, so that several can be merged. */
  sortKey(hit: IndexHit): string;
}

const timeOf = (key: string) => END_OF_TIME_MS - Number(key.slice(0, DIGITS));

/** Keys that are a `placeKey` and nothing else. */
export const byCreation: Order = {
  positionOf: ({ key, id }) => ({ atMs: timeOf(key), id }),
  behind: ({ atMs, id }) => ({ key: placeKey(atMs), id }),
  sortKey: ({ key, id }) => `${key}\0${id}\0`,
};

/** Keys that go on behind time and id: `time:id:…`. */
export const byCreationAndMore: Order = {
  positionOf: ({ key, id }) => ({ atMs: timeOf(key), id }),
  behind: ({ atMs, id }) => ({ key: `${placeKey(atMs)}:${id}:\u007f`, id }),
  sortKey: ({ key, id }) => `${key.slice(0, DIGITS)}:${id}:`,
};
