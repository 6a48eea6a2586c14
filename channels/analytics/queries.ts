import { inTurn } from '../kernel/in_turn.ts';
import { iso } from '../kernel/iso.ts';
import { usdc } from '../kernel/money.ts';
import { DAY_MS, HOUR_MS, HOURS_PER_DAY } from './buckets.ts';
import { quantilesMs, type Sketch } from './durations.ts';
import {
  addFigures,
  byAmount,
  type Count,
  countOf,
  type Figures,
  MAX_NAMED,
  type Money,
  moneyOf,
  noFigures,
} from './figures.ts';
import { type Grain, grainFor, type History, type Piece } from './history.ts';
import { bucketStartsMs, INTERVALS_MS, type Interval, type Period, type Window, windowOf } from './periods.ts';
import { GLOBAL, type Scope } from './scope.ts';

/** Agents of a user that are read at a time. */
const AT_A_TIME = 32;

export const METRICS = [
  'tasks_created',
  'tasks_completed',
  'tasks_failed',
  'task_duration_p50',
  'task_duration_p99',
  'messages_sent',
  'transfers',
  'revenue',
  'spend',
  'online_agents',
] as const;
export type Metric = (typeof METRICS)[number];

export const isMetric = (text: string): text is Metric => (METRICS as readonly string[]).includes(text);
export const isMoneyMetric = (metric: Metric) => metric === 'revenue' || metric === 'spend';

export interface Point {
  readonly t: string;
  readonly value: number | string | null;
}

/** Computes what is answered (PROTOCOL.md, section 5.5), over the figures of one scope or the sum of several. */
export class Queries {
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
  }

  async sum(scopes: readonly Scope[], window: Window): Promise<Figures> {
    const sum = noFigures();
    await this.#each(scopes, window, 'days', ({ figures }) => addFigures(sum, figures));
    return sum;
  }

  /** @param isGlobal without what only the agents themselves may know */
  async metrics(scopes: readonly Scope[], period: Period, nowMs: number, isGlobal: boolean) {
    const window = windowOf(period, nowMs);
    const sum = await this.sum(scopes, window);
    const count = (name: Count) => countOf(sum, name);
    return {
      period,
      from: iso(window.fromMs),
      to: iso(window.toMs),
      tasks: {
        created: count('tasks_created'),
        completed: count('tasks_completed'),
        failed: count('tasks_failed'),
        cancelled: count('tasks_cancelled'),
        success_rate: successRate(sum),
        duration_ms: spread(sum.durations, count('duration_ms')),
      },
      messages: {
        sent: count('messages_sent'),
        acknowledged: count('messages_acknowledged'),
        rejected: count('messages_rejected'),
      },
      negotiations: {
        opened: count('negotiations_opened'),
        agreed: count('negotiations_agreed'),
        rejected: count('negotiations_rejected'),
      },
      payments: { transfers: count('transfers'), volume: usdc(moneyOf(sum, 'volume')), disputes: count('disputes') },
      sessions: {
        opened: count('sessions_opened'),
        closed: count('sessions_closed'),
        messages: count('session_messages'),
        executions: count('executions'),
        execution_ms: spread(sum.executions, count('execution_ms')),
        payments: count('session_payments'),
        credits: usdc(moneyOf(sum, 'credits')),
      },
      ...(!isGlobal && { revenue: usdc(moneyOf(sum, 'revenue')), spend: usdc(moneyOf(sum, 'spend')) }),
    };
  }

  async series(scopes: readonly Scope[], metric: Metric, period: Period, interval: Interval, nowMs: number) {
    const window = windowOf(period, nowMs);
    const starts = bucketStartsMs(window, interval);
    const widthMs = INTERVALS_MS[interval];
    const values =
      metric === 'online_agents'
        ? await this.#online(scopes, window, widthMs)
        : await this.#values(scopes, metric, window, widthMs);
    const nothing = metric.startsWith('task_duration') ? null : isMoneyMetric(metric) ? '0' : 0;
    const points = starts.map((startMs): Point => ({ t: iso(startMs), value: values.get(startMs) ?? nothing }));
    return { metric, period, interval, points };
  }

  async revenue(scopes: readonly Scope[], period: Period, nowMs: number) {
    const sum = await this.sum(scopes, windowOf(period, nowMs));
    const [total, spend] = [moneyOf(sum, 'revenue'), moneyOf(sum, 'spend')];
    const payers = [...sum.byCounterparty].map(([agent_id, received]) => ({ agent_id, ...received }));
    const capabilities = [...sum.byCapability].map(([name, amountMicro]) => ({ name, amountMicro }));
    return {
      period,
      currency: 'USDC',
      total: usdc(total),
      spend: usdc(spend),
      net: usdc(total - spend),
      by_counterparty: payers
        .sort((one, other) => byAmount(one.amountMicro, other.amountMicro) || byText(one.agent_id, other.agent_id))
        .slice(0, MAX_NAMED)
        .map(({ agent_id, amountMicro, transfers }) => ({ agent_id, amount: usdc(amountMicro), transfers })),
      by_capability: capabilities
        .sort((one, other) => byAmount(one.amountMicro, other.amountMicro) || byText(one.name, other.name))
        .slice(0, MAX_NAMED)
        .map(({ name, amountMicro }) => ({ capability: name === '' ? null : name, amount: usdc(amountMicro) })),
    };
  }

  async heatmap(scopes: readonly Scope[], period: Period, nowMs: number) {
    const cells = Array.from({ length: 7 }, () => new Array<number>(HOURS_PER_DAY).fill(0));
    await this.#each(scopes, windowOf(period, nowMs), 'hours', ({ startMs, figures }) => {
      const hours = cells[weekday(startMs)];
      const hour = Math.floor((startMs % DAY_MS) / HOUR_MS);
      if (hours) hours[hour] = (hours[hour] ?? 0) + activity(figures);
    });
    return { period, timezone: 'UTC', cells, max: Math.max(...cells.flat()) };
  }

  /** Part of the coordinations that ended approved, of those that ended in the last 24 h; `null` where none did. */
  async coordinationEfficiency(nowMs: number): Promise<number | null> {
    const sum = await this.sum([GLOBAL], windowOf('24h', nowMs));
    const ended = countOf(sum, 'coordinations_ended');
    return ended === 0 ? null : countOf(sum, 'coordinations_approved') / ended;
  }

  async #values(scopes: readonly Scope[], metric: Exclude<Metric, 'online_agents'>, window: Window, widthMs: number) {
    const sums = await this.#buckets(scopes, window, widthMs);
    return new Map([...sums].map(([startMs, sum]) => [startMs, metricOf(sum, metric)]));
  }

  /** Mean number of agents online; of one agent, the part of the minutes in which it was seen. */
  async #online(scopes: readonly Scope[], window: Window, widthMs: number) {
    const looks = await this.#buckets([GLOBAL], window, widthMs);
    const seen = new Map<number, number>();
    const isGlobal = scopes[0] === GLOBAL;
    const addSeen = async (scope: Scope) => {
      for (const { startMs, minutes } of await this.#history.seen(scope, window, grainFor(widthMs))) {
        const bucketMs = Math.floor(startMs / widthMs) * widthMs;
        seen.set(bucketMs, (seen.get(bucketMs) ?? 0) + minutes);
      }
    };
    if (!isGlobal) {
      await inTurn(
        scopes.map((scope) => () => addSeen(scope)),
        AT_A_TIME,
      );
    }
    const values = new Map<number, Point['value']>();
    for (const [startMs, sum] of looks) {
      const all = isGlobal ? countOf(sum, 'online_seen') : (seen.get(startMs) ?? 0);
      const looked = countOf(sum, isGlobal ? 'online_looks' : 'online_minutes');
      if (looked > 0) values.set(startMs, Math.round((all / looked) * 1_000) / 1_000);
    }
    return values;
  }

  /** The sums of all buckets in which there is anything. */
  async #buckets(scopes: readonly Scope[], window: Window, widthMs: number): Promise<Map<number, Figures>> {
    const sums = new Map<number, Figures>();
    await this.#each(scopes, window, grainFor(widthMs), ({ startMs, figures }) => {
      const bucketMs = Math.floor(startMs / widthMs) * widthMs;
      const sum = sums.get(bucketMs) ?? noFigures();
      sums.set(bucketMs, addFigures(sum, figures));
    });
    return sums;
  }

  /** Pieces of one scope at a time: all of those of a user with many agents would be too many to hold. */
  async #each(scopes: readonly Scope[], window: Window, grain: Grain, take: (piece: Piece) => void): Promise<void> {
    const takeAll = async (scope: Scope) => {
      for (const piece of await this.#history.pieces(scope, window, grain)) take(piece);
    };
    await inTurn(
      scopes.map((scope) => () => takeAll(scope)),
      AT_A_TIME,
    );
  }
}

