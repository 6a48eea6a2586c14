import type { Place, SeenAgent, Sighting } from '../../channels/observation/scene.ts';
import type { PlaceRecord } from './binary.ts';

/** An agent that moved less is not told again (VISUALISATION.md, section 9.3). */
const MIN_MOVE = 0.5;

/** Places of one audience: which of them are told again, and when. */
export class PlacesFeed {
  /** Shortest time between two frames. */
  readonly #everyMs: number;
  readonly #onDue: () => void;
  /** As the sockets have them, by wire id. */
  readonly #shown = new Map<number, Place>();
  /** Those that are not told yet. */
  readonly #moved = new Map<number, Place>();
  #dueAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param onDue called when places that could not be taken are due */
  constructor(ratePerSecond: number, onDue: () => void) {
    this.#everyMs = 1_000 / ratePerSecond;
    this.#onDue = onDue;
  }

  note(sightings: readonly Sighting[]): void {
    for (const sighting of sightings) {
      if (sighting.kind === 'places' || sighting.kind === 'registered') {
        for (const { wireId, place } of sighting.agents) if (place) this.#moved.set(wireId, place);
      } else if (sighting.kind === 'hidden') {
        this.#moved.delete(sighting.wireId);
        this.#shown.delete(sighting.wireId);
      }
    }
  }

  /** Takes those that are told now. */
  takeDue(): PlaceRecord[] {
    if (this.#moved.size === 0) return [];
    const nowMs = performance.now();
    if (nowMs < this.#dueAtMs) {
      this.#timer ??= setTimeout(() => this.#isDue(), Math.ceil(this.#dueAtMs - nowMs));
      return [];
    }
    const records: PlaceRecord[] = [];
    for (const [wireId, place] of this.#moved) {
      if (!isToldAgain(place, this.#shown.get(wireId))) continue;
      this.#shown.set(wireId, place);
      records.push({ wireId, place });
    }
    this.#moved.clear();
    if (records.length > 0) this.#dueAtMs = nowMs + this.#everyMs;
    return records;
  }

  /** For a snapshot: all sockets are to have the same places, as then they move by the same frames. */
  placeOf({ wireId, place }: SeenAgent): Place | null {
    const shown = this.#shown.get(wireId);
    if (shown || !place) return shown ?? null;
    // One that others have not been told yet is still to be told to all.
    if (!this.#moved.has(wireId)) this.#shown.set(wireId, place);
    return place;
  }

  clear(): void {
    this.#shown.clear();
    this.#moved.clear();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #isDue(): void {
    this.#timer = undefined;
    this.#onDue();
  }
}

/** True for a place that differs enough from what is shown, or at which an agent has stopped. */
function isToldAgain(place: Place, shown: Place | undefined): boolean {
  if (!shown) return true;
  const [dx, dy, dz] = [place.x - shown.x, place.y - shown.y, place.z - shown.z];
  const moved = dx * dx + dy * dy + dz * dz;
  return moved >= MIN_MOVE * MIN_MOVE || (isAtRest(place) && (moved > 0 || !isAtRest(shown)));
}

const isAtRest = ({ vx, vy, vz }: Place) => vx === 0 && vy === 0 && vz === 0;
