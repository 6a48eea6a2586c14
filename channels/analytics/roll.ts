import type { StreamChange } from '../../server/store/index.ts';
import { type BucketStream, dayOfHour, HOURS_PER_DAY, hourOfMinute, MINUTES_PER_HOUR } from './buckets.ts';
import { addFigures, type Figures, figuresText, noFigures } from './figures.ts';

export type Buckets = Map<number, Figures>;
export type AllBuckets = Readonly<Record<BucketStream, Buckets>>;

/** Range of buckets that a step reads: a position and a count. */
export interface Span {
  readonly from: number;
  readonly count: number;
}

/** The buckets that `roll` needs: those that it adds to, and all of the hours and days that it closes. */
export function needed(
  added: ReadonlyMap<number, Figures>,
  openHour: number,
  nextHour: number,
): Readonly<Record<BucketStream, Span>> {
  const minutes = [...added.keys()];
  const late = minutes.map(hourOfMinute).filter((hour) => hour < openHour);
  const isClosing = nextHour > openHour;
  const openDay = dayOfHour(openHour);
  const lateDays = late.map(dayOfHour).filter((day) => day < openDay);
  const closesDay = dayOfHour(nextHour) > openDay;
  return {
    minutes: span([
      ...minutes,
      ...(isClosing ? [openHour * MINUTES_PER_HOUR, (openHour + 1) * MINUTES_PER_HOUR - 1] : []),
    ]),
    hours: span([...late, ...(closesDay ? [openDay * HOURS_PER_DAY, (openDay + 1) * HOURS_PER_DAY - 1] : [])]),
    days: span(lateDays),
  };
}

/**
 * Adds figures to their minutes, and to the hours and days that are closed already; then closes hours and days up to
 * `nextHour`. What an hour or day is closed with is the sum of what it consists of, so sums stay equal.
 */
export function roll(
  known: AllBuckets,
  added: ReadonlyMap<number, Figures>,
  openHour: number,
  nextHour: number,
): { readonly entries: StreamChange[]; readonly changesClosed: boolean } {
  const openDay = dayOfHour(openHour);
  const touched: AllBuckets = { minutes: new Map(), hours: new Map(), days: new Map() };
  const add = (stream: BucketStream, position: number, figures: Figures) => {
    const sum = touched[stream].get(position) ?? addFigures(noFigures(), known[stream].get(position) ?? noFigures());
    touched[stream].set(position, addFigures(sum, figures));
  };
  let changesClosed = false;
  for (const [minute, figures] of added) {
    const hour = hourOfMinute(minute);
    add('minutes', minute, figures);
    if (hour < openHour) add('hours', hour, figures);
    if (dayOfHour(hour) < openDay) add('days', dayOfHour(hour), figures);
    changesClosed ||= hour < openHour;
  }
  if (nextHour > openHour) {
    const isClosing = (minute: number) => hourOfMinute(minute) >= openHour && hourOfMinute(minute) < nextHour;
    for (const [minute, figures] of merged(known.minutes, touched.minutes)) {
      if (isClosing(minute)) add('hours', hourOfMinute(minute), figures);
    }
    const isDayClosing = (hour: number) => dayOfHour(hour) >= openDay && dayOfHour(hour) < dayOfHour(nextHour);
    for (const [hour, figures] of merged(known.hours, touched.hours)) {
      if (isDayClosing(hour)) add('days', dayOfHour(hour), figures);
    }
  }
  return {
    entries: (['minutes', 'hours', 'days'] as const).flatMap((stream) => changes(stream, touched[stream])),
    changesClosed,
  };
}

const merged = (known: Buckets, touched: Buckets): Buckets => new Map([...known, ...touched]);

const changes = (stream: BucketStream, buckets: Buckets): StreamChange[] =>
  [...buckets].map(([position, figures]) => ({ stream, position, value: figuresText(figures) }));

function span(positions: readonly number[]): Span {
  if (positions.length === 0) return { from: 0, count: 0 };
  const from = Math.min(...positions);
  return { from, count: Math.max(...positions) - from + 1 };
}
