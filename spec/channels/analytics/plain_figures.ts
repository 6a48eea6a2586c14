import { DDSketch } from '@datadog/sketches-js';
import { INTERVALS_MS, type Interval, PERIODS_MS, type Period } from '../../../channels/analytics/periods.ts';
import { usdc } from '../../../channels/kernel/money.ts';

/** An agent's deed, as a spec writes it down when it is done for the first time. */
export type Deed = { readonly atMs: number } & (
  | { readonly did: 'create_task'; readonly client: string; readonly provider: string }
  | {
      readonly did: 'end_task';
      readonly client: string;
      readonly provider: string;
      readonly as: 'completed' | 'failed' | 'cancelled';
      readonly createdAtMs: number;
      readonly capability: string | null;
      readonly priceMicro: bigint | null;
    }
  | { readonly did: 'send' | 'acknowledge' | 'reject'; readonly from: string }
  | { readonly did: 'open' | 'agree' | 'disagree'; readonly client: string; readonly provider: string }
  | { readonly did: 'pay' | 'move_by_close'; readonly from: string; readonly to: string; readonly micro: bigint }
  | { readonly did: 'dispute'; readonly one: string; readonly other: string }
  | { readonly did: 'open_talk' | 'ask' | 'end_talk'; readonly agent: string }
  /** With when the question was asked of which it was the final answer. */
  | { readonly did: 'answer'; readonly agent: string; readonly askedAtMs: number | null }
  | { readonly did: 'pay_from_credits'; readonly agent: string; readonly micro: bigint }
  | { readonly did: 'look'; readonly online: readonly string[] }
);

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Agents whose figures are added up; `undefined`: all, everything once. */
export type Whose = readonly string[] | undefined;

const edgeMs = (period: Period) => (PERIODS_MS[period] > 86_400_000 ? HOUR_MS : MINUTE_MS);

function within(deeds: readonly Deed[], period: Period, nowMs: number): Deed[] {
  const fromMs = Math.floor((nowMs - PERIODS_MS[period]) / edgeMs(period)) * edgeMs(period);
  return deeds.filter(({ atMs }) => atMs >= fromMs && atMs <= nowMs);
}

/** Returns how often a deed counts for these agents. */
function times(deed: Deed, whose: Whose): number {
  const parties = Object.entries(deed).flatMap(([name, value]) =>
    ['client', 'provider', 'from', 'to', 'one', 'other', 'agent'].includes(name) ? [value as string] : [],
  );
  if (!whose) return 1;
  const counted =
    deed.did === 'send' || deed.did === 'acknowledge' || deed.did === 'reject' ? parties : new Set(parties);
  return [...counted].filter((party) => whose.includes(party)).length;
}

const sum = (deeds: readonly Deed[], whose: Whose, is: (deed: Deed) => boolean) =>
  deeds.filter(is).reduce((all, deed) => all + times(deed, whose), 0);
const did = (what: Deed['did']) => (deed: Deed) => deed.did === what;
const ended = (as: string) => (deed: Deed) => deed.did === 'end_task' && deed.as === as;

function provided(deeds: readonly Deed[], whose: Whose, as: string): number {
  return deeds.filter((deed) => deed.did === 'end_task' && deed.as === as && (!whose || whose.includes(deed.provider)))
    .length;
}

function durations(deeds: readonly Deed[], whose: Whose): number[] {
  return deeds.flatMap((deed) =>
    deed.did === 'end_task' && deed.as === 'completed'
      ? new Array<number>(times(deed, whose)).fill(deed.atMs - deed.createdAtMs)
      : [],
  );
}

function executions(deeds: readonly Deed[], whose: Whose): number[] {
  return deeds.flatMap((deed) =>
    deed.did === 'answer' && deed.askedAtMs !== null && times(deed, whose) > 0 ? [deed.atMs - deed.askedAtMs] : [],
  );
}

const spread = (values: readonly number[]) => ({
  mean: values.length === 0 ? null : Math.round(values.reduce((a, b) => a + b, 0) / values.length),
  p50: quantile(values, 0.5),
  p90: quantile(values, 0.9),
  p99: quantile(values, 0.99),
});

