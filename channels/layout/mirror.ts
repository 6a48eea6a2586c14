import type { Place } from '../observation/scene.ts';
import type { Moves, Table } from './frames.ts';

/** `missed`: something before it did not arrive, so that it cannot be used. */
export type Taken = ReadonlyMap<string, Place> | 'missed';

const nothing: ReadonlyMap<string, Place> = new Map();

/** The places as the node that computes has told them: the same numbers on every node that has missed nothing. */
export class Mirror {
  readonly places = new Map<string, Place>();
  #epoch = 0;
  #sequence = 0;
  #ids = new Map<number, string>();
  #isFollowing = false;

  /** False until a table of all has come, and after something was missed. */
  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  /** Begins with places of before. */
  begin(places: ReadonlyMap<string, Place>): void {
    if (this.#isFollowing) return;
    this.places.clear();
    for (const [id, place] of places) this.places.set(id, place);
  }

  /** What is told from now on may not be all. */
  miss(): void {
    this.#isFollowing = false;
  }

  takeTable({ epoch, sequence, isWhole, entries, gone }: Table): Taken {
    if (epoch < this.#epoch) return nothing;
    if (!isWhole && !this.#isNext(epoch, sequence)) return 'missed';
    if (isWhole) this.#beginAnew(epoch, entries);
    this.#sequence = sequence;
    for (const number of gone) {
      const id = this.#ids.get(number);
      this.#ids.delete(number);
      if (id !== undefined) this.places.delete(id);
    }
    for (const [number, id] of entries) this.#ids.set(number, id);
    return nothing;
  }

  takeMoves({ epoch, sequence, moves }: Moves): Taken {
    if (epoch < this.#epoch) return nothing;
    if (!this.#isNext(epoch, sequence)) return 'missed';
    this.#sequence = sequence;
    const moved = new Map<string, Place>();
    for (const [number, place] of moves) {
      const id = this.#ids.get(number);
      if (id === undefined || isSame(this.places.get(id), place)) continue;
      this.places.set(id, place);
      moved.set(id, place);
    }
    return moved;
  }

  #isNext(epoch: number, sequence: number): boolean {
    if (this.#isFollowing && epoch === this.#epoch && sequence === this.#sequence + 1) return true;
    this.#isFollowing = false;
    return false;
  }

  #beginAnew(epoch: number, entries: Table['entries']): void {
    this.#epoch = epoch;
    this.#isFollowing = true;
    this.#ids = new Map();
    const ids = new Set(entries.map(([, id]) => id));
    for (const id of [...this.places.keys()]) if (!ids.has(id)) this.places.delete(id);
  }
}

const isSame = (one: Place | undefined, other: Place): boolean =>
  one !== undefined &&
  one.x === other.x &&
  one.y === other.y &&
  one.z === other.z &&
  one.vx === other.vx &&
  one.vy === other.vy &&
  one.vz === other.vz;
