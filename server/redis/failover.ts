import type { Redis } from 'ioredis';
import { within } from '../within.ts';

/** The shortest time between two looks, and the longest: it doubles while the address leads to a replica. */
const MIN_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 5_000;
/** Longest time for one check. */
const LOOK_WITHIN_MS = 3_000;

export interface FailoverOptions {
  /** Makes a connection to where the address leads now; it is connected here and must not reconnect. */
  readonly open: () => Redis;
  /** Deletes a key that is never there: a replica refuses that, and a master changes nothing. */
  readonly write: (redis: Redis) => Promise<unknown>;
  readonly reopen: (redis: Redis) => void;
  /** Called when all connections are opened again. */
  readonly onTrouble: (error: Error) => void;
  /** On a clock that only goes forward. Specs move it. */
  readonly nowMs?: () => number;
}

/**
 * All connections of this process to one address, behind which another Redis may become master. The old one stays connected
 * and answers READONLY, or, on a pub/sub link, nothing at all.
 *
 * The first READONLY makes it look where the address leads, over a connection of its own; all others are opened again once
 * that is a master. A Redis that stays read-only is read without a break meanwhile, and is looked at every few seconds.
 */
export class Failover {
  readonly #options: FailoverOptions;
  readonly #nowMs: () => number;
  readonly #connections = new Set<Redis>();
  #pauseMs = MIN_PAUSE_MS;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #isLooking = false;

  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  get size(): number {
    return this.#connections.size;
  }

  add(redis: Redis): void {
    this.#connections.add(redis);
  }

  remove(redis: Redis): void {
    this.#connections.delete(redis);
  }

  /** Takes every error that Redis answers on one of the connections; a READONLY starts a check. */
  answered(error: Error): void {
    if (!isReadOnly(error) || this.#isLooking || this.#nowMs() < this.#notBeforeMs) return;
    this.#isLooking = true;
    void this.#look().finally(() => {
      this.#isLooking = false;
      this.#notBeforeMs = this.#nowMs() + this.#pauseMs;
    });
  }

  async #look(): Promise<void> {
    if (!(await this.#leadsToMaster())) {
      this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
      return;
    }
    this.#pauseMs = MIN_PAUSE_MS;
    this.#options.onTrouble(
      new Error('Redis became a replica and its address leads to another master now: connecting again'),
    );
    for (const redis of this.#connections) this.#options.reopen(redis);
  }

  async #leadsToMaster(): Promise<boolean> {
    const redis = this.#options.open();
    redis.on('error', () => {});
    try {
      const written = redis.connect().then(() => this.#options.write(redis));
      return (
        (await within(
          LOOK_WITHIN_MS,
          written.then(() => true),
        )) ?? false
      );
    } catch (error) {
      // Only a master gives these answers, so room and replicas are checked before the role.
      return error instanceof Error && /^(?:OOM|NOREPLICAS|MISCONF) /.test(error.message);
    } finally {
      redis.disconnect();
    }
  }
}

const isReadOnly = ({ message }: Error) => message.startsWith('READONLY ');
