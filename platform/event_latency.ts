import { type ChannelJoined, type EventHandled, hooks } from '../server/index.ts';
import { LATENCY_BOUNDS } from '../server/store/index.ts';

/** Counts of durations: `buckets` has one count per bound of `LATENCY_BOUNDS`, and one for all above. */
export interface Histogram {
  count: number;
  seconds: number;
  readonly buckets: number[];
}

/** An event that no channel declares: clients could make as many series as they like. */
const UNDECLARED = 'other';

/**
 * Measures how long joins and events of this node's channels took, by the channel's pattern and the event, from the hooks
 * of the framework. There are as many series as channels have events.
 */
export class EventLatency {
  readonly #nodeId: string;
  readonly #byPattern = new Map<string, Map<string, Histogram>>();

  constructor(nodeId: string) {
    this.#nodeId = nodeId;
    hooks.joined.subscribe(this.#joined);
    hooks.handled.subscribe(this.#handled);
  }

  /** Pattern, event and what was measured. */
  *read(): Iterable<readonly [string, string, Readonly<Histogram>]> {
    for (const [pattern, byEvent] of this.#byPattern) {
      for (const [event, histogram] of byEvent) yield [pattern, event, histogram];
    }
  }

  /** Measures no more. */
  close(): void {
    hooks.joined.unsubscribe(this.#joined);
    hooks.handled.unsubscribe(this.#handled);
  }

  readonly #joined = (message: unknown): void => {
    const { nodeId, pattern, durationMs } = message as ChannelJoined;
    if (nodeId === this.#nodeId) this.#add(pattern, 'phx_join', durationMs);
  };

  readonly #handled = (message: unknown): void => {
    const { nodeId, pattern, event, isDeclared, durationMs } = message as EventHandled;
    if (nodeId === this.#nodeId) this.#add(pattern, isDeclared ? event : UNDECLARED, durationMs);
  };

  #add(pattern: string, event: string, durationMs: number): void {
    const seconds = durationMs / 1_000;
    const histogram = this.#histogram(pattern, event);
    histogram.count++;
    histogram.seconds += seconds;
    let at = 0;
    while (at < LATENCY_BOUNDS.length && seconds > (LATENCY_BOUNDS[at] ?? 0)) at++;
    histogram.buckets[at] = (histogram.buckets[at] ?? 0) + 1;
  }

  #histogram(pattern: string, event: string): Histogram {
    let byEvent = this.#byPattern.get(pattern);
    if (!byEvent) {
      byEvent = new Map();
      this.#byPattern.set(pattern, byEvent);
    }
    let histogram = byEvent.get(event);
    if (!histogram) {
      histogram = { count: 0, seconds: 0, buckets: new Array<number>(LATENCY_BOUNDS.length + 1).fill(0) };
      byEvent.set(event, histogram);
    }
    return histogram;
  }
}