function quantile(values: readonly number[], at: number): number | null {
  if (values.length === 0) return null;
  const sketch = new DDSketch({ relativeAccuracy: 0.01 });
  for (const value of values) sketch.accept(value);
  return Math.round(sketch.getValueAtQuantile(at) * 1_000) / 1_000;
}

function moved(deeds: readonly Deed[], way: 'from' | 'to', whose: Whose, other?: string): bigint {
  const otherWay = way === 'from' ? 'to' : 'from';
  return deeds.reduce((all, deed) => {
    if (deed.did !== 'pay' && deed.did !== 'move_by_close') return all;
    const counts = whose?.includes(deed[way]) && (other === undefined || deed[otherWay] === other);
    return counts ? all + deed.micro : all;
  }, 0n);
}

export function plainMetrics(all: readonly Deed[], whose: Whose, period: Period, nowMs: number) {
  const deeds = within(all, period, nowMs);
  const [completed, failed] = [provided(deeds, whose, 'completed'), provided(deeds, whose, 'failed')];
  const answered = executions(deeds, whose);
  const fromCredits = deeds.filter((deed) => deed.did === 'pay_from_credits' && times(deed, whose) > 0);
  const paid = deeds.reduce(
    (micro, deed) => (deed.did === 'pay' ? micro + BigInt(times(deed, whose)) * deed.micro : micro),
    0n,
  );
  return {
    period,
    from: new Date(nowMs - PERIODS_MS[period]).toISOString(),
    to: new Date(nowMs).toISOString(),
    tasks: {
      created: sum(deeds, whose, did('create_task')),
      completed: sum(deeds, whose, ended('completed')),
      failed: sum(deeds, whose, ended('failed')),
      cancelled: sum(deeds, whose, ended('cancelled')),
      success_rate: completed + failed === 0 ? null : completed / (completed + failed),
      duration_ms: spread(durations(deeds, whose)),
    },
    messages: {
      sent: sum(deeds, whose, did('send')),
      acknowledged: sum(deeds, whose, did('acknowledge')),
      rejected: sum(deeds, whose, did('reject')),
    },
    negotiations: {
      opened: sum(deeds, whose, did('open')),
      agreed: sum(deeds, whose, did('agree')),
      rejected: sum(deeds, whose, did('disagree')),
    },
    payments: {
      transfers: sum(deeds, whose, did('pay')),
      volume: usdc(paid),
      disputes: sum(deeds, whose, did('dispute')),
    },
    sessions: {
      opened: sum(deeds, whose, did('open_talk')),
      closed: sum(deeds, whose, did('end_talk')),
      messages: sum(deeds, whose, did('ask')) + sum(deeds, whose, did('answer')),
      executions: answered.length,
      execution_ms: spread(answered),
      payments: fromCredits.length,
      credits: usdc(fromCredits.reduce((all, deed) => ('micro' in deed ? all + deed.micro : all), 0n)),
    },
    ...(whose && { revenue: usdc(moved(deeds, 'to', whose)), spend: usdc(moved(deeds, 'from', whose)) }),
  };
}

export function plainSeries(
  all: readonly Deed[],
  whose: Whose,
  metric: string,
  period: Period,
  interval: Interval,
  nowMs: number,
) {
  const widthMs = INTERVALS_MS[interval];
  const startOf = (atMs: number) => Math.floor(atMs / widthMs) * widthMs;
  const deeds = new Map<number, Deed[]>();
  for (const deed of within(all, period, nowMs)) {
    const start = startOf(deed.atMs);
    deeds.set(start, [...(deeds.get(start) ?? []), deed]);
  }
  const points: { t: string; value: number | string | null }[] = [];
  for (let t = startOf(nowMs - PERIODS_MS[period]); t <= nowMs; t += widthMs) {
    points.push({ t: new Date(t).toISOString(), value: plainValue(deeds.get(t) ?? [], whose, metric) });
  }
  return { metric, period, interval, points };
}

