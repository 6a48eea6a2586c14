import { addSketch, type Sketch } from './durations.ts';

/** Figures of one agent, or of all, over a stretch of time. An absent one is 0. */
export interface Figures {
  counts: Partial<Record<Count, number>>;
  money: Partial<Record<Money, bigint>>;
  /** Durations of completed tasks. */
  durations: Sketch;
  /** Durations of executions that have ended. */
  executions: Sketch;
  /** Received amounts, by the agent that paid. */
  byCounterparty: Map<string, Received>;
  /** Prices of completed tasks, by capability; those without one under the empty text. */
  byCapability: Map<string, bigint>;
}

export const COUNTS = [
  'tasks_created',
  'tasks_completed',
  'tasks_failed',
  'tasks_cancelled',
  /** As provider. */
  'provided_completed',
  'provided_failed',
  'messages_sent',
  'messages_acknowledged',
  'messages_rejected',
  'negotiations_opened',
  'negotiations_agreed',
  'negotiations_rejected',
  'transfers',
  'disputes',
  /** Milliseconds, of completed tasks. */
  'duration_ms',
  /** Samples of online agents: which agents, their number summed over the samples, and the minutes with a sample. */
  'online_looks',
  'online_seen',
  'online_minutes',
  'sessions_opened',
  'sessions_closed',
  'session_messages',
  /** Executions that have ended, and their milliseconds. */
  'executions',
  'execution_ms',
  'session_payments',
  /** Of all agents together. */
  'coordinations_ended',
  'coordinations_approved',
  /** As provider: tasks that began; completed ones of which that is known, and their milliseconds from then on. */
  'provided_started',
  'provided_timed',
  'provided_run_ms',
  /** Of the messages to it. */
  'received_acknowledged',
  'received_rejected',
  'received_expired',
] as const;
export type Count = (typeof COUNTS)[number];

/** `credits`: what sessions have paid. */
export const MONEY = ['volume', 'revenue', 'spend', 'credits'] as const;
export type Money = (typeof MONEY)[number];

export interface Received {
  readonly amountMicro: bigint;
  readonly transfers: number;
}

/**
 * Counterparties and capabilities that a bucket and an answer name: those that brought most. Both are as many as
 * strangers like, and what a bucket costs has to have a bound.
 */
export const MAX_NAMED = 1_000;

export const noFigures = (): Figures => ({
  counts: {},
  money: {},
  durations: new Map(),
  executions: new Map(),
  byCounterparty: new Map(),
  byCapability: new Map(),
});

export const countOf = ({ counts }: Figures, name: Count) => counts[name] ?? 0;
export const moneyOf = ({ money }: Figures, name: Money) => money[name] ?? 0n;

/** Adds `more` to `sum`, in place. */
export function addFigures(sum: Figures, more: Figures): Figures {
  for (const name of Object.keys(more.counts) as Count[]) addCount(sum, name, countOf(more, name));
  for (const name of Object.keys(more.money) as Money[]) addMoney(sum, name, moneyOf(more, name));
  addSketch(sum.durations, more.durations);
  addSketch(sum.executions, more.executions);
  for (const [agent, { amountMicro, transfers }] of more.byCounterparty) {
    addReceived(sum, agent, amountMicro, transfers);
  }
  for (const [capability, amountMicro] of more.byCapability) addEarned(sum, capability, amountMicro);
  return sum;
}

export function addCount({ counts }: Figures, name: Count, by: number): void {
  counts[name] = (counts[name] ?? 0) + by;
}

export function addMoney({ money }: Figures, name: Money, byMicro: bigint): void {
  money[name] = (money[name] ?? 0n) + byMicro;
}

export function addReceived({ byCounterparty }: Figures, from: string, amountMicro: bigint, transfers: number): void {
  const before = byCounterparty.get(from);
  byCounterparty.set(from, {
    amountMicro: (before?.amountMicro ?? 0n) + amountMicro,
    transfers: (before?.transfers ?? 0) + transfers,
  });
}

export function addEarned({ byCapability }: Figures, capability: string, amountMicro: bigint): void {
  byCapability.set(capability, (byCapability.get(capability) ?? 0n) + amountMicro);
}

/** The largest first. */
export const byAmount = (one: bigint, other: bigint) => (one === other ? 0 : one > other ? -1 : 1);

/** As a bucket keeps them: names by their place in the lists above, which therefore only grow. */
export function figuresText(figures: Figures): string {
  const { counts, money, durations, executions, byCounterparty, byCapability } = figures;
  return JSON.stringify({
    c: COUNTS.flatMap((name, at) => (counts[name] ? [at, counts[name]] : [])),
    ...(Object.keys(money).length > 0 && {
      m: MONEY.flatMap((name, at) => (money[name] ? [at, String(money[name])] : [])),
    }),
    ...(durations.size > 0 && { d: [...durations].flat() }),
    ...(executions.size > 0 && { e: [...executions].flat() }),
    ...(byCounterparty.size > 0 && {
      p: most(byCounterparty, ({ amountMicro }) => amountMicro).map(([agent, { amountMicro, transfers }]) => [
        agent,
        String(amountMicro),
        transfers,
      ]),
    }),
    ...(byCapability.size > 0 && {
      k: most(byCapability, (amountMicro) => amountMicro).map(([name, amountMicro]) => [name, String(amountMicro)]),
    }),
  });
}

function most<V>(named: ReadonlyMap<string, V>, amountOf: (value: V) => bigint): [name: string, V][] {
  const all = [...named];
  if (all.length <= MAX_NAMED) return all;
  return all.sort(([, one], [, other]) => byAmount(amountOf(one), amountOf(other))).slice(0, MAX_NAMED);
}

interface Kept {
  readonly c: readonly number[];
  readonly m?: readonly (number | string)[];
  readonly d?: readonly number[];
  readonly e?: readonly number[];
  readonly p?: readonly (readonly [agent: string, amountMicro: string, transfers: number])[];
  readonly k?: readonly (readonly [capability: string, amountMicro: string])[];
}

/** Fills in 0 for what an earlier version did not keep. */
export function parseFigures(text: string): Figures {
  const { c, m = [], d = [], e = [], p = [], k = [] } = JSON.parse(text) as Kept;
  const figures = noFigures();
  for (let at = 0; at < c.length; at += 2) {
    const name = COUNTS[c[at] ?? -1];
    if (name) figures.counts[name] = c[at + 1] ?? 0;
  }
  for (let at = 0; at < m.length; at += 2) {
    const name = MONEY[Number(m[at])];
    if (name) figures.money[name] = BigInt(m[at + 1] ?? 0);
  }
  for (let at = 0; at < d.length; at += 2) figures.durations.set(d[at] ?? 0, d[at + 1] ?? 0);
  for (let at = 0; at < e.length; at += 2) figures.executions.set(e[at] ?? 0, e[at + 1] ?? 0);
  for (const [agent, amount, transfers] of p)
    figures.byCounterparty.set(agent, { amountMicro: BigInt(amount), transfers });
  for (const [name, amount] of k) figures.byCapability.set(name, BigInt(amount));
  return figures;
}
