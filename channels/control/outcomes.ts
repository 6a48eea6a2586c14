import { type Hub, internalTopic, type Log, type Subscription } from '../../server/index.ts';
import type { KnownRequest } from './requests.ts';

export interface OutcomesOptions {
  readonly hub: Pick<Hub, 'subscribe' | 'publish'> & { readonly pubsub: Pick<Hub['pubsub'], 'onGap'> };
  readonly read: (key: string) => Promise<KnownRequest | undefined>;
  readonly log: Log;
}

type Ended = (request: KnownRequest | undefined) => void;

interface Awaited {
  readonly listeners: Set<Ended>;
  readonly subscription: Subscription;
  /** By this process' clock: by then there is an outcome, or somebody failed to tell of it. */
  readonly lateAtMs: number;
  lookAtMs: number;
  isReading: boolean;
  isAsked: boolean;
}

const topicOf = (key: string) => internalTopic(`control:${key}`);

const TICK_MS = 500;
/** So long after its time a request is looked at that nobody has told of, and then again and again. */
const LATE_MS = 1_500;

/**
 * Brings the outcome of a request to whoever waits for it on this node. A node that commits one says so on an internal
 * topic, without the outcome: that is read from the store, once for all who wait here.
 */
export class Outcomes {
  readonly #options: OutcomesOptions;
  readonly #awaited = new Map<string, Awaited>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: OutcomesOptions) {
    this.#options = options;
    options.hub.pubsub.onGap(() => this.lookAgain());
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Tells all nodes that there may be an outcome. */
  announce(key: string): void {
    this.#options.hub.publish(topicOf(key), { event: 'ended', payload: '{}' });
  }

  /**
   * Calls back once with the request when it has an outcome, or with nothing if it is not there any more.
   *
   * @param dueInMs its time ends then. @returns a stop: nobody is called after it. Twice is fine
   */
  await(key: string, dueInMs: number, ended: Ended): () => void {
    let awaited = this.#awaited.get(key);
    if (!awaited) {
      const subscription = this.#options.hub.subscribe(topicOf(key), () => this.#look(key));
      const lateAtMs = performance.now() + dueInMs + LATE_MS;
      const listeners = new Set<Ended>();
      awaited = { listeners, subscription, lateAtMs, lookAtMs: lateAtMs, isReading: false, isAsked: false };
      this.#awaited.set(key, awaited);
      // Where the broker is out of reach, a gap is told once it is not.
      subscription.ready?.then(() => this.#look(key)).catch(() => {});
      if (!subscription.ready) void this.#look(key);
    } else {
      void this.#look(key);
    }
    const { listeners, subscription } = awaited;
    listeners.add(ended);
    return () => {
      if (!listeners.delete(ended) || listeners.size > 0) return;
      subscription.stop();
      if (this.#awaited.get(key)?.listeners === listeners) this.#awaited.delete(key);
    };
  }

  /** Looks at the store for all: something may have been missed. */
  lookAgain(): void {
    for (const key of this.#awaited.keys()) void this.#look(key);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { subscription } of this.#awaited.values()) subscription.stop();
    this.#awaited.clear();
  }

  #tick(): void {
    const nowMs = performance.now();
    for (const [key, { lookAtMs }] of this.#awaited) if (lookAtMs <= nowMs) void this.#look(key);
  }

  async #look(key: string): Promise<void> {
    const awaited = this.#awaited.get(key);
    if (!awaited) return;
    // What is being read may be older than what was just told.
    awaited.isAsked = true;
    if (awaited.isReading) return;
    awaited.isReading = true;
    try {
      while (awaited.isAsked && this.#awaited.get(key) === awaited) {
        awaited.isAsked = false;
        const request = await this.#options.read(key);
        if (!request || request.outcome) return this.#tell(key, awaited, request);
      }
      awaited.lookAtMs = Math.max(awaited.lateAtMs, performance.now() + TICK_MS);
    } catch (error) {
      awaited.lookAtMs = performance.now();
      this.#options.log.warn({ err: error }, 'reading the outcome of a request failed; it is tried again');
    } finally {
      awaited.isReading = false;
    }
  }

  #tell(key: string, awaited: Awaited, request: KnownRequest | undefined): void {
    if (this.#awaited.get(key) === awaited) this.#awaited.delete(key);
    awaited.subscription.stop();
    const listeners = [...awaited.listeners];
    awaited.listeners.clear();
    for (const listener of listeners) listener(request);
  }
}
