/** A turn that nobody has come for is forgotten. */
const LASTS_MS = 10_000;
/** Messages whose turns are remembered: more than may be refused before a flood is told. */
const MAX_MESSAGES = 4_096;

/**
 * The turns that refused messages of one socket were told, by what they say: so a message that was refused before and has
 * waited is known again, and gets the room that was kept for it.
 */
export class PromisedTurns {
  /** In the order in which they were promised; of equal messages the earliest turn first. */
  readonly #turnsAtMs = new Map<string, number[]>();

  get size(): number {
    return this.#turnsAtMs.size;
  }

  promise(message: string, turnAtMs: number): void {
    const turns = this.#turnsAtMs.get(message);
    if (turns) turns.push(turnAtMs);
    else this.#turnsAtMs.set(message, [turnAtMs]);
    const [oldest] = this.#turnsAtMs.keys();
    if (this.#turnsAtMs.size > MAX_MESSAGES && oldest !== undefined) this.#turnsAtMs.delete(oldest);
  }

  /** Takes the turn of a message. @returns whether it had one that has come */
  claim(message: string, nowMs: number): boolean {
    this.#forgetLapsed(nowMs);
    const turns = this.#turnsAtMs.get(message);
    if (turns === undefined || (turns[0] ?? Number.POSITIVE_INFINITY) > nowMs) return false;
    turns.shift();
    if (turns.length === 0) this.#turnsAtMs.delete(message);
    return true;
  }

  #forgetLapsed(nowMs: number): void {
    for (const [message, turns] of this.#turnsAtMs) {
      if ((turns.at(-1) ?? 0) > nowMs - LASTS_MS) return;
      this.#turnsAtMs.delete(message);
    }
  }
}
