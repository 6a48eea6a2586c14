/** A turn that nobody has come for is forgotten. */
const LASTS_MS = 10_000;
/** Messages whose turns are remembered: more than may be refused before a flood is told. */
const MAX_MESSAGES = 4_096;

/** A turn in the line, and the buckets in which room was there already and was taken for it (bits). */
interface PromisedTurn {
  readonly atMs: number;
  readonly paid: number;
}

/**
 * The turns that refused messages of one socket were told, by what they say: so a message that was refused before and has
 * waited is known again, and gets the room that was kept for it.
 */
export class PromisedTurns {
  /** In the order in which they were promised; of equal messages the earliest turn first. */
  readonly #turns = new Map<string, PromisedTurn[]>();

  get size(): number {
    return this.#turns.size;
  }

  promise(message: string, turn: PromisedTurn): void {
    const turns = this.#turns.get(message);
    if (turns) turns.push(turn);
    else this.#turns.set(message, [turn]);
    const [oldest] = this.#turns.keys();
    if (this.#turns.size > MAX_MESSAGES && oldest !== undefined) this.#turns.delete(oldest);
  }

  /** Takes the turn of a message, if it had one that has come. */
  claim(message: string, nowMs: number): PromisedTurn | undefined {
    this.#forgetLapsed(nowMs);
    const turns = this.#turns.get(message);
    if (!turns?.[0] || turns[0].atMs > nowMs) return undefined;
    const turn = turns.shift();
    if (turns.length === 0) this.#turns.delete(message);
    return turn;
  }

  #forgetLapsed(nowMs: number): void {
    for (const [message, turns] of this.#turns) {
      if ((turns.at(-1)?.atMs ?? 0) > nowMs - LASTS_MS) return;
      this.#turns.delete(message);
    }
  }
}
