import { isDeepStrictEqual } from 'node:util';
import {
  bucketStartsMs,
  INTERVALS_MS,
  type Interval,
  PERIODS_MS,
  type Period,
  windowOf,
} from '../../../channels/analytics/periods.ts';
import { METRICS } from '../../../channels/analytics/queries.ts';
import { AGENTS, OWNERS } from './day.ts';
import { type Deed, plainHeatmap, plainMetrics, plainRevenue, plainSeries, type Whose } from './plain_figures.ts';

export type Question =
  | { readonly event: 'request_metrics' | 'request_heatmap' | 'request_revenue'; readonly payload: { period: Period } }
  | {
      readonly event: 'request_time_series';
      readonly payload: {
        readonly metric: (typeof METRICS)[number];
        readonly opts: { readonly period: Period; readonly interval: Interval };
      };
    };

const PERIODS = Object.keys(PERIODS_MS) as Period[];
const INTERVALS = Object.keys(INTERVALS_MS) as Interval[];

export const agentsOf = (user: string) => AGENTS.filter((agent) => OWNERS[agent] === user);

/** Those of all agents, of each one, and of each user's. By the last part of their topics. */
export const SCOPES: Readonly<Record<string, Whose>> = {
  global: undefined,
  ...Object.fromEntries(AGENTS.map((agent) => [`agent:${agent}`, [agent]])),
  ...Object.fromEntries(['u1', 'u2'].map((user) => [`user:${user}`, agentsOf(user)])),
};

/** Every metric, period and interval that may be asked for. */
export function questionsAbout(whose: Whose, nowMs: number): Question[] {
  const metrics = METRICS.filter((metric) => whose || (metric !== 'revenue' && metric !== 'spend'));
  return PERIODS.flatMap((period): Question[] => [
    { event: 'request_metrics', payload: { period } },
    { event: 'request_heatmap', payload: { period } },
    ...(whose ? [{ event: 'request_revenue', payload: { period } } as const] : []),
    ...INTERVALS.filter((interval) => bucketStartsMs(windowOf(period, nowMs), interval).length <= 2_000).flatMap(
      (interval) =>
        metrics.map(
          (metric) => ({ event: 'request_time_series', payload: { metric, opts: { period, interval } } }) as const,
        ),
    ),
  ]);
}

/** Answers a question by simply counting deeds. */
export function plainAnswer({ event, payload }: Question, deeds: readonly Deed[], whose: Whose, nowMs: number): object {
  switch (event) {
    case 'request_metrics':
      return plainMetrics(deeds, whose, payload.period, nowMs);
    case 'request_heatmap':
      return plainHeatmap(deeds, whose, payload.period, nowMs);
    case 'request_revenue':
      return plainRevenue(deeds, whose ?? [], payload.period, nowMs);
    case 'request_time_series': {
      const { period, interval } = payload.opts;
      return plainSeries(deeds, whose, payload.metric, period, interval, nowMs);
    }
  }
}

/** As `toEqual`, which takes long to see that thousands of points are equal, and does not say whose. */
export function expectPlain(answer: object, plain: object, scope: string, { event, payload }: Question): void {
  if (isDeepStrictEqual(answer, plain)) return;
  try {
    expect(answer).toEqual(plain);
  } catch (error) {
    throw new Error(`${scope} ${event} ${JSON.stringify(payload)}: ${error instanceof Error ? error.message : error}`);
  }
}
