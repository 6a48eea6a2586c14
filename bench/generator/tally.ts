/** Counts of numbered messages at all their receivers that did not come once and in order. */
export interface Losses {
  /** Never came. */
  readonly lost: number;
  /** Came again. */
  readonly repeated: number;
  /** Came after one that was sent later. */
  readonly swapped: number;
}

/**
 * Counts what each receiver lacks, gets twice or gets late, from the numbers 1, 2, 3 … of one publisher each. A receiver of
 * several publishers is as many receivers.
 */
export class Tally {
  readonly #latest: Int32Array;
  /** Of a receiver: numbers below its latest that have not come. */
  readonly #gaps = new Map<number, Set<number>>();
  #repeated = 0;
  #swapped = 0;

  constructor(receivers: number) {
    this.#latest = new Int32Array(receivers);
  }

  /** @returns whether it came for the first time */
  came(receiver: number, seq: number): boolean {
    const latest = this.#latest[receiver] ?? 0;
    if (seq === latest + 1) {
      this.#latest[receiver] = seq;
      return true;
    }
    if (seq > latest) {
      const gaps = this.#gaps.get(receiver) ?? new Set();
      this.#gaps.set(receiver, gaps);
      for (let missing = latest + 1; missing < seq; missing++) gaps.add(missing);
      this.#latest[receiver] = seq;
      return true;
    }
    if (this.#gaps.get(receiver)?.delete(seq)) {
      this.#swapped++;
      return true;
    }
    this.#repeated++;
    return false;
  }

  /** The highest number that a receiver has. */
  latest(receiver: number): number {
    return this.#latest[receiver] ?? 0;
  }

  /** @param sentTo how many messages were sent to a receiver */
  losses(sentTo: (receiver: number) => number): Losses {
    let lost = 0;
    for (const gaps of this.#gaps.values()) lost += gaps.size;
    this.#latest.forEach((latest, receiver) => {
      lost += Math.max(0, sentTo(receiver) - latest);
    });
    return { lost, repeated: this.#repeated, swapped: this.#swapped };
  }
}
