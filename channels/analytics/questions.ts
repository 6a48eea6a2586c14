import type { Refusal } from '../../server/index.ts';
import type { Store } from '../../server/store/index.ts';
import { refuse, refuseField } from '../kernel/reasons.ts';
import { bucketStartsMs, DEFAULT_INTERVAL, type Period, windowOf } from './periods.ts';
import { isMetric, isMoneyMetric, METRICS, type Queries } from './queries.ts';
import type { TimeSeriesPayload } from './schema.ts';
import { GLOBAL, type Scope } from './scope.ts';

export type Answered = { readonly ok: true; readonly answer: object } | Refusal;

const MAX_POINTS = 2_000;
const DEFAULT_PERIOD = '24h';

interface OfPeriod {
  readonly period: Period;
}

/** Queries about scopes, over channels and HTTP alike (PROTOCOL.md, section 5.5). */
export type Questions = ReturnType<typeof questionsTo>;

export function questionsTo(queries: Queries, store: Pick<Store, 'nowMs'>) {
  const isGlobal = (of: readonly Scope[]) => of[0] === GLOBAL;
  const answered = async (answer: Promise<object>): Promise<Answered> => ({ ok: true, answer: await answer });

  return {
    async metrics(of: readonly Scope[], { period }: OfPeriod): Promise<Answered> {
      return answered(queries.metrics(of, period, await store.nowMs(), isGlobal(of)));
    },

    async timeSeries(of: readonly Scope[], { metric, opts = {} }: TimeSeriesPayload): Promise<Answered> {
      const { period = DEFAULT_PERIOD } = opts;
      const { interval = DEFAULT_INTERVAL[period] } = opts;
      const nowMs = await store.nowMs();
      const points = bucketStartsMs(windowOf(period, nowMs), interval).length;
      if (points > MAX_POINTS) {
        return refuseField('/opts/interval', `must be longer: an answer has at most ${MAX_POINTS} points`);
      }
      if (!isMetric(metric)) return refuse('unknown_metric', { metrics: METRICS });
      if (isGlobal(of) && isMoneyMetric(metric)) return refuse('forbidden');
      return answered(queries.series(of, metric, period, interval, nowMs));
    },

    async revenue(of: readonly Scope[], { period }: OfPeriod): Promise<Answered> {
      return isGlobal(of) ? refuse('forbidden') : answered(queries.revenue(of, period, await store.nowMs()));
    },

    async heatmap(of: readonly Scope[], { period }: OfPeriod): Promise<Answered> {
      return answered(queries.heatmap(of, period, await store.nowMs()));
    },
  };
}
