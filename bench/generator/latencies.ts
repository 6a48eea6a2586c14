const BUCKETS_PER_OCTAVE = 64;
const OCTAVES = 32;

/** Gathers durations into buckets of about 1 %, so that millions of them take no memory. */
export class Latencies {
  readonly #counts = new Float64Array(BUCKETS_PER_OCTAVE * OCTAVES);
  #count = 0;

  add(us: number): void {
    const bucket = Math.floor(Math.log2(Math.max(us, 1)) * BUCKETS_PER_OCTAVE);
    const at = Math.min(bucket, this.#counts.length - 1);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#count++;
  }

  get count(): number {
    return this.#count;
  }

  /** @param part 0.5 for the median. @returns milliseconds; NaN where nothing was gathered */
  quantileMs(part: number): number {
    if (this.#count === 0) return Number.NaN;
    const rank = Math.ceil(part * this.#count);
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= rank && count > 0) return 2 ** ((bucket + 0.5) / BUCKETS_PER_OCTAVE) / 1_000;
    }
    return Number.NaN;
  }
}
