import type { Store } from '../../server/store/index.ts';

/** The store's clock, asked now and then and carried on by this node's own in between. */
export class StoreClock {
  readonly #store: Pick<Store, 'nowMs'>;
  #aheadMs = Date.now() - performance.now();

  constructor(store: Pick<Store, 'nowMs'>) {
    this.#store = store;
  }

  /** Asks the store; where it does not answer this node's clock goes on as it was set. */
  async set(): Promise<void> {
    const nowMs = await this.#store.nowMs().catch(() => undefined);
    if (nowMs !== undefined) this.#aheadMs = nowMs - performance.now();
  }

  nowMs = (): number => performance.now() + this.#aheadMs;
}
