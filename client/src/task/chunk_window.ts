import { Wake } from '../wake.ts';

/** Chunks of a connection that may be unacknowledged at once, and that may go out at once. */
const IN_FLIGHT = 64;
/**
 * Milliseconds between chunks, once as many as may be in flight have gone out at once: half of what a server allows by default. What
 * is written faster goes out in larger chunks. A chunk that is refused for the rate while later ones are taken would leave a gap,
 * which a writer that then loses its memory could not fill.
 */
const INTERVAL_MS = 10;

/** Room for chunks, shared by all writers of a connection. */
export class ChunkWindow {
  readonly #freed: Wake;
  #inFlight = 0;
  /** When the next chunk were due if all went out at the same distance. */
  #dueAtMs = 0;

  /** @param closed aborts when the agent is closed */
  constructor(closed: AbortSignal) {
    this.#freed = new Wake(closed);
  }

  /** Milliseconds until a chunk may go out; `undefined` while too many are in flight. */
  get pauseMs(): number | undefined {
    if (this.#inFlight >= IN_FLIGHT) return undefined;
    return Math.max(0, this.#dueAtMs - (IN_FLIGHT - 1) * INTERVAL_MS - Date.now());
  }

  take(): void {
    this.#inFlight++;
    this.#dueAtMs = Math.max(this.#dueAtMs, Date.now()) + INTERVAL_MS;
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
