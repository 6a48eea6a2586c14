import { countOf, type Figures, noFigures } from '../analytics/figures.ts';
import type { Performance } from './scene.ts';

/** Figures of an agent, of the last hour and the last 24. */
export interface Worked {
  readonly hour: Figures;
  readonly day: Figures;
}

export const nothingWorked: Worked = { hour: noFigures(), day: noFigures() };

/** What is known of an agent beside its figures. */
export interface Momentary {
  readonly sockets: number;
  readonly openedAtMs: number;
  readonly queued: number;
  /** What it last said of its machine, at most 60 s ago. */
  readonly vitals?: { readonly cpu: number | null; readonly memory: number | null } | undefined;
}

/** Fewer tasks in the hour do not make a trend. */
const MIN_TASKS = 5;
const HOURS = 24;
const RATE_STEP = 0.05;
const STEP = 0.1;

/** Figures and trends of one agent (VISUALISATION.md, section 9.4). @param nowMs by the clock of `openedAtMs` */
export function performanceOf({ hour, day }: Worked, momentary: Momentary, nowMs: number): Performance {
  const { sockets, openedAtMs, queued, vitals } = momentary;
  return {
    metrics: {
      tasksCompleted: countOf(day, 'provided_completed'),
      successRate: successRate(day),
      averageResponseTime: meanRunMs(day),
      resourceUtilization: vitals?.cpu ?? null,
      memoryUsage: vitals?.memory ?? null,
      communicationEfficiency: efficiency(day),
      uptime: sockets > 0 ? Math.max(0, nowMs - openedAtMs) : 0,
      messageQueueSize: queued,
      connectionCount: sockets,
    },
    trends: {
      successRateTrend: successTrend(hour, day),
      responseTrend: responseTrend(hour, day),
      loadTrend: loadTrend(hour, day),
    },
  };
}

/** The same but for the time that passes. */
export function isSamePerformance(one: Performance | null, other: Performance | null): boolean {
  return one === other || (one !== null && other !== null && textOf(one) === textOf(other));
}

const textOf = ({ metrics, trends }: Performance) => JSON.stringify([{ ...metrics, uptime: 0 }, trends]);

const ended = (figures: Figures) => countOf(figures, 'provided_completed') + countOf(figures, 'provided_failed');

const ratio = (part: number, all: number) => (all === 0 ? null : part / all);

const successRate = (figures: Figures) => ratio(countOf(figures, 'provided_completed'), ended(figures));

const meanRunMs = (figures: Figures) => ratio(countOf(figures, 'provided_run_ms'), countOf(figures, 'provided_timed'));

function efficiency(figures: Figures): number | null {
  const acknowledged = countOf(figures, 'received_acknowledged');
  const others = countOf(figures, 'received_rejected') + countOf(figures, 'received_expired');
  return ratio(acknowledged, acknowledged + others);
}

function successTrend(hour: Figures, day: Figures): Performance['trends']['successRateTrend'] {
  const [now, usual] = [successRate(hour), successRate(day)];
  if (ended(hour) < MIN_TASKS || now === null || usual === null) return 'unknown';
  // In ten-thousandths, as 0.95 - 0.9 is less than 0.05.
  const difference = Math.round((now - usual) * 10_000) / 10_000;
  if (Math.abs(difference) < RATE_STEP) return 'stable';
  return difference > 0 ? 'improving' : 'declining';
}

function responseTrend(hour: Figures, day: Figures): Performance['trends']['responseTrend'] {
  const [now, usual] = [meanRunMs(hour), meanRunMs(day)];
  if (countOf(hour, 'provided_timed') < MIN_TASKS || now === null || usual === null) return 'unknown';
  return trendOf(now, usual, 'improving', 'degrading');
}

function loadTrend(hour: Figures, day: Figures): Performance['trends']['loadTrend'] {
  const now = countOf(hour, 'provided_started');
  if (now < MIN_TASKS) return 'unknown';
  return trendOf(now, countOf(day, 'provided_started') / HOURS, 'decreasing', 'increasing');
}

/** Where the hour differs from what is usual by a tenth or more. */
function trendOf<Less, More>(now: number, usual: number, less: Less, more: More): Less | More | 'stable' {
  if (now === usual) return 'stable';
  // In millionths, as 100 + 10 % is more than 110 in floats.
  const difference = Math.round((now / usual - 1) * 1_000_000) / 1_000_000;
  if (Math.abs(difference) < STEP) return 'stable';
  return difference > 0 ? more : less;
}
