import { DAY_MS, HOUR_MS, MINUTE_MS } from './buckets.ts';

export const PERIODS_MS = { '1h': HOUR_MS, '24h': DAY_MS, '7d': 7 * DAY_MS, '30d': 30 * DAY_MS } as const;
export type Period = keyof typeof PERIODS_MS;

export const INTERVALS_MS = { '1m': MINUTE_MS, '5m': 5 * MINUTE_MS, '1h': HOUR_MS, '1d': DAY_MS } as const;
export type Interval = keyof typeof INTERVALS_MS;

export const DEFAULT_INTERVAL: Readonly<Record<Period, Interval>> = {
  '1h': '1m',
  '24h': '5m',
  '7d': '1h',
  '30d': '1d',
};

/** A stretch of time that ends now. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
  /**
   * The width of its first bucket, which counts as a whole. Long periods begin with a whole hour: their minutes are no
   * longer kept.
   */
  readonly edgeMs: number;
}

export function windowOf(period: Period, nowMs: number): Window {
  const edgeMs = PERIODS_MS[period] > DAY_MS ? HOUR_MS : MINUTE_MS;
  return { fromMs: nowMs - PERIODS_MS[period], toMs: nowMs, edgeMs };
}

/** The starts of the buckets of a window, aligned to UTC, the first and the last partial. */
export function bucketStartsMs({ fromMs, toMs }: Window, interval: Interval): number[] {
  const widthMs = INTERVALS_MS[interval];
  const first = Math.floor(fromMs / widthMs);
  const last = Math.floor(toMs / widthMs);
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * widthMs);
}
