const SLOT_MS = 1_000;
/** Early messages are counted over so many slots. */
const EARLY_SLOTS = 10;
/** Admitted bytes over so many: what is early now may follow on what was admitted when the earliest of it came. */
const SLOTS = 2 * EARLY_SLOTS;

/** The most that may come within 10 s; more is a flood. */
export interface FloodBounds {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** Messages and bytes that came within one slot. */
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
 * of those is early once. So what was admitted is set against it: of messages what goes beyond one burst, of bytes all,
 * and also those of the 10 s before. Without these, the burst that a client had at first would be out of the window
 * while what it sent on the answers is still in it.
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
    const { maxMessages, maxBytes } = this.#bounds;
    const admitted = this.#sum('admitted', EARLY_SLOTS);
    return (
      this.#sum('early', EARLY_SLOTS) > maxMessages + Math.max(0, admitted - this.#burst) ||
      this.#sum('earlyBytes', EARLY_SLOTS) > maxBytes + this.#sum('admittedBytes', SLOTS)
    );
  }

  #sum(of: keyof Slot, slots: number): number {
    let sum = 0;
    for (let back = 0; back < slots; back++) {
      const number = this.#slotNumber - back;
      if (number >= 0) sum += this.#slots[number % SLOTS]?.[of] ?? 0;
    }
    return sum;
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