/** As provider; `null` where no task ended. */
export function successRate(figures: Figures): number | null {
  const [completed, failed] = [countOf(figures, 'provided_completed'), countOf(figures, 'provided_failed')];
  return completed + failed === 0 ? null : completed / (completed + failed);
}

/** @param totalMs sum of the durations */
function spread(durations: Sketch, totalMs: number) {
  const [p50 = null, p90 = null, p99 = null] = quantilesMs(durations, [0.5, 0.9, 0.99]);
  const timed = [...durations.values()].reduce((all, one) => all + one, 0);
  return { mean: timed === 0 ? null : Math.round(totalMs / timed), p50, p90, p99 };
}

function metricOf(figures: Figures, metric: Exclude<Metric, 'online_agents'>): Point['value'] {
  switch (metric) {
    case 'revenue':
    case 'spend':
      return usdc(moneyOf(figures, metric satisfies Money));
    case 'task_duration_p50':
      return quantilesMs(figures.durations, [0.5])[0] ?? null;
    case 'task_duration_p99':
      return quantilesMs(figures.durations, [0.99])[0] ?? null;
    default:
      return countOf(figures, metric);
  }
}

/** Tasks created, tasks ended and transfers executed. */
const activity = (figures: Figures) =>
  (['tasks_created', 'tasks_completed', 'tasks_failed', 'tasks_cancelled', 'transfers'] as const).reduce(
    (sum, name) => sum + countOf(figures, name),
    0,
  );

/** Monday is 0; the epoch was a Thursday. */
const weekday = (ms: number) => (Math.floor(ms / DAY_MS) + 3) % 7;

const byText = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
