import { Wake } from '../wake.ts';

/** Chunks of a connection that may be unacknowledged at once. */
const IN_FLIGHT = 64;
/**
 * Chunks a second that go out once as many as may be in flight have gone out at once: half of what a server allows by default. What
 * is written faster goes out in larger chunks. A chunk that is refused for the rate while later ones are taken would leave a gap,
 * which a writer that then loses its memory could not fill.
 */
const PER_SECOND = 100;

/** Room for chunks, shared by all writers of a connection. */
export class ChunkWindow {
  readonly #freed: Wake;
  #inFlight = 0;
  #tokens = IN_FLIGHT;
  #countedAtMs = Date.now();

  /** @param closed aborts when the agent is closed */
  constructor(closed: AbortSignal) {
    this.#freed = new Wake(closed);
  }

  /** Milliseconds until a chunk may go out; `undefined` while too many are in flight. */
  get pauseMs(): number | undefined {
    const nowMs = Date.now();
    this.#tokens = Math.min(IN_FLIGHT, this.#tokens + ((nowMs - this.#countedAtMs) * PER_SECOND) / 1_000);
    this.#countedAtMs = nowMs;
    if (this.#inFlight >= IN_FLIGHT) return undefined;
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) * 1_000) / PER_SECOND);
  }

  take(): void {
    this.#tokens--;
    this.#inFlight++;
  }

  release(): void {
    this.#inFlight--;
    this.#freed.wake();
  }

  /** Resolves when a chunk was acknowledged. */
  freed(): Promise<void> {
    return this.#freed.since(this.#freed.version);
  }
}
