import { type Audience, audienceKey, type Observation } from '../../channels/observation/scene.ts';
import { AudienceFeed } from './audience_feed.ts';
import { Turns } from './turns.ts';
import type { Viewing } from './viewing.ts';

/** The audiences of this node that somebody looks on for. */
export class Audiences {
  readonly #observation: Observation;
  readonly #ratePerSecond: number;
  readonly #turns = new Turns();
  readonly #feeds = new Map<string, AudienceFeed>();

  /** @param ratePerSecond of frames of positions, at most */
  constructor(observation: Observation, ratePerSecond: number) {
    this.#observation = observation;
    this.#ratePerSecond = ratePerSecond;
  }

  /** Shows a socket what its audience sees. @param onFailed told if nothing can be seen @returns its place among them */
  join(audience: Audience, viewing: Viewing, onFailed: (error: unknown) => void): Seat {
    const key = audienceKey(audience);
    let feed = this.#feeds.get(key);
    if (!feed) {
      feed = new AudienceFeed(this.#ratePerSecond, this.#turns);
      this.#feeds.set(key, feed);
      this.#open(audience, feed);
    }
    const seated = feed;
    seated.join(viewing, onFailed);
    return {
      showAgain: () => seated.show(viewing),
      leave: () => {
        seated.leave(viewing);
        if (seated.isEmpty) this.#close(key, seated);
      },
    };
  }

  close(): void {
    for (const [key, feed] of this.#feeds) this.#close(key, feed);
  }

  #open(audience: Audience, feed: AudienceFeed): void {
    this.#observation.open(audience, feed).then(
      (scene) => {
        // Everybody may have left meanwhile.
        if (this.#feeds.get(audienceKey(audience)) === feed) feed.scene = scene;
        else scene.close();
      },
      (error: unknown) => {
        this.#close(audienceKey(audience), feed);
        feed.failed(error);
      },
    );
  }

  #close(key: string, feed: AudienceFeed): void {
    if (this.#feeds.get(key) === feed) this.#feeds.delete(key);
    feed.close();
  }
}

/** A socket's place in its audience. */
export interface Seat {
  /** Shows all from the beginning. */
  showAgain(): void;
  leave(): void;
}
