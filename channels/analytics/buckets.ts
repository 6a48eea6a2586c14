export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export const MINUTES_PER_HOUR = 60;
export const HOURS_PER_DAY = 24;

/** Retention of buckets, by their width. A closed hour holds the sum of its minutes, a closed day of its hours. */
export const RETENTION = {
  minutes: { hours: 48 },
  hours: { hours: 35 * HOURS_PER_DAY },
  days: { hours: 400 * HOURS_PER_DAY },
} as const;

/** The streams of a scope; an entry's position counts such stretches since the epoch. */
export type BucketStream = keyof typeof RETENTION;
export const BUCKET_STREAMS = Object.keys(RETENTION) as BucketStream[];

export const BUCKET_MS: Readonly<Record<BucketStream, number>> = { minutes: MINUTE_MS, hours: HOUR_MS, days: DAY_MS };

/** The minutes in which an agent was seen online, by hour. Kept as long as hours are. */
export const SEEN = 'seen';

export const dayOfHour = (hour: number) => Math.floor(hour / HOURS_PER_DAY);
export const hourOfMinute = (minute: number) => Math.floor(minute / MINUTES_PER_HOUR);