function plainValue(deeds: readonly Deed[], whose: Whose, metric: string): number | string | null {
  switch (metric) {
    case 'tasks_created':
      return sum(deeds, whose, did('create_task'));
    case 'tasks_completed':
      return sum(deeds, whose, ended('completed'));
    case 'tasks_failed':
      return sum(deeds, whose, ended('failed'));
    case 'task_duration_p50':
      return quantile(durations(deeds, whose), 0.5);
    case 'task_duration_p99':
      return quantile(durations(deeds, whose), 0.99);
    case 'messages_sent':
      return sum(deeds, whose, did('send'));
    case 'transfers':
      return sum(deeds, whose, did('pay'));
    case 'revenue':
      return usdc(moved(deeds, 'to', whose));
    case 'spend':
      return usdc(moved(deeds, 'from', whose));
    default:
      return plainOnline(deeds, whose);
  }
}

function plainOnline(deeds: readonly Deed[], whose: Whose): number {
  const looks = deeds.filter((deed) => deed.did === 'look');
  if (looks.length === 0) return 0;
  if (!whose) return rounded(looks.reduce((all, { online }) => all + online.length, 0) / looks.length);
  const minuteOf = ({ atMs }: Deed) => Math.floor(atMs / MINUTE_MS);
  const seen = new Set(
    looks.flatMap((look) =>
      look.online.filter((agent) => whose.includes(agent)).map((agent) => `${agent} ${minuteOf(look)}`),
    ),
  );
  return rounded(seen.size / new Set(looks.map(minuteOf)).size);
}

const rounded = (value: number) => Math.round(value * 1_000) / 1_000;

export function plainRevenue(all: readonly Deed[], whose: readonly string[], period: Period, nowMs: number) {
  const deeds = within(all, period, nowMs);
  const byAgent = new Map<string, { micro: bigint; transfers: number }>();
  const byCapability = new Map<string | null, bigint>();
  for (const deed of deeds) {
    if ((deed.did === 'pay' || deed.did === 'move_by_close') && whose.includes(deed.to)) {
      const { micro, transfers } = byAgent.get(deed.from) ?? { micro: 0n, transfers: 0 };
      byAgent.set(deed.from, { micro: micro + deed.micro, transfers: transfers + (deed.did === 'pay' ? 1 : 0) });
    }
    if (
      deed.did === 'end_task' &&
      deed.as === 'completed' &&
      deed.priceMicro !== null &&
      whose.includes(deed.provider)
    ) {
      byCapability.set(deed.capability, (byCapability.get(deed.capability) ?? 0n) + deed.priceMicro);
    }
  }
  const [total, spend] = [moved(deeds, 'to', whose), moved(deeds, 'from', whose)];
  return {
    period,
    currency: 'USDC',
    total: usdc(total),
    spend: usdc(spend),
    net: usdc(total - spend),
    by_counterparty: [...byAgent]
      .map(([agent_id, { micro, transfers }]) => ({ agent_id, amount: usdc(micro), transfers }))
      .sort((a, b) => Number(b.amount) - Number(a.amount) || (a.agent_id < b.agent_id ? -1 : 1)),
    by_capability: [...byCapability]
      .map(([capability, micro]) => ({ capability, amount: usdc(micro) }))
      .sort((a, b) => Number(b.amount) - Number(a.amount) || ((a.capability ?? '') < (b.capability ?? '') ? -1 : 1)),
  };
}

export function plainHeatmap(all: readonly Deed[], whose: Whose, period: Period, nowMs: number) {
  const cells = Array.from({ length: 7 }, () => new Array<number>(24).fill(0));
  for (const deed of within(all, period, nowMs)) {
    if (deed.did !== 'create_task' && deed.did !== 'end_task' && deed.did !== 'pay') continue;
    const at = new Date(deed.atMs);
    const hours = cells[(at.getUTCDay() + 6) % 7];
    if (hours) hours[at.getUTCHours()] = (hours[at.getUTCHours()] ?? 0) + times(deed, whose);
  }
  return { period, timezone: 'UTC', cells, max: Math.max(...cells.flat()) };
}
