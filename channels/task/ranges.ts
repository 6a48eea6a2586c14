/** Integers as ascending ranges that neither touch nor overlap: `[first, last, first, last, …]`, ends included. */
export type Ranges = readonly number[];

/** The place in `ranges` of the first range that ends at `n` or behind it. */
function placeOf(ranges: Ranges, n: number): number {
  let low = 0;
  let high = ranges.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[2 * middle + 1] ?? 0) < n) low = middle + 1;
    else high = middle;
  }
  return 2 * low;
}

export function includes(ranges: Ranges, n: number): boolean {
  const first = ranges[placeOf(ranges, n)];
  return first !== undefined && first <= n;
}

/** With `n`, which must not be in it. */
export function including(ranges: Ranges, n: number): Ranges {
  const at = placeOf(ranges, n);
  const touchesLower = at > 0 && ranges[at - 1] === n - 1;
  const touchesUpper = ranges[at] === n + 1;
  if (touchesLower && touchesUpper) return [...ranges.slice(0, at - 1), ...ranges.slice(at + 1)];
  if (touchesLower) return ranges.with(at - 1, n);
  if (touchesUpper) return ranges.with(at, n);
  return ranges.toSpliced(at, 0, n, n);
}
