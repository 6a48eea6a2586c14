import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { theme } from './state/theme.ts';

export interface CurveProps {
  readonly label: string;
  readonly unit: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
  readonly height?: number;
}

const DAY_SECONDS = 86_400;
const timeOf = (seconds: number) =>
  new Date(seconds * 1_000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
const dayOf = (seconds: number) =>
  new Date(seconds * 1_000).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });

/** One curve over time. What it shows is told in words too, as a canvas tells nothing to a screen reader. */
export function Curve({ label, unit, times, values, height = 140 }: CurveProps) {
  const container = useRef<HTMLDivElement>(null);
  const now = theme.value;
  useEffect(() => {
    const { current } = container;
    if (!current) return;
    const style = getComputedStyle(document.documentElement);
    const token = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const isDays = (times.at(-1) ?? 0) - (times[0] ?? 0) > DAY_SECONDS;
    const axis = {
      stroke: token('ink-soft'),
      grid: { stroke: token('line'), width: 1 },
      ticks: { stroke: token('line') },
    };
    const plot = new uPlot(
      {
        width: current.clientWidth,
        height,
        series: [{}, { label, stroke: token('accent'), width: 2, points: { show: times.length < 40 } }],
        scales: { y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
        axes: [
          { ...axis, values: (_plot, splits) => splits.map(isDays ? dayOf : timeOf) },
          { ...axis, size: 56 },
        ],
        legend: { show: false },
        cursor: { show: false },
      },
      [[...times], [...values]],
      current,
    );
    const resizes = new ResizeObserver(() => plot.setSize({ width: current.clientWidth, height }));
    resizes.observe(current);
    return () => {
      resizes.disconnect();
      plot.destroy();
    };
  }, [label, times, values, height, now]);
  const known = values.filter((value) => value !== null);
  const last = known.at(-1);
  const sentence =
    last === undefined
      ? `${label}: no values`
      : `${label}: now ${last} ${unit}, between ${Math.min(...known)} and ${Math.max(...known)}`;
  return <div ref={container} class="curve" role="img" aria-label={sentence} />;
}
