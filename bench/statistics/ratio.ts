import { median } from './median.ts';

/**
 * The median of the ratios, round by round: what was measured in one round shares whatever else the machine did then.
 *
 * @param values of each round, as `base` is; a round that one of them lacks does not count
 */
export function ratio(values: readonly number[], base: readonly number[]): number {
  const ratios = values.map((value, round) => value / (base[round] ?? Number.NaN)).filter(Number.isFinite);
  return median(ratios);
}
