import type { SeenFlow } from '../observation/scene.ts';

/** Length of the window that statistics are of. */
export const WINDOW_S = 60;

const SECOND = 0;
const MESSAGES = 1;
const BYTES = 2;
const ACKNOWLEDGED = 3;
const REJECTED = 4;
const LATENCY_SUM = 5;
const LATENCY_MIN = 6;
const LATENCY_MAX = 7;
const FIELDS = 8;
const FIRST_ROOM = 2;
const MOST_ROOM = 96;

/** Sums over seconds. Without an acknowledgement the latencies are those that any other replaces. */
export class Totals {
  messages = 0;
  bytes = 0;
  acknowledged = 0;
  rejected = 0;
  latencySumMs = 0;
  latencyMinMs = Number.POSITIVE_INFINITY;
  latencyMaxMs = Number.NEGATIVE_INFINITY;

  get isEmpty(): boolean {
    return this.messages === 0 && this.acknowledged === 0 && this.rejected === 0;
  }

  statistics(lastActivityMs: number): SeenFlow['statistics'] {
    const isAcknowledged = this.acknowledged > 0;
    const settled = this.acknowledged + this.rejected;
    return {
      messageCount: this.messages,
      averageLatency: isAcknowledged ? this.latencySumMs / this.acknowledged : null,
      maxLatency: isAcknowledged ? this.latencyMaxMs : null,
      minLatency: isAcknowledged ? this.latencyMinMs : null,
      successRate: settled > 0 ? this.acknowledged / settled : null,
      bandwidth: this.bytes / (WINDOW_S * 1_000),
      lastActivityMs,
    };
  }
}

/**
 * What went one way in the last sixty seconds, by the whole seconds of the store's clock: the one that runs and the 59 before it.
 * Takes 64 bytes for each of those seconds in which something happened, and 6 KiB at most.
 */
export class SlidingWindow {
  #slots = new Float64Array(FIRST_ROOM * FIELDS);
  /** Of the slots in use, which are in the order of their seconds. */
  #from = 0;
  #to = 0;

  get isEmpty(): boolean {
    return this.#from === this.#to;
  }

  /** Bytes of the seconds that there is room for. */
  get roomBytes(): number {
    return this.#slots.byteLength;
  }

  pass(second: number, messages: number, bytes: number): void {
    const at = this.#slotOf(second);
    if (at < 0) return;
    const slots = this.#slots;
    slots[at + MESSAGES] = (slots[at + MESSAGES] as number) + messages;
    slots[at + BYTES] = (slots[at + BYTES] as number) + bytes;
  }

  acknowledge(second: number, afterMs: number): void {
    const at = this.#slotOf(second);
    if (at < 0) return;
    const slots = this.#slots;
    const count = slots[at + ACKNOWLEDGED] as number;
    slots[at + ACKNOWLEDGED] = count + 1;
    slots[at + LATENCY_SUM] = (slots[at + LATENCY_SUM] as number) + afterMs;
    slots[at + LATENCY_MIN] = count === 0 ? afterMs : Math.min(slots[at + LATENCY_MIN] as number, afterMs);
    slots[at + LATENCY_MAX] = Math.max(slots[at + LATENCY_MAX] as number, afterMs);
  }

  reject(second: number): void {
    const at = this.#slotOf(second);
    if (at >= 0) this.#slots[at + REJECTED] = (this.#slots[at + REJECTED] as number) + 1;
  }

  /** Forgets what is older than the window. @returns true if there was something */
  forget(nowSecond: number): boolean {
    const before = this.#from;
    while (this.#from < this.#to && (this.#slots[this.#from * FIELDS] as number) <= nowSecond - WINDOW_S) this.#from++;
    return this.#from !== before;
  }

  addTo(totals: Totals, nowSecond: number): void {
    const slots = this.#slots;
    for (let at = this.#from * FIELDS; at < this.#to * FIELDS; at += FIELDS) {
      if ((slots[at] as number) <= nowSecond - WINDOW_S) continue;
      totals.messages += slots[at + MESSAGES] as number;
      totals.bytes += slots[at + BYTES] as number;
      totals.rejected += slots[at + REJECTED] as number;
      const acknowledged = slots[at + ACKNOWLEDGED] as number;
      if (acknowledged === 0) continue;
      totals.acknowledged += acknowledged;
      totals.latencySumMs += slots[at + LATENCY_SUM] as number;
      totals.latencyMinMs = Math.min(totals.latencyMinMs, slots[at + LATENCY_MIN] as number);
      totals.latencyMaxMs = Math.max(totals.latencyMaxMs, slots[at + LATENCY_MAX] as number);
    }
  }

  /** The seconds from this one on, for `put` of another window. */
  since(second: number): number[] {
    let from = this.#to;
    while (from > this.#from && (this.#slots[(from - 1) * FIELDS] as number) >= second) from--;
    return [...this.#slots.subarray(from * FIELDS, this.#to * FIELDS)];
  }

  /** Takes seconds as `since` has given them: each replaces what is here of it. */
  put(seconds: readonly number[]): void {
    for (let from = 0; from + FIELDS <= seconds.length; from += FIELDS) {
      const at = this.#slotOf(seconds[from] as number);
      for (let field = SECOND; at >= 0 && field < FIELDS; field++) {
        this.#slots[at + field] = seconds[from + field] as number;
      }
    }
  }

  /** Where a second is kept, which is made if it was not there; -1 if it is older than the window. */
  #slotOf(second: number): number {
    const last = (this.#to - 1) * FIELDS;
    return this.#from < this.#to && this.#slots[last] === second ? last : this.#find(second);
  }

  #find(second: number): number {
    const newest = this.#from < this.#to ? (this.#slots[(this.#to - 1) * FIELDS] as number) : Number.NEGATIVE_INFINITY;
    if (second <= newest - WINDOW_S) return -1;
    let slot = this.#to;
    while (slot > this.#from && (this.#slots[(slot - 1) * FIELDS] as number) >= second) slot--;
    if (slot < this.#to && this.#slots[slot * FIELDS] === second) return slot * FIELDS;
    return this.#insert(slot - this.#from, second, Math.max(newest, second));
  }

  /** Of the slots in use this becomes the one at `index`. */
  #insert(index: number, second: number, newest: number): number {
    const before = this.#from;
    this.forget(newest);
    const slot = Math.max(0, index - (this.#from - before));
    if ((this.#to + 1) * FIELDS > this.#slots.length) this.#makeRoom();
    const at = (this.#from + slot) * FIELDS;
    this.#slots.copyWithin(at + FIELDS, at, this.#to * FIELDS);
    this.#slots.fill(0, at, at + FIELDS);
    this.#slots[at] = second;
    this.#to++;
    return at;
  }

  /** At the front, where that is a quarter or more; else in a larger array. */
  #makeRoom(): void {
    const used = this.#slots.subarray(this.#from * FIELDS, this.#to * FIELDS);
    const count = this.#to - this.#from;
    const isEnough = (count + 1) * FIELDS <= this.#slots.length * (3 / 4);
    const room = isEnough ? this.#slots : new Float64Array(Math.min(MOST_ROOM, 2 * count) * FIELDS);
    if (isEnough) room.copyWithin(0, this.#from * FIELDS, this.#to * FIELDS);
    else room.set(used);
    this.#slots = room;
    this.#from = 0;
    this.#to = count;
  }
}
