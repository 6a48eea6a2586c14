/** Numbers of what comes and goes, so that moments can be packed by them. One is given again when no moment that is kept has had its owner. */
export class Slots<K, V> {
  readonly #slotOf = new Map<K, number>();
  readonly #owners: ({ readonly key: K; value: V; lastIn: number } | undefined)[] = [];
  readonly #free: number[] = [];

  /** Of all numbers, used and free. */
  get length(): number {
    return this.#owners.length;
  }

  /** @param moment number of the moment that it is in @returns its number */
  take(key: K, value: V, moment: number): number {
    const known = this.#slotOf.get(key);
    const owner = known === undefined ? undefined : this.#owners[known];
    if (known !== undefined && owner) {
      owner.value = value;
      owner.lastIn = moment;
      return known;
    }
    const slot = this.#free.pop() ?? this.#owners.length;
    this.#owners[slot] = { key, value, lastIn: moment };
    this.#slotOf.set(key, slot);
    return slot;
  }

  at(slot: number): V | undefined {
    return this.#owners[slot]?.value;
  }

  /** Forgets what was in no moment after this one. */
  forget(moment: number): void {
    for (const [slot, owner] of this.#owners.entries()) {
      if (!owner || owner.lastIn > moment) continue;
      this.#slotOf.delete(owner.key);
      this.#owners[slot] = undefined;
      this.#free.push(slot);
    }
  }
}
