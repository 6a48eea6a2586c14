import type { Log } from '../../server/index.ts';
import { type Store, StoreUnavailable } from '../../server/store/index.ts';

export interface DeadlinesOptions {
  readonly store: Pick<Store, 'claimDue'>;
  readonly log: Log;
  /** Interval at which the store is asked. Default: 500 ms. */
  readonly pollMs?: number;
  /** Time that this node has for a deadline before another node may take it. Default: 10 s. */
  readonly leaseMs?: number;
  /** The counts that it adds to; several may share one. */
  readonly stats?: DeadlineStats;
}

/** Deadlines by kind, since the start. */
export interface DeadlineStats {
  readonly handled: Map<string, number>;
  readonly failed: Map<string, number>;
}

export const deadlineStats = (): DeadlineStats => ({ handled: new Map(), failed: new Map() });

/** Most deadlines of one kind that are taken at once. */
const BATCH = 100;
/** Batches of one kind in a row, before other kinds have their turn. */
const MAX_BATCHES = 20;
/** Rounds in which everything that is due has to be done, where somebody waits for it. */
const MAX_ROUNDS = 20;

/**
 * Wakes aggregates whose deadline has passed: each on one node only, also if every node was down when it passed.
 *
 * Handlers must be idempotent: a node may die after a handler has done its work and before the commit that moves the
 * deadline.
 */
export class Deadlines {
  readonly #options: DeadlinesOptions;
  readonly #handlers = new Map<string, (id: string) => Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #isRunning = false;
  readonly stats: DeadlineStats;

  constructor(options: DeadlinesOptions) {
    this.#options = options;
    this.stats = options.stats ?? deadlineStats();
  }

  /** @param wake commits a change of the aggregate's deadline, else it is called again after the lease */
  on(kind: string, wake: (id: string) => Promise<void>): void {
    this.#handlers.set(kind, wake);
  }

  /** Asks the store now and every `pollMs`. */
  start(): void {
    this.#timer = setInterval(() => this.#poll(), this.#options.pollMs ?? 500);
    this.#poll();
  }

  /** Handles what is due now, and what becomes due by that; resolves when it is done. For a clock that was moved. */
  async handleDue(): Promise<void> {
    await this.#round;
    for (let handled = -1, round = 0; handled !== this.#handled() && round < MAX_ROUNDS; round++) {
      handled = this.#handled();
      this.#poll();
      await this.#round;
    }
  }

  #handled(): number {
    return [...this.stats.handled.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
  }

  #poll(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#round = this.#wakeAll().finally(() => {
      this.#isRunning = false;
    });
  }

  async #wakeAll(): Promise<void> {
    const { store, log, leaseMs = 10_000 } = this.#options;
    for (const [kind, wake] of this.#handlers) {
      try {
        // Very many may be due at once, and none should wait for the next time that the store is asked.
        for (let taken = BATCH, batch = 0; taken === BATCH && batch < MAX_BATCHES; batch++) {
          const due = await store.claimDue(kind, BATCH, leaseMs);
          await Promise.all(due.map(({ id }) => this.#wake(kind, id, wake)));
          taken = due.length;
        }
      } catch (error) {
        // Redis being away is told elsewhere; what is due stays due.
        if (!(error instanceof StoreUnavailable)) log.error({ err: error, kind }, 'taking due deadlines failed');
      }
    }
  }

  async #wake(kind: string, id: string, wake: (id: string) => Promise<void>): Promise<void> {
    const count = (of: Map<string, number>) => of.set(kind, (of.get(kind) ?? 0) + 1);
    try {
      await wake(id);
      count(this.stats.handled);
    } catch (error) {
      count(this.stats.failed);
      const level = error instanceof StoreUnavailable ? 'warn' : 'error';
      this.#options.log[level]({ err: error, kind, id }, 'deadline not handled; it will be taken again');
    }
  }
}
