import { Latencies } from './latencies.ts';
import { type Losses, Tally } from './tally.ts';

/** Counts what viewers see of the messages of several pairs of agents, and how late. */
export class Sightings {
  /** To be replaced when a warm-up is over. */
  latencies = new Latencies();
  /** Each message once for each viewer. */
  count = 0;
  readonly #pairs: number;
  readonly #watches: (viewer: number, pair: number) => boolean;
  readonly #tally: Tally;
  /** Messages of each pair. */
  readonly #sent: number[];
  readonly #sentAtMs = new Map<string, number>();

  /** @param watches whether a viewer is to see the messages of a pair; both are numbered from 0 on */
  constructor(viewers: number, pairs: number, watches: (viewer: number, pair: number) => boolean) {
    this.#pairs = pairs;
    this.#watches = watches;
    this.#tally = new Tally(viewers * pairs);
    this.#sent = new Array(pairs).fill(0);
  }

  /** @returns the id of a pair's next message, which is sent now */
  sends(pair: number): string {
    const seq = (this.#sent[pair] ?? 0) + 1;
    this.#sent[pair] = seq;
    const id = `message-${pair}-${seq}`;
    this.#sentAtMs.set(id, performance.now());
    return id;
  }

  /** @throws Error where the viewer is not to see it, or nobody has sent it */
  seen(viewer: number, id: string): void {
    const [pair = -1, seq = 0] = id.split('-').slice(1).map(Number);
    const sentAtMs = this.#sentAtMs.get(id);
    if (sentAtMs === undefined || !this.#watches(viewer, pair))
      throw new Error(`a viewer saw ${id}, which is not for it`);
    if (!this.#tally.came(viewer * this.#pairs + pair, seq)) return;
    this.count++;
    this.latencies.add((performance.now() - sentAtMs) * 1_000);
  }

  losses(): Losses {
    return this.#tally.losses((receiver) => {
      const [viewer, pair] = [Math.floor(receiver / this.#pairs), receiver % this.#pairs];
      return this.#watches(viewer, pair) ? (this.#sent[pair] ?? 0) : 0;
    });
  }
}
