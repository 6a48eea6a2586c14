/** Tokens per second, and how many may be taken at once after a pause. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** The end of the line is never further away than this. */
const MAX_WAIT_MS = 59_750;
/** Turns are this much further apart than tokens come in, so that clocks need not agree to the millisecond. */
const LINE_SPACING = 1.05;
/**
 * Turns come in groups. Messages that say the same can only be told from new ones by when they come: those of a group are
 * back together, and the new ones that follow their answers find no turn left.
 */
const GROUP_MS = 250;
/** Largest rounding error in sums of fractions of a millisecond. */
const ROUNDING_MS = 1e-6;

/**
 * A token bucket, kept as the time at which it will be full again (the generic cell rate algorithm), so that nothing
 * ticks. Callers that are refused get turns in a line, and until the last turn has come, what comes in is theirs.
 *
 * Times are milliseconds of one clock that only goes forward.
 */
export class TokenBucket {
  readonly #msPerToken: number;
  readonly #burstMs: number;
  #fullAtMs: number;
  #lineEndsAtMs = 0;

  /** @param fullAtMs of a bucket that was kept elsewhere; one without is full */
  constructor({ perSecond, burst }: Rate, fullAtMs = 0) {
    this.#msPerToken = 1_000 / perSecond;
    this.#burstMs = burst * this.#msPerToken;
    this.#fullAtMs = fullAtMs;
  }

  /** Time at which all tokens are there again: the one number that keeps a bucket. */
  get fullAtMs(): number {
    return this.#fullAtMs;
  }

  /** Milliseconds until so many tokens are there, 0 if they are now. More than the burst count as the burst. */
  waitMs(tokens: number, nowMs: number): number {
    const waitMs = Math.max(this.#fullAtMs, nowMs) + this.#costMs(tokens) - this.#burstMs - nowMs;
    return waitMs > ROUNDING_MS ? waitMs : 0;
  }

  /** True if callers that were refused before wait for their turns. */
  hasLine(nowMs: number): boolean {
    return this.#lineEndsAtMs > nowMs;
  }

  /** Tokens that were taken and have not come in again. */
  missing(nowMs: number): number {
    return Math.max(0, this.#fullAtMs - nowMs) / this.#msPerToken;
  }

  /** Takes tokens, whether they are there or not: what is missing is owed. */
  take(tokens: number, nowMs: number): void {
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs) + this.#costMs(tokens);
  }

  /** Puts a refused caller at the end of the line. @returns milliseconds until its turn, at most a minute */
  queue(tokens: number, nowMs: number): number {
    const behindOthersAtMs = this.hasLine(nowMs) ? this.#lineEndsAtMs + this.#costMs(tokens) * LINE_SPACING : nowMs;
    const turnAtMs = Math.max(nowMs + this.waitMs(tokens, nowMs), behindOthersAtMs);
    this.#lineEndsAtMs = Math.min(nowMs + MAX_WAIT_MS, turnAtMs);
    return Math.ceil(this.#lineEndsAtMs / GROUP_MS) * GROUP_MS - nowMs;
  }

  /** Time from which nothing is owed and nobody is in the line: the bucket is as good as a new one then. */
  get idleFromMs(): number {
    return Math.max(this.#fullAtMs, this.#lineEndsAtMs);
  }

  #costMs(tokens: number): number {
    return Math.min(tokens * this.#msPerToken, this.#burstMs);
  }
}
