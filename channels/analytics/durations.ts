import { DDSketch } from '@datadog/sketches-js';

/**
 * A DDSketch without its empty bins: how many durations by the key of their bin. Two are merged by adding, without loss
 * beyond what each had: a quantile is off by at most 1 % of its value.
 */
export type Sketch = Map<number, number>;

const RELATIVE_ACCURACY = 0.01;
/** Durations under a millisecond. */
const ZERO = -1;

const { mapping } = new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });

export function addDuration(sketch: Sketch, durationMs: number): void {
  const key = durationMs < 1 ? ZERO : mapping.key(durationMs);
  sketch.set(key, (sketch.get(key) ?? 0) + 1);
}

/** Adds `more` to `sum`, in place. */
export function addSketch(sum: Sketch, more: Sketch): void {
  for (const [key, count] of more) sum.set(key, (sum.get(key) ?? 0) + count);
}

/** @returns milliseconds for each of `quantiles` (0 to 1), `null` where there is no duration */
export function quantilesMs(sketch: Sketch, quantiles: readonly number[]): (number | null)[] {
  const whole = new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });
  for (const [key, count] of sketch) {
    if (key === ZERO) whole.zeroCount += count;
    else whole.store.add(key, count);
    whole.count += count;
  }
  return quantiles.map((quantile) =>
    whole.count === 0 ? null : Math.round(whole.getValueAtQuantile(quantile) * 1_000) / 1_000,
  );
}
