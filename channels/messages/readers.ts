import type { Reader } from './reader.ts';

/** Interval of the one timer that all readers share. */
const TICK_MS = 250;
/** Over which all readers of a node look at the store again after another node is gone. */
const SPREAD_MS = 1_000;

/** The readers of this node. */
export class Readers {
  readonly #readers = new Set<Reader>();
  readonly #timer: NodeJS.Timeout;

  constructor(tickMs = TICK_MS) {
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#timer.unref();
  }

  get size(): number {
    return this.#readers.size;
  }

  add(reader: Reader): void {
    this.#readers.add(reader);
    reader.start();
  }

  delete(reader: Reader): void {
    this.#readers.delete(reader);
  }

  /** Reads again what a dead node may not have announced. */
  lookAgain(): void {
    const nowMs = Date.now();
    for (const reader of this.#readers) reader.lookAgain(nowMs, SPREAD_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowMs = Date.now();
    for (const reader of this.#readers) reader.tick(nowMs);
  }
}
