import type { Scene, SceneListener, Sighting } from '../../channels/observation/scene.ts';
import { Moment } from './moment.ts';
import { PlacesFeed } from './places_feed.ts';
import { SharedSnapshot } from './snapshot.ts';
import type { Turns } from './turns.ts';
import type { Viewing } from './viewing.ts';

/** Sightings and moments that wait for viewers to be told of what was before: beyond it, all are told at once. */
const MAX_WAITING = 1_000;
const MAX_MOMENTS = 100;

/** A socket of the audience. */
interface Seated {
  /** Tells that nothing can be seen. */
  readonly onFailed: (error: unknown) => void;
  /** Number of the last moment that its snapshot has in it. */
  since: number;
}

/**
 * What one audience is shown on this node: brings each moment to its sockets, to one after the other, so that others on the node have
 * their turn between. What happens meanwhile is the next moment.
 */
export class AudienceFeed implements SceneListener {
  readonly #viewings = new Map<Viewing, Seated>();
  readonly #turns: Turns;
  readonly #places: PlacesFeed;
  #scene: Scene | undefined;
  #snapshot: SharedSnapshot | undefined;
  /** What has happened and is in no moment yet. */
  #waiting: Sighting[] = [];
  /** Those that are not with all sockets yet. The first is still to be told to `viewers` from `at` on. */
  #moments: Moment[] = [];
  #viewers: readonly Viewing[] = [];
  #at = 0;
  /** Of the last moment. */
  #number = 0;

  /** @param turns of all audiences of the node */
  constructor(ratePerSecond: number, turns: Turns) {
    this.#turns = turns;
    this.#places = new PlacesFeed(ratePerSecond, () => this.#work());
  }

  get isEmpty(): boolean {
    return this.#viewings.size === 0;
  }

  set scene(scene: Scene) {
    this.#scene = scene;
    this.#begin();
  }

  join(viewing: Viewing, onFailed: (error: unknown) => void): void {
    this.#viewings.set(viewing, { onFailed, since: 0 });
    this.show(viewing);
  }

  leave(viewing: Viewing): void {
    this.#viewings.delete(viewing);
  }

  /** Shows a socket all from the beginning; nothing as long as there is nothing to see. */
  show(viewing: Viewing): void {
    const seated = this.#viewings.get(viewing);
    if (!this.#scene || !seated) return;
    // The snapshot has in it what is not told yet: that is not told to this socket again.
    this.#seal();
    seated.since = this.#number;
    this.#snapshot ??= new SharedSnapshot(this.#scene.snapshot(), (agent) => this.#places.placeOf(agent));
    viewing.begin(this.#snapshot);
    this.#work();
  }

  /** Nothing can be seen. */
  failed(error: unknown): void {
    for (const { onFailed } of [...this.#viewings.values()]) onFailed(error);
  }

  close(): void {
    this.#places.close();
    this.#turns.stop(this.#step);
    this.#scene?.close();
    this.#scene = undefined;
  }

  see(sightings: readonly Sighting[]): void {
    if (!this.#scene || sightings.length === 0) return;
    this.#snapshot = undefined;
    this.#places.note(sightings);
    for (const sighting of sightings) if (sighting.kind !== 'places') this.#waiting.push(sighting);
    if (this.#waiting.length > MAX_WAITING || this.#moments.length > MAX_MOMENTS) while (this.#step());
    this.#work();
  }

  lost(): void {
    if (this.#scene) this.#begin();
  }

  /** Anew: what was told before may have missed something. */
  #begin(): void {
    this.#places.clear();
    this.#snapshot = undefined;
    for (const viewing of [...this.#viewings.keys()]) this.show(viewing);
  }

  #work(): void {
    if (this.#scene) this.#turns.run(this.#step);
  }

  /** Tells one socket of one moment. @returns false if all have been told of everything */
  readonly #step = (): boolean => {
    if (this.#moments.length === 0) this.#seal(this.#places.takeDue());
    const [moment] = this.#moments;
    if (!moment) return false;
    if (this.#at === 0) this.#viewers = [...this.#viewings.keys()];
    const viewing = this.#viewers[this.#at++];
    if (viewing) {
      const since = this.#viewings.get(viewing)?.since ?? Number.POSITIVE_INFINITY;
      if (since < moment.number) viewing.take(moment);
    } else {
      this.#moments.shift();
      this.#at = 0;
    }
    return true;
  };

  /** Makes a moment of what has happened. */
  #seal(places: ReturnType<PlacesFeed['takeDue']> = []): void {
    if (this.#waiting.length + places.length === 0) return;
    if (places.length > 0) this.#snapshot = undefined;
    this.#moments.push(new Moment(this.#waiting, places, ++this.#number));
    this.#waiting = [];
  }
}
