/** Over how long early messages are counted. */
const SLOTS = 10;
const SLOT_MS = 1_000;

/** What is too much within 10 s. */
export interface FloodBounds {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** What came within one slot. */
interface Slot {
  early: number;
  earlyBytes: number;
  admitted: number;
  admittedBytes: number;
}

/**
 * Tells a flood from a client that is only eager. It counts what came before the time told, over the last 10 s.
 *
 * A client that waits as told but always has some messages under way sends a new one for each that is answered, and each
 * of those is early once. So what was admitted in the same time is set against it: of bytes all, of messages what goes
 * beyond one burst.
 */
export class FloodWindow {
  readonly #bounds: FloodBounds;
  readonly #burst: number;
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, emptySlot);
  #slotNumber = 0;

  /** @param burst messages that one socket may send at once */
  constructor(bounds: FloodBounds, burst: number) {
    this.#bounds = bounds;
    this.#burst = burst;
  }

  admit(messages: number, bytes: number, nowMs: number): void {
    const slot = this.#slotAt(nowMs);
    slot.admitted += messages;
    slot.admittedBytes += bytes;
  }

  /** @returns whether it is a flood with this message */
  early(bytes: number, nowMs: number): boolean {
    const slot = this.#slotAt(nowMs);
    slot.early++;
    slot.earlyBytes += bytes;
    const sum = (of: keyof Slot) => this.#slots.reduce((total, each) => total + each[of], 0);
    const { maxMessages, maxBytes } = this.#bounds;
    return (
      sum('early') > maxMessages + Math.max(0, sum('admitted') - this.#burst) ||
      sum('earlyBytes') > maxBytes + sum('admittedBytes')
    );
  }

  #slotAt(nowMs: number): Slot {
    const number = Math.floor(nowMs / SLOT_MS);
    for (let old = Math.max(this.#slotNumber + 1, number - SLOTS + 1); old <= number; old++) {
      this.#slots[old % SLOTS] = emptySlot();
    }
    this.#slotNumber = Math.max(this.#slotNumber, number);
    return this.#slots[number % SLOTS] as Slot;
  }
}

function emptySlot(): Slot {
  return { early: 0, earlyBytes: 0, admitted: 0, admittedBytes: 0 };
}
